// Package access decides who may see and do what over the bridge's HTTP side: users with bcrypt passwords and one of three roles,
// sessions in memory with an idle and an absolute time-out, a lock after wrong passwords, and a look at where a request comes from. It
// knows nothing of pages: a handler asks Who, and Require keeps out whoever may not.
//
// Without users there is nobody to log in: everybody who reaches the listener, which is then on loopback only, may read and nobody may
// do anything.
package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"talkbridge/internal/bridge"
)

// Role is what a user is for.
type Role string

// The roles.
const (
	Viewer   Role = "viewer"   // sees status and records
	Operator Role = "operator" // and retries, discards, pauses, previews
	Auditor  Role = "auditor"  // sees status, records and the audit trail, and changes nothing
)

// A User may log in.
type User struct {
	Name string
	Hash bridge.Secret // bcrypt
	Role Role
}

// Who is at the other end of a request. The zero Who is nobody.
type Who struct {
	Name  string
	Role  Role
	From  string // the address, without the port
	Local bool   // nobody had to log in: there are no users
}

// Known tells whether somebody is there.
func (w Who) Known() bool { return w.Role != "" }

// May tells whether w has one of the roles. Who did not have to log in only looks on.
func (w Who) May(roles ...Role) bool { return slices.Contains(roles, w.Role) }

// Limits of sessions and of guessing.
const (
	IdleLimit     = 30 * time.Minute
	SessionLimit  = 12 * time.Hour
	LockAfter     = 5 // wrong passwords for one name from one address
	LockAfterName = 20
	LockFor       = 15 * time.Minute
)

// Why nobody was let in.
var (
	ErrWrong  = errors.New("wrong name or password")
	ErrLocked = errors.New("too many wrong passwords; try again later")
	ErrBusy   = errors.New("too many people log in at this moment; try again")
)

// A Guard knows the users and who is logged in. It may be used by several goroutines.
type Guard struct {
	users  []User
	secure bool // cookies only over TLS
	now    func() time.Time
	dummy  []byte // compared with where there is no such user, so that the time tells nothing

	// Refused is told of everybody who was not let in, by page or by program, but of a lock only once; nil: nobody is. The name is empty
	// where there is no such user: what stands there may be a password that was typed into the wrong field.
	Refused func(name, from string, err error)

	comparing chan struct{} // one element while a password is compared: no guesses side by side, and one processor at most for guessers

	mu       sync.Mutex // guards what follows
	sessions map[[sha256.Size]byte]*session
	failures map[string]*failure
}

type session struct {
	user        User
	begun, seen time.Time
}

type failure struct {
	count int
	last  time.Time
	known bool // there is such a user
	told  bool // that it is locked
}

// New makes a Guard. secure says that the listener speaks TLS.
func New(users []User, secure bool) (*Guard, error) {
	dummy, err := bcrypt.GenerateFromPassword([]byte(rand.Text()), bcrypt.DefaultCost)
	if err != nil {
		return nil, err
	}
	return &Guard{
		users: users, secure: secure, now: time.Now, dummy: dummy, sessions: map[[sha256.Size]byte]*session{}, failures: map[string]*failure{},
		comparing: make(chan struct{}, 1),
	}, nil
}

// Open tells that there are no users, so nobody logs in.
func (g *Guard) Open() bool { return len(g.users) == 0 }

// Login checks a password and begins a session; the token goes into the cookie. ErrWrong, ErrLocked, ErrBusy.
func (g *Guard) Login(ctx context.Context, name, password, from string) (token string, who Who, err error) {
	user, err := g.check(ctx, name, password, from)
	if err != nil {
		return "", Who{}, err
	}
	token = rand.Text()
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	for id, s := range g.sessions {
		if s.over(now) {
			delete(g.sessions, id)
		}
	}
	g.sessions[sha256.Sum256([]byte(token))] = &session{user: user, begun: now, seen: now}
	return token, Who{Name: user.Name, Role: user.Role, From: from}, nil
}

func (s *session) over(now time.Time) bool {
	return now.Sub(s.seen) > IdleLimit || now.Sub(s.begun) > SessionLimit
}

// Logout ends a session.
func (g *Guard) Logout(token string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.sessions, sha256.Sum256([]byte(token)))
}

// compareWait is how long a login waits for those before it.
const compareWait = 10 * time.Second

