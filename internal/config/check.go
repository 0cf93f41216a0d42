package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	exprfile "github.com/expr-lang/expr/file"

	"talkbridge/internal/exprs"
)

func notEmpty(text string) string {
	if strings.TrimSpace(text) == "" {
		return "must not be empty"
	}
	return ""
}

// oneOf is the check for a value out of a closed set.
func oneOf(words ...string) check {
	return func(text string) string {
		if slices.Contains(words, text) {
			return ""
		}
		fault := "must be one of " + strings.Join(words, ", ")
		if len(words) == 1 {
			return "must be " + words[0]
		}
		if near := nearest(text, words); near != "" {
			fault += fmt.Sprintf("; did you mean %q?", near)
		}
		return fault
	}
}

func hostPort(text string) string {
	host, port, err := net.SplitHostPort(text)
	if err != nil || strings.ContainsAny(host, "/ \t") {
		return "must be host:port, such as 127.0.0.1:3306"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n > 65535 {
		return "the port must be a number from 0 to 65535"
	}
	return ""
}

func remoteHostPort(text string) string {
	if fault := hostPort(text); fault != "" {
		return fault
	}
	if host, port, _ := net.SplitHostPort(text); host == "" || port == "0" {
		return "must name the host and the port, such as 127.0.0.1:3306"
	}
	return ""
}

// webURL is the check for an address of HTTP.
func webURL(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return "must be a URL such as https://api.example.cn/api"
	case u.RawQuery != "" || u.Fragment != "":
		return "must be a URL without ? and #"
	case u.User != nil:
		return "must be a URL without user and password: those belong in client_id and client_secret"
	}
	return ""
}

// endpoint is the check for a path below the base URL, or a whole address.
func endpoint(text string) string {
	if strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://") {
		return webURL(text)
	}
	if !strings.HasPrefix(text, "/") || strings.ContainsAny(text, " \t") {
		return "must be a path that begins with /, or a whole URL"
	}
	if _, err := url.Parse(text); err != nil {
		return "must be a path of a URL: check what follows each %"
	}
	return ""
}

func proxyURL(text string) string {
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
		return "must be a URL such as http://proxy:3128 or socks5://proxy:1080"
	}
	return ""
}

// sealingKey is the check for the key that seals the store: what is checked is its length only.
func sealingKey(text string) string {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != 16 {
		return "must be base64 of exactly 16 bytes: make one with  head -c 16 /dev/urandom | base64"
	}
	return ""
}

func pattern(text string) string {
	var fault *syntax.Error
	if _, err := regexp.Compile(text); errors.As(err, &fault) {
		return "is not a regular expression (RE2): " + fault.Code.String()
	}
	return ""
}

func headerName(text string) string {
	if text == "" || strings.Trim(text, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return "must be the name of an HTTP header"
	}
	return ""
}

// headerValue refuses what would end the header: a line break is the classic left-over of a copied secret.
func headerValue(text string) string {
	if strings.ContainsAny(text, "\r\n\x00") {
		return "must be one line"
	}
	return ""
}

// bcryptHash is the check for a password that is kept as a hash.
func bcryptHash(text string) string {
	if !bcryptForm.MatchString(text) {
		return "must be a bcrypt hash ($2a$…, $2b$… or $2y$…), not the password itself: make one with  talkbridge users hash"
	}
	return ""
}

var bcryptForm = regexp.MustCompile(`^\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}$`)

// compiles reports an expression that cannot be compiled, with the caret where the compiler stumbled. It gives the names that the
// expression reads.
func (s *setting) compiles(source string, compile func(string) (*exprs.Program, error)) (names []string, ok bool) {
	if s.value == nil || source == "" {
		return nil, false
	}
	program, err := compile(source)
	if err == nil {
		return program.Names(), true
	}
	var place *exprfile.Error
	switch {
	case s.tainted:
		s.problem("cannot be used as an expression")
	case errors.As(err, &place):
		s.w.problem(s.within(source, place.Column), s.path, "is not an expression: "+place.Message)
	default:
		reason, _, _ := strings.Cut(errors.Unwrap(err).Error(), "\n")
		s.problem("cannot be used here: %s", reason)
	}
	return nil, false
}

// within is the place of a character of the value, where the value stands in the file as it is: on one line, without escapes.
func (s *setting) within(text string, offset int) span {
	whole := s.w.file.find(s.at, text)
	if whole.width != len([]rune(text)) || offset < 0 || offset > whole.width {
		return s.at
	}
	return span{whole.line, whole.column + min(offset, whole.width-1), 1}
}
