package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"go.etcd.io/bbolt"
)

// openKeeper gives nil where nothing is kept.
func openKeeper(store string) (keeper, error) {
	kind, where, _ := strings.Cut(store, ":")
	switch kind {
	case "":
		return nil, nil
	case "redis":
		client := redis.NewClient(&redis.Options{Addr: where, DisableIdentity: true})
		return &redisKeeper{client, redis.NewScript(beforeScript), redis.NewScript(afterScript)}, nil
	case "file":
		db, err := bbolt.Open(where, 0o600, &bbolt.Options{Timeout: time.Second, FreelistType: bbolt.FreelistMapType})
		if err != nil {
			return nil, fmt.Errorf("open the file: %w", err)
		}
		return &fileKeeper{db}, nil
	default:
		return nil, fmt.Errorf("store %q: use redis:ADDRESS or file:PATH", store)
	}
}

// redisKeeper keeps payloads in Redis: one script for each batch.
type redisKeeper struct {
	client    *redis.Client
	keep, end *redis.Script
}

// The scripts. KEYS: the position, then the records. ARGV: likewise.
const (
	beforeScript = `for i = 2, #KEYS do redis.call('SET', KEYS[i], ARGV[i]) end
redis.call('SET', KEYS[1], ARGV[1]) return 1`
	afterScript = `for i = 1, #KEYS do redis.call('SET', KEYS[i], 'sent') end return 1`
)

func (k *redisKeeper) before(ctx context.Context, records []posting) error {
	keys, args := make([]string, 1, 1+len(records)), make([]any, 1, 1+len(records))
	keys[0], args[0] = "floor:position", records[len(records)-1].pos
	for _, r := range records {
		keys, args = append(keys, "floor:"+r.id), append(args, r.body)
	}
	return k.keep.Run(ctx, k.client, keys, args...).Err()
}

func (k *redisKeeper) after(ctx context.Context, records []posting) error {
	keys := make([]string, 0, len(records))
	for _, r := range records {
		keys = append(keys, "floor:"+r.id)
	}
	return k.end.Run(ctx, k.client, keys).Err()
}

func (k *redisKeeper) Close() error { return k.client.Close() }

// fileKeeper keeps payloads in a file: one transaction for each batch, on the disk before it goes on.
type fileKeeper struct{ db *bbolt.DB }

func (k *fileKeeper) before(_ context.Context, records []posting) error {
	return k.write(records, func(bucket *bbolt.Bucket, r posting) error { return bucket.Put([]byte(r.id), r.body) })
}

func (k *fileKeeper) after(_ context.Context, records []posting) error {
	return k.write(records, func(bucket *bbolt.Bucket, r posting) error { return bucket.Put([]byte(r.id), []byte("sent")) })
}

func (k *fileKeeper) write(records []posting, put func(*bbolt.Bucket, posting) error) error {
	return k.db.Update(func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists([]byte("floor"))
		if err != nil {
			return err
		}
		for _, r := range records {
			if err := put(bucket, r); err != nil {
				return err
			}
		}
		return bucket.Put([]byte("position"), binary.BigEndian.AppendUint32(nil, records[len(records)-1].pos))
	})
}

func (k *fileKeeper) Close() error { return k.db.Close() }
