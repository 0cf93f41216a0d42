package pusher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"talkbridge/internal/bridge"
	"talkbridge/internal/platformsim"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// mapTalk makes a payload whose title is the event's id, so that a test sees which submission arrived.
func mapTalk(_ context.Context, c bridge.Change) ([]byte, []bridge.Problem, error) {
	var payload map[string]any
	if err := json.Unmarshal(talk(c.Key), &payload); err != nil {
		return nil, nil, err
	}
	payload["talkTitle"] = c.EventID
	text, err := json.Marshal(payload)
	return text, nil, err
}

// runPool delivers to a platform until the test ends.
func runPool(t *testing.T, outbox Outbox, client Pusher, log *zap.Logger) {
	t.Helper()
	workers, err := NewWorkers(WorkersOptions{
		Outbox: outbox, Mapper: mapperFunc(mapTalk), Client: client, Endpoints: map[string]string{"one": "/talk-record/one"}, Concurrency: 8,
		Retry: Backoff{Initial: 10 * time.Millisecond, Max: 200 * time.Millisecond, Jitter: 0.2}, Breaker: BreakerOptions{Failures: 10, OpenFor: 100 * time.Millisecond},
		CallTimeout: time.Second, LeaseLost: func(err error) bool { return errors.Is(err, errLeaseLost) }, Logger: log, Registry: prometheus.NewRegistry(),
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- workers.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		assert.NoError(t, <-done)
	})
}

// TestEverythingArrivesInItsLatestForm submits each record three times to a platform that fails in every way it knows.
func TestEverythingArrivesInItsLatestForm(t *testing.T) {
	sim, server := startSim(t, platformsim.Options{TokenTTL: 2 * time.Second})
	for i, kind := range []string{"reset", "html", "hang", "throttle", "void_tokens", "delay", "status", "reset"} {
		inject(t, sim, platformsim.Fault{
			Kind: kind, Probability: 0.05, Seed: uint64(i + 1), RetryAfter: "0", Apply: i%2 == 0, Delay: platformsim.Duration(5 * time.Millisecond), Status: 500,
		})
	}
	inject(t, sim, platformsim.Fault{Kind: "status", Status: 503, Endpoint: "token", Times: 2})
	o := testOptions(server.URL + "/api")
	o.Timeout = 250 * time.Millisecond
	outbox := newMemoryOutbox()
	runPool(t, outbox, newTestClient(t, o), zap.NewNop())
	const records = 100
	for round := range 3 {
		for i := range records {
			c := change(fmt.Sprint(i))
			c.EventID = fmt.Sprintf("round %d", round)
			outbox.submit(c)
		}
	}
	require.Eventually(t, func() bool {
		for i := range records {
			if outbox.verdict(fmt.Sprintf("one/%d", i)) != bridge.VerdictDelivered {
				return false
			}
		}
		return true
	}, 60*time.Second, 20*time.Millisecond)
	for i := range records {
		record, ok := sim.Record("one", fmt.Sprint(i))
		require.True(t, ok)
		assert.Contains(t, string(record.Payload), `"talkTitle":"round 2"`)
	}
	stats := sim.Stats()
	assert.Zero(t, stats.Overlaps, "one call at a time for a record")
	assert.Greater(t, stats.Faulted, 10)
	assert.LessOrEqual(t, stats.MaxInFlight, 8)
}

// TestNothingSecretIsEverShown plants secrets and content, makes everything fail that can, and searches all that was said.
func TestNothingSecretIsEverShown(t *testing.T) {
	sim, server := startSim(t, platformsim.Options{})
	core, logs := observer.New(zapcore.DebugLevel)
	log := zap.New(core)
	var said, tokens []string
	for _, send := range []string{"form", "query"} { // the token address holds the secret in its query
		o := testOptions(server.URL + "/api")
		o.Token.Send, o.Timeout, o.Logger = send, 200*time.Millisecond, log
		client := newTestClient(t, o)
		for _, fault := range []platformsim.Fault{
			{Kind: "reject", Code: 1, Msg: "李明(11010519491231002X)的谈话近两周失眠，情绪低落；已建议无效"},
			{Kind: "answer", Code: 9, Msg: "密钥 " + testSecret + " 不匹配"},
			{Kind: "hang"},
			{Kind: "reset"},
			{Kind: "html"},
			{Kind: "void_tokens"},
			{Kind: "throttle", RetryAfter: "1"},
			{Kind: "reset", Endpoint: "token"},
			{Kind: "hang", Endpoint: "token"},
			{Kind: "status", Status: 401, Code: 401, Msg: "client " + testSecret, Endpoint: "token"},
		} {
			sim.ClearFaults()
			sim.VoidTokens()
			fault.Times = 2
			inject(t, sim, fault)
			outbox := newMemoryOutbox()
			runPool(t, outbox, client, log)
			outbox.submit(change("4711"))
			require.Eventually(t, func() bool { return len(outbox.settlements()) > 0 }, 10*time.Second, 5*time.Millisecond)
			for _, s := range outbox.settlements() {
				said = append(said, fmt.Sprintf("%+v", s))
			}
			token, err := client.Tokens().Refresh(t.Context())
			if err == nil {
				tokens = append(tokens, token.Value.Reveal())
			}
			said = append(said, fmt.Sprintf("%v %+v %#v", token, token, err))
			said = append(said, fmt.Sprintf("%v", err))
		}
		o.BaseURL, o.Cache = "http://"+closedPort(t), &memoryCache{}
		_, err := newTestClient(t, o).Tokens().Token(t.Context())
		require.Error(t, err)
		said = append(said, err.Error())
	}
	for _, entry := range logs.All() {
		said = append(said, fmt.Sprintf("%s %v", entry.Message, entry.ContextMap()))
	}
	require.NotEmpty(t, tokens)
	canaries := append([]string{
		testSecret, "ASNFZ4mrze%2F%2B3LqYdlQyEA%3D%3D", "ASNFZ4mrze", "client_secret=", "11010519491231002X", "1101051949", "李明", "王芳", "近两周失眠",
		"心理咨询", "欧阳娜娜", "2024010203", "Bearer ",
	}, tokens...)
	for _, o := range said {
		for _, canary := range canaries {
			assert.NotContains(t, o, canary)
		}
	}
	assert.Greater(t, len(said), 60)
}
