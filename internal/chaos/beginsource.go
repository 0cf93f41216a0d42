package chaos

import (
	"context"
	"fmt"
	"time"

	"talkbridge/internal/rig"
)

// rotateLog begins new files, one after the other.
func rotateLog(ctx context.Context, s *stage, f Planned, _ *Event) (func(context.Context) error, error) {
	for range 1 + int(f.Lasts/time.Second) {
		if err := s.exec(ctx, "FLUSH BINARY LOGS"); err != nil {
			return nil, err
		}
		rig.Pause(ctx, 300*time.Millisecond)
	}
	return func(context.Context) error { return nil }, nil
}

// purgeLog begins a new file and removes the older ones, as far as the server lets go of them: it keeps what is being read.
func purgeLog(ctx context.Context, s *stage, f Planned, e *Event) (func(context.Context) error, error) {
	if _, err := rotateLog(ctx, s, f, e); err != nil {
		return nil, err
	}
	return func(context.Context) error { return nil }, s.purge(ctx)
}

// purgeUnread ends every bridge, lets the log grow, and removes it unread: the saved position is gone from the server.
func purgeUnread(ctx context.Context, s *stage, f Planned, e *Event) (func(context.Context) error, error) {
	end, err := killAll(ctx, s, f, e)
	if err != nil {
		return nil, err
	}
	rig.Pause(ctx, f.Lasts)
	if err := s.exec(ctx, "FLUSH BINARY LOGS"); err != nil {
		return nil, fmt.Errorf("%w %w", err, end(ctx))
	}
	// A reader that is gone holds its file until the server has noticed.
	err = rig.Until(ctx, 20*time.Second, func() error {
		if err := s.purge(ctx); err != nil {
			return err
		}
		files, err := s.logs(ctx)
		if err == nil && len(files) > 1 {
			err = fmt.Errorf("the server keeps %d files", len(files))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%w %w", err, end(ctx))
	}
	return end, nil
}

// logs lists the server's files.
func (s *stage) logs(ctx context.Context) ([]string, error) {
	rows, err := s.db.QueryContext(ctx, "SHOW BINARY LOGS")
	if err != nil {
		return nil, fmt.Errorf("list the source's logs: %w", err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, fmt.Errorf("list the source's logs: %w", err)
	}
	var files []string
	for rows.Next() {
		var name string
		into := make([]any, len(columns))
		into[0] = &name
		for i := 1; i < len(into); i++ {
			into[i] = new(any)
		}
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("list the source's logs: %w", err)
		}
		files = append(files, name)
	}
	return files, rows.Err()
}

func (s *stage) purge(ctx context.Context) error {
	files, err := s.logs(ctx)
	if err != nil || len(files) == 0 {
		return err
	}
	return s.exec(ctx, "PURGE BINARY LOGS TO '"+files[len(files)-1]+"'")
}

// exec gives a statement to the source; one that is frozen is not waited for.
func (s *stage) exec(ctx context.Context, statement string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, err := s.db.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// sourceClock makes the commits of the writers bear times of an hour ago, or of an hour ahead, as a server's do whose clock was set.
func sourceClock(_ context.Context, s *stage, f Planned, e *Event) (func(context.Context) error, error) {
	jump := time.Hour
	if f.Dice < 0.5 {
		jump = -jump
	}
	e.Note = jump.String()
	s.clock.Store(int64(jump))
	return func(context.Context) error { s.clock.Store(0); return nil }, nil
}
