package state

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

func (s *shared) pause(ctx context.Context, note []byte, replace bool) (bool, error) {
	flag := "0"
	if replace {
		flag = "1"
	}
	n, err := s.scripts.pause.Run(ctx, s.client, []string{s.keys.paused()}, note, flag).Int64()
	return n == 1, err
}

func (s *shared) resume(ctx context.Context, note []byte) (bool, error) {
	n, err := s.scripts.resume.Run(ctx, s.client, []string{s.keys.paused()}, note, s.keys.wake()).Int64()
	return n == 1, err
}

func (s *shared) paused(ctx context.Context) ([]byte, int64, error) {
	reply, err := s.client.HMGet(ctx, s.keys.paused(), "since", "note").Result()
	if err != nil || len(reply) != 2 || reply[0] == nil || reply[1] == nil {
		return nil, 0, err
	}
	at, _ := reply[0].(string)
	note, _ := reply[1].(string)
	since, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return nil, 0, errReply
	}
	return []byte(note), since, nil
}

// scanCount is how many keys one step of a walk looks at: Redis answers others in between.
const scanCount = 500

// export reads the position first and each record after it, so every record is at least as new as the position; what is newer is
// recognised when it is read again. Redis' SCAN gives every key that is there from its beginning to its end at least once, and a
// record keeps its key whatever becomes of it; a walk over the sorted sets would miss what moves between them.
func (s *shared) export(
	ctx context.Context, begin func(checkpoint []byte, total int) error, each func(id string, packed []byte) error,
) error {
	position, _, err := s.checkpoint(ctx)
	if err != nil {
		return err
	}
	n, err := s.counts(ctx)
	if err != nil {
		return err
	}
	if err := begin(position, n.pending+n.rejected+n.delivered+n.discarded); err != nil {
		return err
	}
	seen := map[[16]byte]struct{}{} // a key may come twice while Redis grows its table; 1,000,000 records take some 40 MB here
	return s.everyRecord(ctx, func(conn *redis.Conn, keys []string) error {
		values, err := conn.MGet(ctx, keys...).Result()
		if err != nil {
			return err
		}
		for i, key := range keys {
			packed, ok := values[i].(string)
			id := strings.TrimPrefix(key, s.keys.record())
			mark := keyPrint(id)
			if _, twice := seen[mark]; !ok || twice { // or forgotten meanwhile
				continue
			}
			seen[mark] = struct{}{}
			if err := each(id, []byte(packed)); err != nil {
				return err
			}
		}
		return nil
	})
}

// everyRecord walks over the keys of all records on one connection to one server. Where that server goes away, or the slot moves
// to another, the walk ends with an error: a cursor means nothing to another server.
func (s *shared) everyRecord(ctx context.Context, visit func(conn *redis.Conn, keys []string) error) error {
	conn, err := s.master(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // only read, or done with
	for cursor := uint64(0); ; {
		keys, next, err := conn.Scan(ctx, cursor, s.keys.record()+"*", scanCount).Result()
		if err != nil {
			return fmt.Errorf("walk over the records: %w", err)
		}
		if len(keys) > 0 {
			if err := visit(conn, keys); err != nil {
				return err
			}
		}
		if cursor = next; cursor == 0 {
			// A Cluster that moved the slot meanwhile says so now.
			return conn.Exists(ctx, s.keys.leader(), s.keys.canary()).Err()
		}
	}
}

// master is a connection to the server that has our keys.
func (s *shared) master(ctx context.Context) (*redis.Conn, error) {
	switch client := s.client.(type) {
	case *redis.Client:
		return client.Conn(), nil
	case *redis.ClusterClient:
		node, err := client.MasterForKey(ctx, s.keys.leader())
		if err != nil {
			return nil, err
		}
		return node.Conn(), nil
	default:
		return nil, errors.New("a kind of Redis that is not known")
	}
}

func (s *shared) clear(ctx context.Context) error {
	err := s.everyRecord(ctx, func(conn *redis.Conn, keys []string) error { return conn.Unlink(ctx, keys...).Err() })
	if err != nil {
		return err
	}
	return s.client.Unlink(ctx, s.keys.records(s.keys.checkpoint(), s.keys.reconciled())...).Err()
}

func (s *shared) imports(ctx context.Context, owner string, epoch uint64, items []item) error {
	args := make([]any, 0, 3+2*len(items))
	args = append(args, s.keys.record(), owner, epoch)
	for _, i := range items {
		args = append(args, i.id, i.packed)
	}
	n, err := s.scripts.imports.Run(ctx, s.client, s.keys.records(s.keys.leader()), args...).Int64()
	switch {
	case err != nil:
		return err
	case n == -1:
		return ErrFenced
	case n != int64(len(items)):
		return errors.New("a record of the backup cannot be read")
	}
	return nil
}
