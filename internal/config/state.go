package config

import (
	"net/url"
	"strings"
	"time"

	"talkbridge/internal/bridge"
)

func (c *State) read(b *block) {
	c.readURL(b.may("url"))
	b.may("namespace").text(&c.Namespace, namespace)
	b.need("key").secret(&c.Key, sealingKey)
	b.may("retention").duration(&c.Retention, time.Hour, 0)
}

func (c *State) readURL(s *setting) {
	s.address(&c.URL, stateURL)
	// file:talkbridge.db lies beside the configuration, wherever the bridge is started.
	if path, embedded := strings.CutPrefix(c.URL.Reveal(), "file:"); embedded {
		c.URL = bridge.Secret("file:" + s.w.path(localPath(path)))
		if !s.tainted {
			s.show(c.URL.Reveal())
		}
	}
}

// localPath takes the slashes off file:///path.
func localPath(path string) string {
	if strings.HasPrefix(path, "///") {
		return path[2:]
	}
	return path
}

func stateURL(text string) string {
	scheme, rest, _ := strings.Cut(text, ":")
	const forms = "must be redis://host:port/db, rediss://…, redis+sentinel://h1,h2/master/db, redis+cluster://h1,h2 or file:PATH"
	switch scheme {
	case "file":
		if localPath(rest) == "" || strings.HasPrefix(localPath(rest), "//") {
			return "must name a file, such as file:talkbridge.db"
		}
		return ""
	case "redis", "rediss":
		if u, err := url.Parse(text); err != nil || u.Host == "" {
			return forms
		}
		return ""
	case "redis+sentinel", "rediss+sentinel":
		hosts, path, _ := strings.Cut(strings.TrimPrefix(rest, "//"), "/")
		if master, _, _ := strings.Cut(path, "/"); !strings.HasPrefix(rest, "//") || hosts == "" || master == "" {
			return "must name the sentinels and the master: redis+sentinel://h1:26379,h2:26379/master/db"
		}
		return ""
	case "redis+cluster", "rediss+cluster":
		if !strings.HasPrefix(rest, "//") || strings.Trim(rest, "/") == "" {
			return "must name nodes of the cluster: redis+cluster://h1:6379,h2:6379"
		}
		return ""
	default:
		return forms
	}
}

// namespace is the check for what becomes part of every key of the store, inside the braces that make a hash tag.
func namespace(text string) string {
	if text == "" || len(text) > 64 || strings.ContainsAny(text, "{}: \t\r\n*?[]") {
		return "must be 1 to 64 characters without spaces, colons and any of { } [ ] * ?"
	}
	return ""
}
