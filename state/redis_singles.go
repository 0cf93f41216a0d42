package state

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

func (s *shared) lead(ctx context.Context, c claim) (grant, error) {
	n, err := s.scripts.lead.Run(ctx, s.client, []string{s.keys.leader()},
		c.owner, c.ttl.Milliseconds(), c.epoch, c.low, c.high, c.seen).Int64Slice()
	if err != nil {
		return grant{}, err
	}
	switch len(n) {
	case 0:
		return grant{}, nil
	case 2:
		return grant{ok: true, epoch: uint64(n[0]), writes: uint64(n[1])}, nil
	default:
		return grant{}, errReply
	}
}

func (s *shared) resign(ctx context.Context, owner string) error {
	return s.scripts.unlock.Run(ctx, s.client, []string{s.keys.leader()}, owner).Err()
}

func (s *shared) token(ctx context.Context) ([]byte, error) {
	value, err := s.client.Get(ctx, s.keys.token()).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return value, err
}

func (s *shared) saveToken(ctx context.Context, value []byte) error {
	return s.client.Set(ctx, s.keys.token(), value, 0).Err()
}

func (s *shared) dropToken(ctx context.Context, meant [printSize]byte) error {
	return s.scripts.drop.Run(ctx, s.client, []string{s.keys.token()}, meant[:]).Err()
}

func (s *shared) lockToken(ctx context.Context, owner string, ttl time.Duration) (bool, error) {
	n, err := s.scripts.lock.Run(ctx, s.client, []string{s.keys.lock()}, owner, ttl.Milliseconds()).Int64()
	return n == 1, err
}

func (s *shared) unlockToken(ctx context.Context, owner string) error {
	return s.scripts.unlock.Run(ctx, s.client, []string{s.keys.lock()}, owner).Err()
}

func (s *shared) keepCanary(ctx context.Context, value []byte) ([]byte, error) {
	err := s.client.SetNX(ctx, s.keys.canary(), value, 0).Err()
	switch {
	case redis.IsReadOnlyError(err):
		return nil, fmt.Errorf("%w It is a read-only replica: name the primary in state.url, or its Sentinels (redis+sentinel://)", err)
	case err != nil:
		return nil, err
	}
	return s.client.Get(ctx, s.keys.canary()).Bytes()
}

func (s *shared) anchor(ctx context.Context, log string, n uint64, row []byte) error {
	return s.scripts.anchor.Run(ctx, s.client, []string{s.keys.audit()}, log, n, row).Err()
}

func (s *shared) anchors(ctx context.Context) ([][]byte, error) {
	all, err := s.client.HVals(ctx, s.keys.audit()).Result()
	rows := make([][]byte, len(all))
	for i, row := range all {
		rows[i] = []byte(row)
	}
	return rows, err
}

func (s *shared) saveReconciled(ctx context.Context, rows map[string][]byte) error {
	args := make([]any, 0, 2*len(rows))
	for route, row := range rows {
		args = append(args, route, row)
	}
	return s.client.HSet(ctx, s.keys.reconciled(), args...).Err()
}

func (s *shared) reconciled(ctx context.Context) (map[string][]byte, error) {
	all, err := s.client.HGetAll(ctx, s.keys.reconciled()).Result()
	rows := make(map[string][]byte, len(all))
	for route, row := range all {
		rows[route] = []byte(row)
	}
	return rows, err
}
