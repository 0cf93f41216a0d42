package state

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

var errReply = errors.New("answer of Redis that no script of ours gives; is another program writing to the keys?")

func (s *shared) append(ctx context.Context, f fence, list []entry, checkpoint []byte) (int, error) {
	var given []held
	w, told := s.expected.take()
	// What cannot be released is due again when its lease ends.
	defer func() { _ = releaseAll(ctx, s, s.expected.fulfil(w, told, given)) }()
	args := make([]any, 0, 11+4*len(list))
	args = append(args, s.keys.record(), f.owner, f.epoch, f.low, f.write, s.keys.wake(), checkpoint)
	args = append(args, w.limit, w.ttl.Milliseconds(), w.token[:], flag(s.answered.Load()))
	for _, e := range list {
		args = append(args, e.id, flag(e.scanned), e.ident[:], e.content)
	}
	begun := time.Now() // Invariant 3: a lease counts from before it was asked for
	keys := s.keys.records(s.keys.leader(), s.keys.checkpoint(), s.keys.paused(), s.keys.life())
	reply, err := s.scripts.append.Run(ctx, s.client, keys, args...).Slice()
	if err != nil {
		return 0, err
	}
	switch {
	case len(reply) == 1 && reply[0] == "fenced":
		return 0, ErrFenced
	case len(reply) < 2 || reply[0] != "ok":
		return 0, errReply
	}
	queued, ok := reply[1].(int64)
	if !ok {
		return 0, errReply
	}
	texts := make([]string, len(reply)-2)
	for i := range texts {
		if texts[i], ok = reply[2+i].(string); !ok {
			return 0, errReply
		}
	}
	if given, err = granted(texts, w.token, begun.Add(w.ttl)); err != nil {
		given = nil // they are due again when their leases end, and whoever leases them then meets the error
	}
	recall(given, list)
	return int(queued), nil
}

func (s *shared) submit(ctx context.Context, list []entry, again bool) (int, error) {
	args := make([]any, 0, 3+4*len(list))
	args = append(args, s.keys.record(), s.keys.wake(), flag(again))
	for _, e := range list {
		args = append(args, e.id, flag(e.scanned), e.ident[:], e.content)
	}
	return s.scripts.submit.Run(ctx, s.client, s.keys.records(s.keys.life()), args...).Int()
}

// flag is a truth as the scripts take it.
func flag(is bool) string {
	if is {
		return "1"
	}
	return "0"
}

func (s *shared) lease(ctx context.Context, limit int, ttl time.Duration, token leaseToken) ([]held, error) {
	if ready := s.expected.collect(limit); len(ready) > 0 {
		return ready, nil
	}
	reply, err := s.scripts.lease.Run(ctx, s.client, s.keys.records(s.keys.paused(), s.keys.life()),
		s.keys.record(), limit, ttl.Milliseconds(), token[:], s.retention.Milliseconds(), flag(s.answered.Load())).StringSlice()
	if err != nil {
		return nil, err
	}
	s.answered.Store(true)
	return granted(reply, token, time.Time{})
}

// granted reads what grant.lua gives. end is the leases' end by this process's clock; zero where Lease knows it.
func granted(reply []string, token leaseToken, end time.Time) ([]held, error) {
	if len(reply) == 0 {
		return nil, nil
	}
	until, err := strconv.ParseInt(reply[0], 10, 64)
	if err != nil {
		return nil, errReply
	}
	out := make([]held, 0, len(reply)/2)
	for i := 1; i+1 < len(reply); i += 2 {
		r, err := readRec([]byte(reply[i+1]))
		if err != nil {
			return nil, fmt.Errorf("record %s: %w", reply[i], err)
		}
		r.attempts, r.token, r.until = r.attempts+1, token, until // as the script has written it
		out = append(out, held{id: reply[i], rec: r, end: end})
	}
	return out, nil
}

func (s *shared) expect(ctx context.Context, limit int, ttl time.Duration, token leaseToken) error {
	return s.expected.expect(ctx, s, wish{limit, ttl, token})
}

func (s *shared) take(ctx context.Context, id string, change *entry, ttl time.Duration, token leaseToken) (held, error) {
	args := []any{s.keys.record(), id, ttl.Milliseconds(), token[:]}
	if change != nil {
		args = append(args, "1", change.ident[:], change.content)
	}
	reply, err := s.scripts.take.Run(ctx, s.client, s.keys.records(s.keys.paused(), s.keys.life(), s.keys.leader()), args...).StringSlice()
	if err != nil {
		return held{}, err
	}
	refused := map[string]error{
		"paused": ErrPaused, "none": ErrNotFound, "sending": ErrSending, "done": ErrNotWaiting, "damaged": errDamaged,
	}
	switch {
	case len(reply) == 2 && reply[0] == "ok":
		r, err := decodeRec([]byte(reply[1]))
		return held{id: id, rec: r}, err
	case len(reply) == 1 && refused[reply[0]] != nil:
		return held{}, refused[reply[0]]
	default:
		return held{}, errReply
	}
}

func (s *shared) settle(ctx context.Context, list []ending) ([]ended, error) {
	args := make([]any, 0, 1+6*len(list))
	args = append(args, s.keys.record())
	for i := range list {
		e := &list[i]
		args = append(args, e.id, e.token[:], e.seq, string(e.verdict), e.after.Milliseconds(), e.outcome)
	}
	words, err := s.scripts.settle.Run(ctx, s.client, s.keys.records(), args...).StringSlice()
	if err != nil {
		return nil, err
	}
	if len(words) != len(list) {
		return nil, errReply
	}
	out := make([]ended, len(list))
	for i, word := range words {
		switch word {
		case "ok":
		case "due":
			out[i].dueNow = true
		case "lost":
			out[i].err = ErrLeaseLost
		default:
			return nil, errReply
		}
	}
	return out, nil
}

func (s *shared) release(ctx context.Context, l leaseRef) error {
	return s.word(ctx, s.scripts.release, l.id, l.token[:], s.keys.wake())
}

// word runs a script that changes one record and answers with a word.
func (s *shared) word(ctx context.Context, script *redis.Script, args ...any) error {
	word, err := script.Run(ctx, s.client, s.keys.records(), append([]any{s.keys.record()}, args...)...).Text()
	if err != nil {
		return err
	}
	switch word {
	case "ok":
		return nil
	case "lost":
		return ErrLeaseLost
	case "none":
		return ErrNotFound
	case "gone":
		return ErrNoContent
	case "sending":
		return ErrSending
	default:
		return errReply
	}
}

func (s *shared) nextDue(ctx context.Context) (time.Duration, bool, error) {
	ms, err := s.scripts.next.Run(ctx, s.client, []string{s.keys.due()}).Int64()
	if errors.Is(err, redis.Nil) {
		return 0, false, nil
	}
	return time.Duration(ms) * time.Millisecond, err == nil, err
}

func (s *shared) checkpoint(ctx context.Context) ([]byte, int64, error) {
	reply, err := s.client.HMGet(ctx, s.keys.checkpoint(), "position", "saved_at").Result()
	if err != nil || len(reply) != 2 || reply[0] == nil || reply[1] == nil {
		return nil, 0, err
	}
	text, _ := reply[0].(string)
	at, _ := reply[1].(string)
	savedAt, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return nil, 0, errReply
	}
	return []byte(text), savedAt, nil
}
