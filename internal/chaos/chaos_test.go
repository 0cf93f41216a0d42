package chaos

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"talkbridge/internal/testserver"
)

var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "talkbridge-bin")
	if err != nil {
		return "", err
	}
	// With the race detector: a bridge that has a race under a storm says so in its log, and the judge looks there.
	out, err := exec.Command("go", "build", "-race", "-o", dir+"/", "talkbridge/cmd/talkbridge", "talkbridge/cmd/platformsim").CombinedOutput()
	if err != nil {
		err = errors.New(string(out))
	}
	return dir, err
})

func TestMain(m *testing.M) {
	_ = mysql.SetLogger(&mysql.NopLogger{})
	redis.SetLogger(&logging.VoidLogger{})
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if dir, err := programs(); err == nil {
			_ = os.RemoveAll(dir)
		}
		os.Exit(code)
	}))
}

// runs makes a run, with what the machine has.
func runs(t *testing.T, o Settings) *Report {
	t.Helper()
	var err error
	o.Programs, err = programs()
	require.NoError(t, err)
	report, err := Run(t.Context(), o)
	if errors.Is(err, testserver.ErrMissing) || errors.Is(err, exec.ErrNotFound) {
		if os.Getenv("CI") != "true" {
			t.Skipf("SKIPPED, NOT TESTED: %v (make test installs it)", err)
		}
	}
	require.NoError(t, err)
	return report
}

// Two minutes of faults, from a seed whose schedule has the worst of them. TALKBRIDGE_CHAOS is another length, TALKBRIDGE_SEED
// another seed.
func TestTheStorm(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED, NOT TESTED: takes two and a half minutes")
	}
	o := Settings{Duration: 2 * time.Minute, Seed: stormSeed, Out: testLog{t}}
	if text := os.Getenv("TALKBRIDGE_CHAOS"); text != "" {
		var err error
		o.Duration, err = time.ParseDuration(text)
		require.NoError(t, err)
	}
	if text := os.Getenv("TALKBRIDGE_SEED"); text != "" {
		var err error
		o.Seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
	}
	report := runs(t, o)
	var out bytes.Buffer
	report.Print(&out)
	t.Log(out.String())
	require.Empty(t, report.Violations)
	require.Positive(t, report.Taken)
	skipped := 0
	for _, e := range report.Evidence.Events {
		if e.Skipped {
			skipped++
		}
	}
	require.LessOrEqual(t, skipped, 2, "a fault may find its victim in no state for it, but not every time")
}

// stormSeed makes a schedule in which Redis forgets, lines hang and processes die within two minutes.
const stormSeed = 28487

type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

// The judge sees it when the bridge is deceived: an adversary between it and the platform says yes to a call and keeps it, or repeats an old
// one. There are no other faults. Without the lie the same run is without fault.
func TestTheJudgeSeesALie(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED, NOT TESTED: starts servers")
	}
	for _, c := range []struct {
		name string
		lie  func(seq int64) lie
		kind string
	}{
		{"no lie", func(int64) lie { return honest }, ""},
		{"a call is swallowed", func(seq int64) lie {
			if seq%3 == 0 {
				return swallow
			}
			return honest
		}, Lost},
		{"a call is repeated later", func(seq int64) lie {
			if seq%10 == 0 {
				return parrot
			}
			return honest
		}, Stale},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir, err := os.MkdirTemp("", "lie") //nolint:usetesting // t.TempDir's names are too long for a socket
			require.NoError(t, err)
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
			report := runs(t, Settings{
				Dir:      dir,
				Duration: 5 * time.Second, Seed: 1, Records: 40, Rate: 60, Calm: true, Patience: 15 * time.Second,
				Between: func(platform string) (string, func(), error) { return liar(platform, c.lie) },
			})
			kinds := map[string]int{}
			for _, v := range report.Violations {
				kinds[v.Kind]++
			}
			if c.kind == "" {
				require.Empty(t, report.Violations)
				return
			}
			require.Positive(t, kinds[c.kind], "%v", report.Violations)
			var out bytes.Buffer
			report.Print(&out)
			require.Contains(t, out.String(), "✘ "+c.kind, "the timeline of a record is printed")
			require.Contains(t, out.String(), "platform  version")
		})
	}
}

// A lie is what an adversary does with a call.
type lie int

const (
	honest  lie = iota
	swallow     // say yes and keep it
	parrot      // pass it on, and once more two seconds later
)

// liar is an adversary in front of the platform.
func liar(platform string, lies func(seq int64) lie) (addr string, end func(), err error) {
	to, err := url.Parse(platform)
	if err != nil {
		return "", nil, err
	}
	var seq atomic.Int64
	var later sync.WaitGroup
	pass := httputil.NewSingleHostReverseProxy(to)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if !strings.Contains(r.URL.Path, "/talk-record/") {
			pass.ServeHTTP(w, r)
			return
		}
		switch lies(seq.Add(1)) {
		case swallow:
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"code":0,"msg":"成功"}`)
		case parrot:
			again, _ := http.NewRequest(http.MethodPost, platform+r.URL.Path, bytes.NewReader(body))
			again.Header = r.Header.Clone()
			later.Go(func() {
				time.Sleep(2 * time.Second) // what a gateway's queue may take
				if resp, err := http.DefaultClient.Do(again); err == nil {
					resp.Body.Close()
				}
			})
			fallthrough
		case honest:
			pass.ServeHTTP(w, r)
		}
	}))
	return strings.TrimPrefix(server.URL, "http://"), func() { later.Wait(); server.Close() }, nil
}
