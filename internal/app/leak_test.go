package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/platformsim"
)

// contentAllowed lists where a row's content may stand, and why. Secrets may not stand there either. The key of a record (one/1001) may
// stand anywhere: it is how people talk of a record, and names nobody.
var contentAllowed = map[string]string{
	"talkbridge map --route one --key 1001":        "the command that shows an operator of this machine what a row becomes",
	"talkbridge map --route one --key 1001 --json": "the same",
	"POST /preview": "the same on a page: for operators only, and the trail has who looked and why",
}

// What happens to each record, and how the ledger has to have it before anything is searched.
var leakRecords = []struct {
	id     string
	what   string
	faults []platformsim.Fault
	status bridge.Status
	stage  bridge.Stage
	code   string // empty: any
}{
	{"one/1001", "success", nil, bridge.StatusDelivered, bridge.StagePlatform, "0"},
	{"multi/2001", "success, several people", nil, bridge.StatusDelivered, bridge.StagePlatform, "0"},
	{"patriarch/3001", "success, a parent", nil, bridge.StatusDelivered, bridge.StagePlatform, "0"},
	{
		"one/1002", "refusal by the platform, which repeats everything",
		[]platformsim.Fault{{Kind: platformsim.FaultReject, Msg: leakEcho}},
		bridge.StatusRejected, bridge.StagePlatform, "500",
	},
	{
		"one/1022", "the same, percent-encoded",
		[]platformsim.Fault{{Kind: platformsim.FaultReject, Msg: url.QueryEscape(leakEcho)}},
		bridge.StatusRejected, bridge.StagePlatform, "500",
	},
	{"one/1008", "refusal by a rule of the mapping", nil, bridge.StatusRejected, bridge.StageMapping, ""},
	{"one/1012", "refusal by the mapping for the values themselves", nil, bridge.StatusRejected, bridge.StageMapping, ""},
	{"one/1013", "retry: a gateway's page", []platformsim.Fault{{Kind: platformsim.FaultHTML}}, bridge.StatusPending, bridge.StagePlatform, "502"},
	{
		"one/1024", "retry: out of order, and repeats everything",
		[]platformsim.Fault{{Kind: platformsim.FaultStatus, Status: 503, Code: 503, Msg: leakEcho}},
		bridge.StatusPending, bridge.StagePlatform, "503",
	},
	{
		"one/1014", "unknown outcome: taken, the answer lost",
		[]platformsim.Fault{{Kind: platformsim.FaultReset, Apply: true}},
		bridge.StatusPending, bridge.StagePlatform, "network",
	},
	{"one/1023", "unknown outcome: no answer", []platformsim.Fault{{Kind: platformsim.FaultHang}}, bridge.StatusPending, bridge.StagePlatform, "timeout"},
	{"one/1015", "a panic whose value is the payload", nil, bridge.StatusPending, bridge.StagePlatform, "panic"},
	{"one/1016", "write-back refused by a trigger that repeats everything", nil, bridge.StatusPending, bridge.StageWriteback, "0"},
}

const leakEcho = "学生" + leakStudent + "(" + leakID + "," + leakPhone + ")的谈话「" + leakTitle + "」:" + leakContent + " 不存在"

// Invariant 8: names, numbers, contents, secrets, passwords and tokens are in no log (at debug too), metric, page, event, answer of the API,
// store, backup, trail or output of a command, through all of leakRecords, refused tokens and wrong passwords. They are looked for in every
// encoding that programs use. What may stand where is contentAllowed, and nothing else.
func TestNothingOfARowOrASecretIsLeftAnywhere(t *testing.T) {
	for _, store := range []string{"embedded", "redis"} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			l := newLeakCollege(t, store)
			stop := l.happens(t)
			places := map[string][]byte{}
			l.pages(t, places)
			l.commands(t, places, "")
			l.refused(t, places)
			l.stored(t, places, "")
			require.NoError(t, stop())
			l.commands(t, places, " afterwards")
			l.stored(t, places, " afterwards")
			l.search(t, places)
		})
	}
}

// search looks for every canary in every place.
func (l *leakCollege) search(t *testing.T, places map[string][]byte) {
	t.Helper()
	all := spellings(l.canaries())
	require.NotEmpty(t, l.tokens, "tokens were overheard")
	for place := range contentAllowed {
		require.Contains(t, places, place, "nobody looks there any more: take it off the list")
	}
	total := 0
	for _, place := range slices.Sorted(maps.Keys(places)) {
		_, allowed := contentAllowed[strings.TrimSuffix(place, " afterwards")]
		require.NotEmpty(t, places[place], place)
		total += len(places[place])
		for _, leak := range found(places[place], all, allowed) {
			t.Errorf("%s holds %s", place, leak)
		}
		if allowed {
			require.NotEmpty(t, found(places[place], all, false), "%s shows no content: take it off the list", place)
		}
	}
	t.Logf("%d spellings were looked for in %d places of %d bytes", len(all), len(places), total)
}

// happens runs a bridge and has everything happen that can happen to a record.
func (l *leakCollege) happens(t *testing.T) (stop func() error) {
	t.Helper()
	log, err := os.Create(filepath.Join(l.dir, "log"))
	require.NoError(t, err)
	defer log.Close()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), panicking(t), "run", "-c", l.config)
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	for _, r := range leakRecords {
		_, key, _ := strings.Cut(r.id, "/")
		for _, f := range r.faults {
			f.RecordIDs = []string{key}
			_, err := l.sim.Inject(f)
			require.NoError(t, err)
		}
		l.press(t, key)
	}
	client := &http.Client{Timeout: time.Minute}
	for _, r := range leakRecords {
		eventually(t, time.Minute, func() error {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.load(t).Admin.Listen+"/api/v1/records/"+r.id, nil)
			require.NoError(t, err)
			req.SetBasicAuth("viewer", leakConsole)
			resp, err := client.Do(req)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			var got bridge.Record
			if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
				return fmt.Errorf("%s: %s: %w", r.id, resp.Status, err)
			}
			waits := r.status == bridge.StatusPending
			if got.Status != r.status && (!waits || got.Status != bridge.StatusSending) || got.Stage != r.stage || r.code != "" && got.Code != r.code ||
				waits && got.Attempts < 2 {
				return fmt.Errorf("%s (%s) is not as it has to be: %+v", r.id, r.what, got)
			}
			return nil
		})
	}
	return func() error {
		_ = cmd.Process.Signal(os.Interrupt)
		return <-ended
	}
}
