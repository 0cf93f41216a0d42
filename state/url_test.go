package state

import (
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
)

func TestParseTarget(t *testing.T) {
	for raw, want := range map[string]target{
		"":                               {path: "/dir/talkbridge.db"},
		"file:x.db":                      {path: "/dir/x.db"},
		"file:/var/lib/x.db":             {path: "/var/lib/x.db"},
		"file:///var/lib/x.db":           {path: "/var/lib/x.db"},
		"redis://h":                      {hosts: []string{"h:6379"}},
		"redis://h:7000/3":               {hosts: []string{"h:7000"}, db: 3},
		"redis://[::1]/0":                {hosts: []string{"[::1]:6379"}},
		"redis://[::1]:7":                {hosts: []string{"[::1]:7"}},
		"redis://:pw@h":                  {hosts: []string{"h:6379"}, password: "pw"},
		"redis://u%40x:p%2Fw%3A%25@h/1":  {hosts: []string{"h:6379"}, user: "u@x", password: "p/w:%", db: 1},
		"redis://u:p@w@h":                {hosts: []string{"h:6379"}, user: "u", password: "p@w"},
		"redis://u:a:b@h":                {hosts: []string{"h:6379"}, user: "u", password: "a:b"},
		"redis+sentinel://a,b:1/m":       {hosts: []string{"a:26379", "b:1"}, master: "m"},
		"redis+sentinel://u:p@a,b/m/2":   {hosts: []string{"a:26379", "b:26379"}, master: "m", user: "u", password: "p", db: 2},
		"redis+cluster://a:1,b":          {hosts: []string{"a:1", "b:6379"}, cluster: true},
		"redis+cluster://u:p@a,[::1]:9/": {hosts: []string{"a:6379", "[::1]:9"}, cluster: true, user: "u", password: "p"},
		"redis+sentinel://a/m?sentinel_user=s&sentinel_password=x%26y": {
			hosts: []string{"a:26379"}, master: "m", sentinelUser: "s", sentinelPassword: "x&y",
		},
	} {
		got, err := parseTarget(raw, "/dir")
		require.NoError(t, err, raw)
		require.Equal(t, want, got, raw)
	}
}

func TestParseTargetWithTLS(t *testing.T) {
	got, err := parseTarget("rediss://u:p@h:7/1", "")
	require.NoError(t, err)
	require.Equal(t, "h", got.tls.ServerName)
	require.False(t, got.tls.InsecureSkipVerify)
	require.Equal(t, bridge.Secret("p"), got.password)
	got, err = parseTarget("rediss+cluster://a,b?server_name=redis.local", "")
	require.NoError(t, err)
	require.True(t, got.cluster)
	require.Equal(t, "redis.local", got.tls.ServerName)
}

func TestParseTargetRefuses(t *testing.T) {
	for raw, want := range map[string]string{
		"talkbridge.db":                        "no scheme",
		"http://h":                             "the scheme is not known",
		"redis:h":                              "the scheme is not known",
		"redis+other://h":                      "the scheme is not known",
		"redis+://h":                           "the scheme is not known",
		"file:":                                "needs a path",
		"redis://":                             "host must be",
		"redis://a,b":                          "takes one host",
		"redis://u:hunter2@h/x":                "the database must be a number",
		"redis://u:hunter2/x@h":                "percent-encoded",
		"redis://u:1/hunter2@h":                "percent-encoded",
		"redis+sentinel://u:1/hunter2@h/m":     "percent-encoded",
		"redis://u:hunter2%zz@h":               "%25",
		"redis://h:123456":                     "the port of h",
		"redis://::1":                          "",
		"redis+cluster://h/1":                  "database 0 only",
		"redis+sentinel://h":                   "name of its master",
		"redis://u:hunter2@h?tls=1":            "unknown option",
		"redis://h?ca=x":                       "rediss",
		"rediss://h?ca=/nowhere/ca.pem":        "read ca",
		"rediss://u:hunter2@h?cert=x":          "client certificate",
		"redis://h?%zz":                        "NAME=VALUE",
		"redis+sentinel://u:hunter2@h:9x/m":    "the port of h",
		"redis+cluster://u:hunter2@good,b ad ": "host must be",
	} {
		_, err := parseTarget(raw, "")
		if want == "" {
			require.NoError(t, err, raw)
			continue
		}
		require.ErrorContains(t, err, want, raw)
		require.ErrorContains(t, err, "state.url")
		require.NotContains(t, err.Error(), "hunter2", "a password gets into no error")
	}
}
