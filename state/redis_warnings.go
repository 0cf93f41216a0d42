package state

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// warnings looks at what Redis would do with its data at a restart and at its memory limit. It asks INFO, which hosted services
// allow where they forbid CONFIG.
func (s *shared) warnings(ctx context.Context) []string {
	cluster, ok := s.client.(*redis.ClusterClient)
	if !ok {
		return warningsOf(ctx, s.client, s.where)
	}
	// The slot of our keys is on one node today and on another after a resharding: every master has to be safe.
	found := make(chan []string, 1)
	found <- nil
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		w := warningsOf(ctx, node, node.Options().Addr)
		found <- append(<-found, w...)
		return nil
	})
	out := <-found
	if err != nil {
		out = append(out, unchecked(s.where, err))
	}
	return out
}

func unchecked(where string, err error) string {
	return fmt.Sprintf("whether Redis at %s keeps its data over a restart could not be checked (%v): see that appendonly is yes and "+
		"maxmemory-policy is noeviction", where, err)
}

func warningsOf(ctx context.Context, client redis.Cmdable, where string) []string {
	fields := map[string]string{}
	for _, section := range []string{"persistence", "memory"} {
		text, err := client.Info(ctx, section).Result()
		if err != nil {
			return []string{unchecked(where, err)}
		}
		for line := range strings.Lines(text) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
				fields[name] = value
			}
		}
	}
	var out []string
	if fields["aof_enabled"] != "1" {
		out = append(out, fmt.Sprintf("Redis at %s has no append-only file: a restart loses what was written since its last snapshot. "+
			"Set appendonly yes (CONFIG SET appendonly yes, and in redis.conf)", where))
	}
	if policy := fields["maxmemory_policy"]; policy != "noeviction" {
		out = append(out, fmt.Sprintf("Redis at %s may throw records away at its memory limit: maxmemory-policy is %s. "+
			"Set it to noeviction", where, policy))
	}
	return out
}
