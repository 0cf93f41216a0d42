package app //nolint:testpackage // it tests how the configuration becomes the pusher's options

import (
	"context"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/config"
	"talkbridge/internal/platformsim"
	"talkbridge/pusher"
	"talkbridge/state"
)

const dialectSecret = "ASNFZ4mrze/+3LqYdlQyEA==" // holds + / and =

// Every dialect of docs/token-dialects.md works as it is written there: from the text of the configuration to a record at a real
// HTTP server that behaves so.
func TestEveryTokenDialectOfTheDocumentation(t *testing.T) {
	document, err := os.ReadFile("../../docs/token-dialects.md")
	require.NoError(t, err)
	sections := regexp.MustCompile(`(?m)^## ([A-L])\. .*$`).FindAllSubmatchIndex(document, -1)
	require.Len(t, sections, len(platformsim.Dialects()), "every dialect of the simulator has a section")
	for i, at := range sections {
		letter, end := string(document[at[2]:at[3]]), len(document)
		if i+1 < len(sections) {
			end = sections[i+1][0]
		}
		blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(document[at[1]:end]), -1)
		require.NotEmpty(t, blocks, letter)
		for _, block := range blocks {
			t.Run(letter, func(t *testing.T) { deliverBy(t, letter, block[1]) })
		}
	}
}

func deliverBy(t *testing.T, letter, block string) {
	t.Helper()
	sim, err := platformsim.New(platformsim.Options{Dialect: letter, ClientID: "a+b/c=d", ClientSecret: dialectSecret})
	require.NoError(t, err)
	server := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); server.Close() })

	client := dialectClient(t, server.URL, block, dialectSecret)
	push := func(id string) pusher.Result { return client.Push(t.Context(), "/talk-record/one", aTalk(id)) }
	first := push("1")
	require.Equal(t, pusher.Delivered, first.Outcome, first.Message)
	token, err := client.Tokens().Token(t.Context())
	require.NoError(t, err)
	require.Greater(t, time.Until(token.ExpiresAt), 4*time.Minute)

	sim.VoidTokens()
	again := push("2")
	require.Equal(t, pusher.Delivered, again.Outcome, again.Message)
	require.True(t, again.Refetched)
	require.Equal(t, 2, sim.Stats().TokensIssued)

	_, err = dialectClient(t, server.URL, block, "Q5v/nsxmaCdFiWJxIz+TCQ==").Tokens().Token(t.Context())
	var refused *pusher.TokenError
	require.ErrorAs(t, err, &refused)
	require.True(t, refused.Refused)
}

// dialectClient makes the client that a configuration with this token block means, on a store of its own.
func dialectClient(t *testing.T, url, block, secret string) *pusher.Client {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(dir+"/c.json", []byte(`{"type":"object"}`), 0o600))
	text := `
source: {addr: "db:3306", user: u, password: p}
state: {key: MDEyMzQ1Njc4OWFiY2RlZg==}
platform:
  base_url: ` + url + `/api
  client_id: a+b/c=d
  client_secret: ` + secret + `
` + indent(block) + `
routes:
  - {name: r, table: s.t, submit: {column: f, becomes: ["1"]}, endpoint: /e, contract: c.json, fields: {id: id}}
`
	c, err := config.Parse(dir+"/talkbridge.yaml", []byte(text), dir)
	require.NoError(t, err)
	store, err := state.Open(t.Context(), state.Options{URL: "file:" + dir + "/t.db", Namespace: "n", Key: c.State.Key})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	client, err := pusher.New(pusherOptions(c, store))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

func indent(block string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(block, "\n"), "\n", "\n  ")
}

func aTalk(id string) []byte {
	return []byte(`{"recordId":"` + id + `","counselorNo":"20150012","counselorName":"王芳","talkType":"05","talkMode":"01",` +
		`"talkTime":"2026-03-05 14:30:00","talkTitle":"学业压力","talkContent":"近两周失眠。","studentNo":"2024010203","studentName":"李明"}`)
}

// One store, two processes, a platform that voids the old token at each fetch: of all that ask at once one fetches.
func TestTwoProcessesFetchOneTokenWhereEachFetchVoidsTheOther(t *testing.T) {
	sim, err := platformsim.New(platformsim.Options{ClientID: "college", ClientSecret: dialectSecret, VoidOnFetch: true})
	require.NoError(t, err)
	server := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); server.Close() })
	_, err = sim.Inject(platformsim.Fault{Kind: platformsim.FaultDelay, Endpoint: "token", Delay: platformsim.Duration(100 * time.Millisecond)})
	require.NoError(t, err)
	store, err := state.Open(t.Context(), state.Options{URL: "file:" + t.TempDir() + "/t.db", Namespace: "n", Key: "MDEyMzQ1Njc4OWFiY2RlZg=="})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	results := make(chan pusher.Result)
	for range 2 {
		client, err := pusher.New(pusher.Options{
			BaseURL: server.URL + "/api", ClientID: "college", ClientSecret: bridge.Secret(dialectSecret), Cache: store,
			Response: pusher.Rules{CodeAt: "code", MessageAt: "msg", Success: []string{"0"}, Reauth: pusher.ReauthRules{HTTP: []int{401}}},
		})
		require.NoError(t, err)
		t.Cleanup(client.Close)
		for i := range 8 {
			go func(ctx context.Context) { results <- client.Push(ctx, "/talk-record/one", aTalk(string(rune('a'+i)))) }(t.Context())
		}
	}
	for range 16 {
		r := <-results
		require.Equal(t, pusher.Delivered, r.Outcome, r.Message)
	}
	require.Equal(t, 1, sim.Stats().TokensIssued)
}
