package state

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// shared keeps everything in Redis (5 or later) or Valkey, where several processes share it. Each method is one script, one
// round trip; Redis runs a script alone, from its start to its end, and its own clock is the clock.
type shared struct {
	client    redis.UniversalClient
	keys      keyring
	scripts   scripts
	retention time.Duration
	where     string
	expected  expected
	answered  atomic.Bool // a lease was asked for and answered: what has no life now was flushed

	stop context.CancelFunc // ends what watch started; set by watch
	done sync.WaitGroup     // what watch started
}

// openLimit bounds how long Open tries to reach Redis.
const openLimit = 10 * time.Second

// openRedis connects. clock is the Lua function that scripts take the time from.
func openRedis(ctx context.Context, t target, namespace string, retention time.Duration, clock string) (*shared, error) {
	s := &shared{
		client: redis.NewUniversalClient(clientOptions(t)), keys: newKeyring(namespace), scripts: loadScripts(clock),
		retention: retention, where: t.where(), stop: func() {},
	}
	ctx, cancel := context.WithTimeout(ctx, openLimit)
	defer cancel()
	if err := s.client.Ping(ctx).Err(); err != nil {
		_ = s.close() //nolint:contextcheck // nothing is leased yet
		return nil, fmt.Errorf("state.url: reach Redis at %s: %w. %s", s.where, err, advice(err, t))
	}
	return s, nil
}

// advice says what to do about a Redis that does not answer.
func advice(err error, t target) string {
	var unknown *tls.CertificateVerificationError
	switch text := err.Error(); {
	case strings.HasPrefix(text, "NOAUTH"), strings.HasPrefix(text, "WRONGPASS"):
		return "Check user and password in state.url (percent-encoded): redis://USER:PASSWORD@HOST"
	case strings.HasPrefix(text, "NOPERM"):
		return "The account needs the rights ~talkbridge:* &talkbridge:* +@all -@dangerous +info"
	case errors.As(err, &unknown):
		return "Its certificate is not trusted: name the authority with ?ca=FILE, or the name on the certificate with ?server_name=NAME"
	case t.master != "":
		return "Check that the Sentinels run there and know the master " + t.master
	default:
		return "Check that it runs, that host and port in state.url are right, and that TLS (rediss://) is used where it is asked for"
	}
}

func clientOptions(t target) *redis.UniversalOptions {
	return &redis.UniversalOptions{
		Addrs: t.hosts, MasterName: t.master, IsClusterMode: t.cluster, DB: t.db, ClientName: "talkbridge", TLSConfig: t.tls,
		Username: t.user, Password: t.password.Reveal(),
		SentinelUsername: t.sentinelUser, SentinelPassword: t.sentinelPassword.Reveal(),
		ContextTimeoutEnabled: true,
		ReadTimeout:           10 * time.Second, // a large Append keeps Redis busy for a second or two
		MaxRetries:            2,                // a command that is sent again after a lost reply does no harm: see fence and settle
		DisableIdentity:       true,
		// A feature of Redis Enterprise that costs each new connection a command that others do not know.
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

// watch subscribes to the channel that an Append of any process publishes on.
func (s *shared) watch(hint func()) {
	ctx, stop := context.WithCancel(context.Background())
	sub := s.client.Subscribe(ctx) // to nothing yet: this does not connect
	s.stop = func() {
		stop()
		_ = sub.Close() // ends a Receive that waits
	}
	s.done.Go(func() {
		_ = sub.Subscribe(ctx, s.keys.wake()) // an error comes again from Receive, which connects and subscribes anew
		for ctx.Err() == nil {
			s.listen(ctx, sub, hint)
		}
	})
}

// silence is after how long without a message the connection is tried.
const silence = 30 * time.Second

// listen takes one message.
func (s *shared) listen(ctx context.Context, sub *redis.PubSub, hint func()) {
	message, err := sub.ReceiveTimeout(ctx, silence)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		err = sub.Ping(ctx)
	}
	if err != nil {
		pause(ctx, time.Second)
		return
	}
	switch message.(type) {
	case *redis.Message, *redis.Subscription: // of the subscription too: something may have come while it was away
		hint()
	}
}

// releaseLimit is how long close tries to give back what was leased and not given out.
const releaseLimit = time.Second

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func (s *shared) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), releaseLimit)
	_ = s.expected.giveBack(ctx, s) // else they are due again when their leases end
	cancel()
	s.stop()
	s.done.Wait()
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("close the connections to Redis: %w", err)
	}
	return nil
}
