package state

import (
	"context"
	"strconv"
)

// scan gives fewer than limit marks only at the index's end.
func (s *shared) scan(ctx context.Context, index byte, after *mark, limit int) ([]mark, error) {
	var out []mark
	for behind := after; ; {
		page, err := s.stretch(ctx, index, behind, limit)
		if err != nil {
			return nil, err
		}
		for _, m := range page {
			if (after == nil || newestFirst(m, *after) > 0) && len(out) < limit {
				out = append(out, m)
			}
		}
		if len(page) < limit || len(out) == limit {
			return out, nil
		}
		behind = &page[len(page)-1]
	}
}

func (s *shared) stretch(ctx context.Context, index byte, behind *mark, limit int) ([]mark, error) {
	at, id := "", ""
	if behind != nil {
		at, id = strconv.FormatInt(behind.at, 10), behind.id
	}
	reply, err := s.scripts.scan.Run(ctx, s.client, []string{s.keys.status(index)}, limit, at, id).StringSlice()
	if err != nil {
		return nil, err
	}
	page := make([]mark, 0, len(reply)/2)
	for i := 0; i+1 < len(reply); i += 2 {
		ms, err := strconv.ParseInt(reply[i+1], 10, 64)
		if err != nil {
			return nil, errReply
		}
		page = append(page, mark{ms, reply[i]})
	}
	return page, nil
}

func (s *shared) load(ctx context.Context, ids []string) ([]*rec, int64, error) {
	args := make([]any, 0, 1+len(ids))
	args = append(args, s.keys.record())
	for _, id := range ids {
		args = append(args, id)
	}
	reply, err := s.scripts.look.Run(ctx, s.client, s.keys.records(), args...).Slice()
	if err != nil {
		return nil, 0, err
	}
	if len(reply) != 1+len(ids) {
		return nil, 0, errReply
	}
	now, ok := reply[0].(int64)
	if !ok {
		return nil, 0, errReply
	}
	recs := make([]*rec, len(ids))
	for i := range ids {
		raw, _ := reply[1+i].(string)
		if raw == "" {
			continue
		}
		if recs[i], err = decodeRec([]byte(raw)); err != nil {
			return nil, 0, err
		}
	}
	return recs, now, nil
}

func (s *shared) counts(ctx context.Context) (tally, error) {
	n, err := s.scripts.counts.Run(ctx, s.client, s.keys.records(), s.keys.record()).Int64Slice()
	if err != nil {
		return tally{}, err
	}
	if len(n) != 6 {
		return tally{}, errReply
	}
	return tally{
		pending: int(n[0]), rejected: int(n[1]), delivered: int(n[2]), discarded: int(n[3]), sending: int(n[4]), oldest: n[5],
	}, nil
}

func (s *shared) retry(ctx context.Context, id string) error {
	return s.word(ctx, s.scripts.retry, id, s.keys.wake())
}

func (s *shared) discard(ctx context.Context, id string) error {
	return s.word(ctx, s.scripts.discard, id)
}
