package chaos

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"talkbridge/internal/rig"
)

// storm lets the schedule happen.
func (s *stage) storm(ctx context.Context, schedule Schedule, kinds []Kind, journal *journal[Event]) error {
	by := map[string]Kind{}
	for _, k := range kinds {
		by[k.Name] = k
	}
	var mu sync.Mutex // guards broken
	var broken []error
	for _, group := range schedule.Groups {
		var all sync.WaitGroup
		for _, f := range group.Faults {
			all.Go(func() {
				if err := s.suffer(ctx, f, by[f.Kind], journal); err != nil {
					mu.Lock()
					defer mu.Unlock()
					broken = append(broken, err)
				}
			})
		}
		all.Wait()
		if ctx.Err() != nil || len(broken) > 0 {
			break
		}
		rig.Pause(ctx, group.Quiet)
	}
	return errors.Join(append(broken, ctx.Err())...)
}

// suffer lets one fault happen. What could not happen is noted; what cannot be ended ends the run.
func (s *stage) suffer(ctx context.Context, f Planned, k Kind, journal *journal[Event]) error {
	rig.Pause(ctx, f.After)
	e := Event{Planned: f, Begun: time.Now()}
	end, err := k.begin(ctx, s, f, &e)
	switch {
	case errors.Is(err, errBroken):
		return fmt.Errorf("%s: %w", f.Kind, err)
	case err != nil:
		e.Note, e.Skipped = err.Error(), true
	}
	if end != nil {
		rig.Pause(ctx, f.Lasts-time.Since(e.Begun))
		err = end(context.WithoutCancel(ctx))
	} else if errors.Is(ctx.Err(), context.Canceled) {
		err = nil
	}
	e.Ended = time.Now()
	journal.add(e)
	s.tell(e)
	if err != nil && !e.Skipped {
		return fmt.Errorf("end of %s: %w", f.Kind, err)
	}
	return nil
}

// tell says that a fault is over.
func (s *stage) tell(e Event) {
	note := ""
	if e.Note != "" {
		note = " (" + e.Note + ")"
	}
	verb := "was there"
	if e.Skipped {
		verb = "did not happen"
	}
	fmt.Fprintf(s.Out, "%s  group %d: %s%s %s for %v\n", e.Ended.Format(time.TimeOnly), e.Group, e.Kind, note, verb,
		e.Ended.Sub(e.Begun).Round(100*time.Millisecond))
}
