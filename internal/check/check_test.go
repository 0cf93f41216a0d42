package check

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/internal/fixture"
	"talkbridge/pusher"
)

func TestTheVectorsAreRunAndACipherThatIsWrongIsSeen(t *testing.T) {
	n, err := vectors(fixture.SM4Vectors)
	require.NoError(t, err)
	require.Greater(t, n, 20)
	broken := strings.Replace(string(fixture.SM4Vectors), "ACqKTvqGPMrQJKwDALtA0g==", "ACqKTvqGPMrQJKwDALtA0Q==", 1)
	_, err = vectors([]byte(broken))
	require.ErrorContains(t, err, "k1/p01_empty")
	_, err = vectors([]byte("{}"))
	require.Error(t, err)
	items := Crypto("ASNFZ4mrze/+3LqYdlQyEA==", "auto", "ASNFZ4mrze/+3LqYdlQyEA==")
	require.Equal(t, Warn, items[1].Level, "the platform's key is not ours")
	require.Equal(t, Fail, Crypto("short", "auto", "")[1].Level)
}

// platform serves a token with a Date that is off by so much.
func platform(t *testing.T, off time.Duration) PlatformInput {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat))
		if r.Method == http.MethodPost {
			fmt.Fprint(w, `{"access_token": "t", "expires_in": 300}`)
		}
	}))
	t.Cleanup(server.Close)
	client, err := pusher.New(pusher.Options{
		BaseURL: server.URL, ClientID: "c", ClientSecret: "ASNFZ4mrze/+3LqYdlQyEA==", Cache: NewPrivateCache(bridge.Token{}, false),
		Response: pusher.Rules{CodeAt: "code", Success: []string{"0"}},
	})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return PlatformInput{Client: client, BaseURL: server.URL, Loopback: func(string) bool { return false }}
}

func TestTheClocksAreCompared(t *testing.T) {
	for off, want := range map[time.Duration]Level{0: Pass, 3 * time.Second: Pass, -2 * time.Minute: Warn, time.Hour: Fail} {
		items := Platform(t.Context(), platform(t, off))
		require.Equal(t, "platform.clock", items[2].ID)
		require.Equal(t, want, items[2].Level, "%v: %+v", off, items[2])
		require.Equal(t, Warn, items[1].Level, "http over a network")
		require.Equal(t, Pass, items[3].Level)
	}
}

func TestTheVariantsAreBoundedAndWithoutTheConfiguredOne(t *testing.T) {
	all := variants(pusher.Dialect{})
	require.Len(t, all, 39)
	seen := map[string]bool{describe(pusher.Dialect{}): true}
	for _, d := range all {
		require.False(t, seen[describe(d)], describe(d))
		seen[describe(d)] = true
	}
}

func TestEveryKindOfReasonIsCountedOncePerRow(t *testing.T) {
	tally := Tally{Route: "r"}
	long := func(n int) bridge.Problem {
		return bridge.Problem{Field: fmt.Sprintf("students[%d].name", n), Column: "xm", Rule: "max", Message: fmt.Sprintf("有 %d 字", 100+n)}
	}
	tally.Add("1", true, []bridge.Problem{long(1), long(2)})
	tally.Add("2", false, []bridge.Problem{{Field: "a", Rule: "required", Message: "空"}, long(7)})
	tally.Add("3", false, nil)
	tally.Close()
	require.Equal(t, 3, tally.Rows)
	require.Equal(t, 2, tally.Refused)
	require.Equal(t, 1, tally.SubmittedRefused)
	require.Len(t, tally.Reasons, 2)
	require.Equal(t, 2, tally.Reasons[0].Count)
	require.Equal(t, "1", tally.Reasons[0].Example)
}

func TestJoinedErrorsComeApart(t *testing.T) {
	a, b, c := errors.New("a"), errors.New("b"), errors.New("c")
	require.Equal(t, []error{a, b, c}, leaves(fmt.Errorf("source:\n%w", errors.Join(a, errors.Join(b, c)))))
	require.Equal(t, []error{a}, leaves(a))
	require.Empty(t, leaves(nil))
	wrong, fix := split("the account lacks X. Run GRANT X; more")
	require.Equal(t, "the account lacks X", wrong)
	require.Equal(t, "Run GRANT X; more", fix)
}

func TestAnIndexIsProposedForTheColumnThatIsCompared(t *testing.T) {
	require.Equal(t, "ALTER TABLE `d`.`t` ADD INDEX (`xh`);", indexFor("SELECT a FROM d.t WHERE xh = :xh AND del = ':no'", "t"))
	require.Equal(t, "ALTER TABLE `d`.`s` ADD INDEX (`xh`);",
		indexFor("SELECT s.a FROM d.c m JOIN `d`.`s` s ON s.xh = m.xh COLLATE utf8mb4_bin WHERE m.id = :id", "s"))
	require.Contains(t, indexFor("SELECT a FROM d.t WHERE LOWER(xh) LIKE :xh", "t"), "add an index")
}