// check compares name and password, and tells whoever wants to know of a refusal. One after the other: a guesser who tries a thousand at
// once would otherwise have them all compared before the first is counted.
func (g *Guard) check(ctx context.Context, name, password, from string) (User, error) {
	timer := time.NewTimer(compareWait)
	defer timer.Stop()
	select {
	case g.comparing <- struct{}{}:
		defer func() { <-g.comparing }()
	case <-timer.C:
		return User{}, ErrBusy
	case <-ctx.Done():
		return User{}, ErrBusy
	}
	i := slices.IndexFunc(g.users, func(u User) bool { return u.Name == name })
	user, tell, err := g.compare(i, name, password, from)
	if err != nil && tell && g.Refused != nil {
		if i < 0 {
			name = ""
		}
		g.Refused(name, from, err)
	}
	return user, err
}

// compare counts what is wrong. Two counts: a name from one address, so that a guesser is kept out and the user elsewhere is not; and a
// name from anywhere. tell is false where it was told before.
func (g *Guard) compare(i int, name, password, from string) (user User, tell bool, err error) {
	counts := []struct {
		key   string
		limit int
	}{{name + "\x00" + from, LockAfter}, {name, LockAfterName}}
	g.mu.Lock()
	for _, c := range counts {
		if f := g.failures[c.key]; f != nil && f.count >= c.limit && g.now().Sub(f.last) < LockFor {
			tell, f.told = !f.told, true
			g.mu.Unlock()
			return User{}, tell, ErrLocked
		}
	}
	g.mu.Unlock()
	hash := g.dummy
	if i >= 0 {
		hash = []byte(g.users[i].Hash.Reveal())
	}
	err = bcrypt.CompareHashAndPassword(hash, []byte(password)) // outside of the lock: it takes its time
	g.mu.Lock()
	defer g.mu.Unlock()
	if err == nil && i >= 0 {
		for _, c := range counts {
			delete(g.failures, c.key)
		}
		return g.users[i], false, nil
	}
	g.forget()
	for _, c := range counts {
		f := g.failures[c.key]
		if f == nil || g.now().Sub(f.last) >= LockFor {
			f = &failure{known: i >= 0}
			g.failures[c.key] = f
		}
		f.count, f.last = f.count+1, g.now()
	}
	return User{}, true, ErrWrong
}

// failuresLimit bounds what guessers can make us remember.
const failuresLimit = 10_000

// forget drops counts that are over, and where there are too many all those of names that there are not: by making up names nobody
// undoes the lock of a user. What is counted of users is bounded by the locks themselves. The lock is held.
func (g *Guard) forget() {
	for key, f := range g.failures {
		if g.now().Sub(f.last) >= LockFor || !f.known && len(g.failures) > failuresLimit {
			delete(g.failures, key)
		}
	}
}

// of finds the session of a token. A person keeps it alive, a page that keeps itself up to date does not.
func (g *Guard) of(token, from string, person bool) Who {
	g.mu.Lock()
	defer g.mu.Unlock()
	id := sha256.Sum256([]byte(token))
	s := g.sessions[id]
	if s == nil {
		return Who{}
	}
	now := g.now()
	if s.over(now) {
		delete(g.sessions, id)
		return Who{}
	}
	if person {
		s.seen = now
	}
	return Who{Name: s.user.Name, Role: s.user.Role, From: from}
}

type whoKey struct{}

// From gives who is at the other end of the request that ctx belongs to.
func From(ctx context.Context) Who {
	who, _ := ctx.Value(whoKey{}).(Who)
	return who
}

// Identify finds out who asks, by session cookie or, for programs, by the Authorization header (basic), and leaves it in the
// request's context. It keeps nobody out.
func (g *Guard) Identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := g.who(r)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), whoKey{}, who)))
	})
}

func (g *Guard) who(r *http.Request) Who {
	from := addressOf(r)
	if g.Open() {
		return Who{Name: "local", Role: Viewer, From: from, Local: true}
	}
	if c, err := r.Cookie(CookieName); err == nil {
		if who := g.of(c.Value, from, !byItself(r)); who.Known() {
			return who
		}
	}
	if name, password, ok := r.BasicAuth(); ok {
		if user, err := g.check(r.Context(), name, password, from); err == nil {
			return Who{Name: user.Name, Role: user.Role, From: from}
		}
	}
	return Who{From: from}
}

// addressOf is the address of the other end of the connection. No header is believed: anybody can write one.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
