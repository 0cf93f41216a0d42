package chaos

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The same seed makes the same schedule, another one another.
func TestAScheduleFollowsFromItsSeed(t *testing.T) {
	for _, store := range []string{StoreRedis, StoreEmbedded} {
		one := Plan(7, 10*time.Minute, Kinds(store))
		require.Equal(t, one, Plan(7, 10*time.Minute, Kinds(store)))
		require.NotEqual(t, one, Plan(8, 10*time.Minute, Kinds(store)))
	}
}

// Ten minutes hold every kind of fault, alone ones and overlapping ones, and what overlaps has no target in common.
func TestTenMinutesHoldEverything(t *testing.T) {
	for _, store := range []string{StoreRedis, StoreEmbedded} {
		kinds := map[string]Kind{}
		for _, k := range Kinds(store) {
			require.NotContains(t, kinds, k.Name, "two kinds have one name")
			kinds[k.Name] = k
		}
		for seed := range uint64(50) {
			seen, sizes, length := map[string]bool{}, map[int]int{}, time.Duration(0)
			for _, g := range Plan(seed, 10*time.Minute, Kinds(store)).Groups {
				var targets []string
				for _, f := range g.Faults {
					k := kinds[f.Kind]
					require.GreaterOrEqual(t, f.Lasts, k.Min)
					require.LessOrEqual(t, f.Lasts, k.Max)
					for _, target := range k.Targets {
						require.False(t, slices.Contains(targets, target), "%v", g)
					}
					targets = append(targets, k.Targets...)
					seen[f.Kind] = true
				}
				sizes[len(g.Faults)]++
				length += g.length()
			}
			require.Len(t, seen, len(kinds), "seed %d", seed)
			require.LessOrEqual(t, length, 10*time.Minute)
			require.Positive(t, sizes[1])
			require.Positive(t, sizes[2])
			require.Positive(t, sizes[3])
		}
	}
}
