package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/emmansun/gmsm/sm4"
	"github.com/stretchr/testify/require"

	"talkbridge/pusher"
)

const testKey = "0123456789abcdef"

func testSink(t *testing.T) *sink {
	t.Helper()
	block, err := sm4.NewCipher([]byte(testKey))
	require.NoError(t, err)
	return &sink{block: block}
}

// The sink opens by itself what the bridge seals, and reads a floor's call as it is.
func TestTheSinkKnowsWhoseCallItWas(t *testing.T) {
	sealer, err := pusher.NewSealer([]byte(testKey))
	require.NoError(t, err)
	s := testSink(t)
	for _, record := range []string{"7", "1234567890123"} {
		text := `{"recordId":"` + record + `","talkContent":"谈话"}`
		id, err := s.recordID([]byte(`{"data":"` + sealer.Seal([]byte(text)) + `"}`))
		require.NoError(t, err)
		require.Equal(t, record, id)
		id, err = s.recordID([]byte(text))
		require.NoError(t, err)
		require.Equal(t, record, id)
	}
	other, err := pusher.NewSealer([]byte("fedcba9876543210"))
	require.NoError(t, err)
	for _, body := range []string{
		`{"data":"` + other.Seal([]byte(`{"recordId":"7"}`)) + `"}`, `{"data":"` + base64.StdEncoding.EncodeToString([]byte("no block")) + `"}`, `{"data":""}`,
		`{"data":"` + sealer.Seal([]byte(`{}`)) + `"}`, `not JSON`,
	} {
		_, err := s.recordID([]byte(body))
		require.Error(t, err, body)
	}
}

// A connection carries several calls; a token is none.
func TestTheSinkCountsCalls(t *testing.T) {
	s := testSink(t)
	client, server := net.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- s.calls(server) }()
	answers := bufio.NewReader(client)
	for _, call := range []struct{ path, body, answer string }{
		{"/api/oauth2/token", "grant_type=x", token}, {"/floor", `{"recordId":"1"}`, yes}, {"/api/talk-record/one", `{"recordId":"2"}`, yes},
	} {
		_, err := io.WriteString(client, "POST "+call.path+" HTTP/1.1\r\nHost: sink\r\ncontent-length: "+numberOf(len(call.body))+"\r\n\r\n"+call.body)
		require.NoError(t, err)
		reply := make([]byte, len(answer(call.answer)))
		_, err = io.ReadFull(answers, reply)
		require.NoError(t, err)
		require.Equal(t, string(answer(call.answer)), string(reply))
	}
	require.NoError(t, client.Close())
	require.ErrorIs(t, <-ended, io.EOF)
	require.Len(t, s.arrivals, 2)
	require.JSONEq(t, `{"recordId":"2"}`, string(s.arrivals[1].body))
}

func numberOf(n int) string {
	text, _ := json.Marshal(n)
	return string(text)
}

func TestTheSinkTakesNoRequestWithoutLength(t *testing.T) {
	_, _, err := readHead(bufio.NewReader(strings.NewReader("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")))
	require.ErrorContains(t, err, "Content-Length")
}

// Waves of calls: the rate lies between the beginnings of waves, whatever a part of one at the end is.
func TestRateOfWaves(t *testing.T) {
	var times []int64
	for wave := range 5 {
		for call := range 4 {
			times = append(times, int64(wave)*50_000_000+int64(call))
		}
	}
	got, err := rate(append(times, 5*50_000_000, 5*50_000_000+1), 4)
	require.NoError(t, err)
	require.InDelta(t, 80, got, 0.001) // 4 ÷ 50 ms
	_, err = rate(times[:8], 4)
	require.Error(t, err)
}

func TestTargets(t *testing.T) {
	results := []result{
		against("fast enough", "/s", 60, 100, atLeast(0.6)), against("too slow", "/s", 59, 100, atLeast(0.6)),
		against("small enough", "MB", 40, 40, atMost(1)), against("too large", "MB", 41, 40, atMost(1)), against("only told", "s", 3, 0, target{}),
	}
	err := missed(results)
	require.ErrorContains(t, err, "too slow: the ratio is 0.590, and its target is ≥ 0.60")
	require.ErrorContains(t, err, "too large")
	require.Len(t, strings.Split(err.Error(), "\n"), 2)

	text, err := json.Marshal(results)
	require.NoError(t, err)
	var again []result
	require.NoError(t, json.Unmarshal(text, &again))
	require.Equal(t, results, again)
	require.Error(t, json.Unmarshal([]byte(`[{"target":"about 3"}]`), &again))
}

func TestMedians(t *testing.T) {
	require.InDelta(t, 3.0, median([]float64{5, 1, 3, 2, 4}), 0)
	require.InDelta(t, 99.0, quantile(upTo(100), 0.98), 0)
	require.InDelta(t, 0.0, median(nil), 0)
}

func upTo(n int) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = float64(i + 1)
	}
	return values
}

// The picture is well-formed and shows every figure that has a target, the missed ones in another colour.
func TestPicture(t *testing.T) {
	picture := string(draw([]result{
		against("A & B", "s", 1, 2, atMost(1)), against("late", "s", 3, 2, atMost(1)), against("untargeted", "s", 1, 0, target{}),
	}))
	for d := xml.NewDecoder(strings.NewReader(picture)); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
	}
	require.Contains(t, picture, "A &amp; B")
	require.NotContains(t, picture, "untargeted")
	require.Equal(t, 1, strings.Count(picture, "#c0392b"))
}

// The estimate is arithmetic over what was measured, and says so where something was not.
func TestEstimate(t *testing.T) {
	results := []result{
		against(ownCost, "µs", 200, 40, target{}), against(redisCost, "µs", 100, 10, target{}), against(ledgerBytes, "bytes", 438, 100, target{}),
		against(fileBytes, "bytes", 5000, 3000, target{}),
	}
	_, err := estimate(results)
	require.ErrorContains(t, err, waitBytes)
	text, err := estimate(append(results, against(waitBytes, "bytes", 2939, 2220, atMost(1.6))))
	require.NoError(t, err)
	require.Contains(t, text, "28 records a second")
	require.Contains(t, text, "| Redis: memory, ledger and a day's backlog | 438 bytes, 2939 while it waits | 4.8 + 1.5 GB | 3 × 8 GB | 26.1 % |")
	require.Contains(t, text, "First full is **Redis: memory, ledger and a day's backlog**, at 3.83 times")
}

func TestAPageIsFilled(t *testing.T) {
	page, err := between("a\n<!-- results -->\nold\n<!-- /results -->\nb", "results", "new")
	require.NoError(t, err)
	require.Equal(t, "a\n<!-- results -->\n\nnew\n<!-- /results -->\nb", page)
	_, err = between("nothing", "results", "new")
	require.Error(t, err)
}
