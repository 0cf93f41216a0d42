package audit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/state"
)

const key = "MDEyMzQ1Njc4OWFiY2RlZg=="

// kept is a store's anchors in memory.
type kept struct {
	mu   sync.Mutex
	rows map[string]state.AuditAnchor
	err  error
}

func (k *kept) AuditAnchors(context.Context) ([]state.AuditAnchor, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []state.AuditAnchor
	for _, a := range k.rows {
		out = append(out, a)
	}
	return out, k.err
}

func (k *kept) SetAuditAnchor(_ context.Context, a state.AuditAnchor) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err == nil && a.N >= k.rows[a.Log].N {
		k.rows[a.Log] = a
	}
	return k.err
}

func logIn(t *testing.T) (*Log, *kept) {
	t.Helper()
	anchors := &kept{rows: map[string]state.AuditAnchor{}}
	l, err := New(filepath.Join(t.TempDir(), "audit.log"), key, anchors)
	require.NoError(t, err)
	return l, anchors
}

func fill(t *testing.T, l *Log, n int) {
	t.Helper()
	for i := range n {
		require.NoError(t, l.Append(t.Context(), Event{Actor: "ops", Action: "records.retry", Object: fmt.Sprintf("one/%d", i), Result: Done}))
	}
}

func verified(t *testing.T, l *Log) Report {
	t.Helper()
	r, err := l.Verify(t.Context())
	require.NoError(t, err)
	return r
}

func lines(t *testing.T, l *Log) []string {
	t.Helper()
	text, err := os.ReadFile(l.path)
	require.NoError(t, err)
	return strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
}

func rewrite(t *testing.T, l *Log, lines ...string) {
	t.Helper()
	require.NoError(t, os.WriteFile(l.path, []byte(strings.Join(lines, "")), 0o600))
}

func TestATrailIsWholeAndReadsBack(t *testing.T) {
	l, anchors := logIn(t)
	require.True(t, verified(t, l).Whole(), "none yet")
	fill(t, l, 5)
	r := verified(t, l)
	require.True(t, r.Whole())
	require.Equal(t, 5, r.Events)
	require.Equal(t, uint64(5), r.Anchored)
	require.Len(t, anchors.rows, 1)
	info, err := os.Stat(l.path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	events, err := l.Read(Query{Limit: 2})
	require.NoError(t, err)
	require.Equal(t, []string{"one/4", "one/3"}, []string{events[0].Object, events[1].Object})
	events, err = l.Read(Query{Before: 3})
	require.NoError(t, err)
	require.Len(t, events, 2)
	events, err = l.Read(Query{Since: time.Now().Add(time.Hour)})
	require.NoError(t, err)
	require.Empty(t, events)
}

// Whatever is done to the file by somebody without the key is seen.
func TestTamperingIsSeen(t *testing.T) {
	for name, tamper := range map[string]func(t *testing.T, l *Log, was []string) []string{
		"a word changed": func(_ *testing.T, _ *Log, was []string) []string {
			was[1] = strings.Replace(was[1], "ops", "eve", 1)
			return was
		},
		"a line taken":    func(_ *testing.T, _ *Log, was []string) []string { return append(was[:1:1], was[2:]...) },
		"the first taken": func(_ *testing.T, _ *Log, was []string) []string { return was[1:] },
		"two swapped":     func(_ *testing.T, _ *Log, was []string) []string { was[1], was[2] = was[2], was[1]; return was },
		"one repeated":    func(_ *testing.T, _ *Log, was []string) []string { return append(was, was[3]) },
		"the tail cut":    func(_ *testing.T, _ *Log, was []string) []string { return was[:2] },
		"all cut":         func(*testing.T, *Log, []string) []string { return nil },
		"a member added": func(_ *testing.T, _ *Log, was []string) []string {
			was[1] = strings.Replace(was[1], `{`, `{"also":1,`, 1)
			return was
		},
		"written anew": func(t *testing.T, _ *Log, _ []string) []string {
			t.Helper()
			other, err := New(filepath.Join(t.TempDir(), "other.log"), key, nil)
			require.NoError(t, err)
			fill(t, other, 4)
			return lines(t, other)
		},
		"under another key": func(t *testing.T, l *Log, was []string) []string {
			t.Helper()
			rewrite(t, l, was...)
			other, err := New(l.path, "ZmVkY2JhOTg3NjU0MzIxMA==", nil)
			require.NoError(t, err)
			fill(t, other, 1)
			return lines(t, l)
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := logIn(t)
			fill(t, l, 4)
			rewrite(t, l, tamper(t, l, lines(t, l))...)
			require.False(t, verified(t, l).Whole())
		})
	}
}

// A crash leaves half a line; what comes after goes on behind it, and nothing is taken for tampering.
func TestATornLineIsNoTampering(t *testing.T) {
	l, _ := logIn(t)
	fill(t, l, 2)
	was := lines(t, l)
	rewrite(t, l, was[0], was[1]+"\n", `{"n":3,"at":"2026-`)
	require.True(t, verified(t, l).Whole())
	fill(t, l, 2)
	r := verified(t, l)
	require.True(t, r.Whole(), "%v", r.Faults)
	require.Equal(t, 4, r.Events)
	require.Equal(t, []int{3}, r.Torn)
}

func TestALogThatWasPutAwayIsLookedFor(t *testing.T) {
	l, anchors := logIn(t)
	fill(t, l, 3)
	var id string
	for id = range anchors.rows { //nolint:revive // the one there is
	}
	require.NoError(t, os.Rename(l.path, l.path+".old"))
	fill(t, l, 1)
	require.False(t, verified(t, l).Whole(), "it is gone")
	require.NoError(t, os.Rename(l.path+".old", l.path+"."+id))
	require.True(t, verified(t, l).Whole(), "it was put away under its name")
}

func TestAStoreThatIsAwayDoesNotStopTheTrail(t *testing.T) {
	l, anchors := logIn(t)
	fill(t, l, 1)
	anchors.err = errors.New("away")
	require.ErrorIs(t, l.Append(t.Context(), Event{Actor: "ops", Action: "pause", Result: Done}), ErrNotAnchored)
	anchors.err = nil
	r := verified(t, l)
	require.True(t, r.Whole())
	require.Equal(t, uint64(1), r.Anchored)
	fill(t, l, 1)
	require.Equal(t, uint64(3), verified(t, l).Anchored)
}

func TestAFileThatIsNoTrailIsLeftAlone(t *testing.T) {
	l, _ := logIn(t)
	rewrite(t, l, "hello\n")
	require.ErrorContains(t, l.Append(t.Context(), Event{Action: "pause"}), "Move the file away")
	require.Equal(t, []string{"hello"}, lines(t, l))
}

// Several processes write one file.
func TestSeveralProcessesWriteOneTrail(t *testing.T) {
	if path := os.Getenv("AUDIT_TEST_LOG"); path != "" {
		l, err := New(path, key, nil)
		require.NoError(t, err)
		fill(t, l, 50)
		return
	}
	l, _ := logIn(t)
	var group sync.WaitGroup
	for range 4 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSeveralProcessesWriteOneTrail$")
		cmd.Env = append(os.Environ(), "AUDIT_TEST_LOG="+l.path)
		group.Go(func() {
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	group.Wait()
	r := verified(t, l)
	require.True(t, r.Whole(), "%v", r.Faults)
	require.Equal(t, 200, r.Events)
}
