package main

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"talkbridge/internal/config"
	"talkbridge/pusher"
)

// cryptoCommand is for the day on which the platform cannot read what arrives: both sides seal and open the same text.
func cryptoCommand(s *settings) *cobra.Command {
	return group("crypto", "Seal and open by hand, with the platform's people on the phone",
		cryptoSealCommand(s), cryptoOpenCommand(s), cryptoKeygenCommand())
}

func cryptoSealCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "seal [FILE]",
		Short: "SM4/ECB/PKCS5Padding and Base64 under platform.client_secret; reads standard input without FILE",
		Args:  atMostOneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			sealer, text, err := sealerAndText(cmd, s, args)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), sealer.Seal(text))
			return err
		},
	}
}

func cryptoOpenCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "open [FILE]",
		Short: "The reverse of seal: prints the text in clear, so mind who looks on",
		Args:  atMostOneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			sealer, text, err := sealerAndText(cmd, s, args)
			if err != nil {
				return err
			}
			plain, err := sealer.Open(strings.TrimSpace(string(text)))
			if err != nil {
				return fmt.Errorf("%w: it was sealed with another key, or is not whole", err)
			}
			_, err = cmd.OutOrStdout().Write(plain)
			return err
		},
	}
}

func cryptoKeygenCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "keygen",
		Short: "Make a key for state.key: Base64 of 16 random bytes",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			key := make([]byte, 16)
			if _, err := rand.Read(key); err != nil {
				return fmt.Errorf("make a key: %w", err)
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), base64.StdEncoding.EncodeToString(key))
			return err
		},
	}
}

func atMostOneFile(_ *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usageError{fmt.Errorf("one file at most, not %d", len(args))}
	}
	return nil
}

func sealerAndText(cmd *cobra.Command, s *settings, args []string) (*pusher.Sealer, []byte, error) {
	c, err := config.Load(s.config)
	if err != nil {
		return nil, nil, err
	}
	key, err := pusher.Key(c.Platform.ClientSecret, c.Platform.KeyEncoding)
	if err != nil {
		return nil, nil, fmt.Errorf("platform: %w", err)
	}
	sealer, err := pusher.NewSealer(key)
	if err != nil {
		return nil, nil, err
	}
	var text []byte
	if len(args) == 1 {
		text, err = os.ReadFile(args[0])
	} else {
		text, err = io.ReadAll(cmd.InOrStdin())
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the text: %w", err)
	}
	return sealer, text, nil
}
