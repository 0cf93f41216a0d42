package state

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"talkbridge/internal/bridge"
)

// leadership is what this process knows of its own: under which name and epoch it leads, which of its writes certainly arrived,
// and which it tried.
type leadership struct {
	owner          string
	epoch          uint64
	arrivedN, last uint64
	seen           uint64 // the highest epoch ever
}

// next numbers the next write.
func (l *leadership) next(epoch uint64) (fence, error) {
	if l.epoch == 0 || epoch != l.epoch {
		return fence{}, ErrFenced
	}
	l.last++
	return fence{owner: l.owner, epoch: epoch, low: l.arrivedN, write: l.last}, nil
}

func (l *leadership) arrived(f fence) { l.arrivedN = f.write }

// Lead takes the leadership or renews it. owner names this process and no other, also not its predecessor of the same
// configuration. ok is false while another leads whose ttl is not over. The epoch stays while the same process renews and grows
// with each change.
//
// It grows as well when the store has lost writes that it had confirmed to this process (Redis restarted without its last
// second, a replica took over, an older copy was put back): whoever reads the log has to go back to Checkpoint then, as after
// any other change of epoch.
func (s *Store) Lead(ctx context.Context, owner string, ttl time.Duration) (epoch uint64, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := claim{owner: owner, ttl: ttl, seen: s.lead.seen}
	if s.lead.owner == owner {
		c.epoch, c.low, c.high = s.lead.epoch, s.lead.arrivedN, s.lead.last
	}
	g, err := s.back.lead(ctx, c)
	if err != nil {
		return 0, false, fmt.Errorf("take the lead: %w", err)
	}
	if !g.ok {
		return 0, false, nil
	}
	if g.epoch != s.lead.epoch || owner != s.lead.owner {
		s.lead = leadership{owner: owner, epoch: g.epoch, arrivedN: g.writes, last: g.writes, seen: max(s.lead.seen, g.epoch)}
	}
	return g.epoch, true, nil
}

// Resign gives the leadership up, so that another need not wait for the ttl. It is no error if owner does not lead.
func (s *Store) Resign(ctx context.Context, owner string) error {
	if err := s.back.resign(ctx, owner); err != nil {
		return fmt.Errorf("resign the lead: %w", err)
	}
	return nil
}

// ClearPosition forgets the saved position. Invariant 7: only who leads under this epoch can, else it is ErrFenced.
func (s *Store) ClearPosition(ctx context.Context, epoch uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.lead.next(epoch)
	if err == nil {
		_, err = s.back.append(ctx, f, nil, []byte(forgotten))
	}
	if err != nil {
		return fmt.Errorf("clear the position: %w", err)
	}
	s.lead.arrived(f)
	return nil
}

// Checkpoint is the position that was last saved; false: none.
func (s *Store) Checkpoint(ctx context.Context) (bridge.Checkpoint, bool, error) {
	text, savedAt, err := s.back.checkpoint(ctx)
	if err != nil {
		return bridge.Checkpoint{}, false, fmt.Errorf("read the checkpoint: %w", err)
	}
	if text == nil {
		return bridge.Checkpoint{}, false, nil
	}
	var cp bridge.Checkpoint
	if err := json.Unmarshal(text, &cp); err != nil {
		return bridge.Checkpoint{}, false, fmt.Errorf("read the checkpoint: it is damaged: %w", err)
	}
	cp.SavedAt = time.UnixMilli(savedAt).UTC()
	return cp, true, nil
}
