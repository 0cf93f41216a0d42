package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	smcipher "github.com/emmansun/gmsm/cipher"
	"github.com/emmansun/gmsm/padding"
	"github.com/emmansun/gmsm/sm4"

	"talkbridge/pusher"
)

// Mapping and sealing are measured in this process: they are functions, and take microseconds.

// often is how many calls are timed together: so few that the machine seldom gives the core to something else meanwhile. turns is how
// often each side is timed in a round, A B A B.
const (
	often = 10
	turns = 1000
)

func mapping(ctx context.Context, b *bench) ([]result, error) {
	m, change, err := plainMapper()
	if err != nil {
		return nil, err
	}
	defer m.Close() //nolint:errcheck // it holds nothing
	once := func() error {
		_, problems, err := m.Map(ctx, change)
		if err == nil && len(problems) > 0 {
			err = fmt.Errorf("the record is refused: %v", problems)
		}
		return err
	}
	seal, err := sealing()
	if err != nil {
		return nil, err
	}
	took, err := alternating(b.rounds, append([]func() error{once}, seal...))
	if err != nil {
		return nil, err
	}
	b.say("mapping %.1f µs, sealing %.2f µs, gmsm's ECB %.2f µs, with Base64 %.2f µs", took[0], took[1], took[2], took[3])
	return []result{
		against("mapping one record, contract and rules checked, against 60 µs", "µs", took[0], 60, atMost(1)),
		against("sealing 2 KB for the platform, Base64 and all, against gmsm's own ECB", "µs", took[1], took[2], atMost(1.1)),
		against("sealing 2 KB for the platform, against gmsm's own ECB and the standard library's Base64", "µs", took[1], took[3], target{}),
	}, nil
}

// sealing gives the bridge's own way to seal 2 KB; gmsm's ECB over the same, padded; and that with the standard library's Base64.
func sealing() ([]func() error, error) {
	key := []byte("0123456789abcdef")
	sealer, err := pusher.NewSealer(key)
	if err != nil {
		return nil, err
	}
	block, err := sm4.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make a cipher: %w", err)
	}
	pad := padding.NewPKCS7Padding(sm4.BlockSize)
	text := []byte(strings.Repeat("谈话记录 ", 2048/13+1))[:2048]
	ecb := func() []byte {
		padded := pad.Pad(slices.Clip(text))
		smcipher.NewECBEncrypter(block).CryptBlocks(padded, padded)
		return padded
	}
	return []func() error{
		func() error { _ = sealer.Seal(text); return nil },
		func() error { _ = ecb(); return nil },
		func() error { _ = base64.StdEncoding.EncodeToString(ecb()); return nil },
	}, nil
}

// alternating times functions in turn and gives the median of each, microseconds a call.
func alternating(rounds int, sides []func() error) ([]float64, error) {
	times := make([][]float64, len(sides))
	for range rounds * turns {
		for i, side := range sides {
			begun := time.Now()
			for range often {
				if err := side(); err != nil {
					return nil, err
				}
			}
			times[i] = append(times[i], float64(time.Since(begun).Nanoseconds())/1e3/often)
		}
	}
	medians := make([]float64, len(sides))
	for i := range times {
		medians[i] = median(times[i])
	}
	return medians, nil
}
