package chaos

import (
	"context"
	"fmt"
	"time"

	"talkbridge/internal/platformsim"
	"talkbridge/internal/rig"
)

// A beginning lets a fault happen and gives what ends it. It writes into the event whom it met.
type beginning func(ctx context.Context, s *stage, f Planned, e *Event) (end func(context.Context) error, err error)

// Kinds lists the faults that happen with a store, STORE=redis or embedded. They do not depend on the machine: what it cannot do is
// noted when its time comes.
func Kinds(store string) []Kind {
	kinds := append(processKinds(store), lineKinds(store)...)
	kinds = append(kinds, platformKinds()...)
	kinds = append(kinds, sourceKinds()...)
	if store == StoreRedis {
		kinds = append(kinds, redisKinds()...)
	} else {
		kinds = append(kinds, Kind{Name: "disk full", Targets: []string{"disk"}, Min: 2 * time.Second, Max: 8 * time.Second, begin: diskFull})
	}
	return kinds
}

const second = time.Second

func processKinds(store string) []Kind {
	kinds := []Kind{
		{Name: "kill listener", Targets: []string{"bridges"}, Min: second, Max: 15 * second, begin: killBridge(true, false)},
		{Name: "stop listener in order", Targets: []string{"bridges"}, Min: second, Max: 4 * second, begin: killBridge(true, true)},
		{Name: "freeze listener", Targets: []string{"bridges"}, Min: 2 * second, Max: 20 * second, begin: freezeBridge(true)},
		{Name: "kill source", Targets: []string{"source"}, Min: second, Max: 6 * second, begin: killSource},
		{Name: "freeze source", Targets: []string{"source"}, Min: 2 * second, Max: 10 * second, begin: freezeSource},
		{Name: "kill platform", Targets: []string{"platform"}, Min: second, Max: 6 * second, begin: killPlatform},
		{Name: "freeze platform", Targets: []string{"platform"}, Min: 2 * second, Max: 8 * second, begin: freezePlatform},
	}
	if store != StoreRedis {
		return kinds
	}
	return append(kinds,
		Kind{Name: "kill standby", Targets: []string{"bridges"}, Min: second, Max: 10 * second, begin: killBridge(false, false)},
		Kind{Name: "freeze standby", Targets: []string{"bridges"}, Min: 2 * second, Max: 12 * second, begin: freezeBridge(false)},
		Kind{Name: "kill both bridges", Targets: []string{"bridges"}, Min: second, Max: 6 * second, begin: killAll},
		Kind{Name: "kill redis", Targets: []string{"redis"}, Min: second, Max: 8 * second, begin: killRedis},
		Kind{Name: "freeze redis", Targets: []string{"redis"}, Min: 2 * second, Max: 15 * second, begin: freezeRedis},
	)
}

// lineKinds are the faults of each leg's lines.
func lineKinds(store string) (kinds []Kind) {
	legs := []leg{toSource, toPlatform}
	if store == StoreRedis {
		legs = append(legs, toRedis)
	}
	for _, l := range legs {
		line := func(name string, low, high time.Duration, w rig.Weather) {
			kinds = append(kinds, Kind{
				Name: fmt.Sprintf("%s line: %s", l, name), Targets: []string{"line to " + string(l)}, Min: low, Max: high, begin: weather(l, w),
			})
		}
		line("refused", second, 8*second, rig.Weather{Refuse: true})
		line("half-open", 3*second, 20*second, rig.Weather{Hold: true})
		line("half-open, new ones pass", 3*second, 15*second, rig.Weather{Hold: true, OldOnly: true})
		line("answers lost", 3*second, 10*second, rig.Weather{Mute: true})
		line("slow", 3*second, 10*second, rig.Weather{Delay: 150 * time.Millisecond})
		kinds = append(kinds, Kind{
			Name: fmt.Sprintf("%s line: cut", l), Targets: []string{"line to " + string(l)}, Min: second, Max: 4 * second, begin: cutLine(l),
		})
	}
	return kinds
}

// platformKinds are what the platform answers, or does not.
func platformKinds() (kinds []Kind) {
	answers := func(name string, low, high time.Duration, f platformsim.Fault) {
		kinds = append(kinds, Kind{Name: "platform: " + name, Targets: []string{"platform"}, Min: low, Max: high, begin: platformFault(f)})
	}
	answers("500", 2*second, 6*second, platformsim.Fault{Kind: platformsim.FaultStatus, Status: 500})
	answers("503 now and then", 3*second, 8*second, platformsim.Fault{Kind: platformsim.FaultStatus, Status: 503, Probability: 0.5})
	answers("429 with Retry-After", 2*second, 6*second, platformsim.Fault{Kind: platformsim.FaultThrottle, RetryAfter: "2"})
	answers("a page of HTML", 2*second, 6*second, platformsim.Fault{Kind: platformsim.FaultHTML})
	answers("a page of HTML under 200", 2*second, 6*second, platformsim.Fault{Kind: platformsim.FaultHTML, Status: 200})
	answers("hangs", 3*second, 8*second, platformsim.Fault{Kind: platformsim.FaultHang})
	answers("takes the record and hangs", 3*second, 8*second, platformsim.Fault{Kind: platformsim.FaultHang, Apply: true, Probability: 0.5})
	answers("resets", 2*second, 6*second, platformsim.Fault{Kind: platformsim.FaultReset})
	answers("takes the record and resets", 2*second, 6*second, platformsim.Fault{Kind: platformsim.FaultReset, Apply: true, Probability: 0.5})
	answers("slow", 3*second, 8*second, platformsim.Fault{Kind: platformsim.FaultDelay, Delay: platformsim.Duration(1500 * time.Millisecond)})
	answers("very slow now and then", 5*second, 10*second, platformsim.Fault{
		Kind: platformsim.FaultDelay, Delay: platformsim.Duration(callLimit - 500*time.Millisecond), Probability: 0.15,
	})
	answers("voids tokens at every call", 2*second, 5*second, platformsim.Fault{Kind: platformsim.FaultVoidTokens, Probability: 0.3})
	answers("no tokens: 500", 2*second, 6*second, platformsim.Fault{Kind: platformsim.FaultStatus, Status: 500, Endpoint: "token"})
	answers("no tokens: HTML", 2*second, 6*second, platformsim.Fault{Kind: platformsim.FaultHTML, Endpoint: "token"})
	return append(kinds, Kind{Name: "platform: tokens voided", Targets: []string{"platform"}, Min: second, Max: second, begin: voidTokens})
}

func sourceKinds() []Kind {
	return []Kind{
		{Name: "log rotated", Targets: []string{"source"}, Min: second, Max: 3 * second, begin: rotateLog},
		{Name: "log purged", Targets: []string{"source"}, Min: second, Max: 2 * second, begin: purgeLog},
		{Name: "log purged while nobody reads", Targets: []string{"source", "bridges"}, Min: 3 * second, Max: 6 * second, begin: purgeUnread},
		{Name: "source's clock jumps", Targets: []string{"source"}, Min: 2 * second, Max: 6 * second, begin: sourceClock},
	}
}

func redisKinds() []Kind {
	return []Kind{
		{Name: "redis full", Targets: []string{"redis"}, Min: 2 * second, Max: 8 * second, begin: redisFull},
		{Name: "redis flushed", Targets: []string{"redis"}, Min: second, Max: second, begin: redisFlushed},
		{Name: "redis loses its last second", Targets: []string{"redis"}, Min: second, Max: 2 * second, begin: redisForgets},
		{Name: "redis' clock ahead", Targets: []string{"redis"}, Min: 4 * second, Max: 10 * second, begin: redisClock(1)},
		{Name: "redis' clock back", Targets: []string{"redis"}, Min: 4 * second, Max: 10 * second, begin: redisClock(-1)},
	}
}
