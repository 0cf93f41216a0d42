package chaos

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// A Kind is a kind of fault.
type Kind struct {
	Name    string
	Targets []string // what it needs for itself: faults that overlap have no target in common
	Min     time.Duration
	Max     time.Duration
	Store   string // redis or embedded; empty: any
	begin   beginning
}

// A Planned fault is one of the schedule.
type Planned struct {
	Group int           `json:"group"` // faults of one group overlap; a group of one is alone
	Kind  string        `json:"kind"`
	After time.Duration `json:"after"` // the beginning of its group
	Lasts time.Duration `json:"lasts"`
	Dice  float64       `json:"dice"` // in [0, 1): what the fault chooses by, where it has a choice
}

// A Schedule is what goes wrong and when. It follows from seed, length and kinds alone.
type Schedule struct {
	Seed   uint64
	Groups []Group
}

// A Group is faults that overlap, and the quiet after them.
type Group struct {
	Faults []Planned
	Quiet  time.Duration
}

// length is how long the group takes by plan; in truth a program that starts again needs its time too.
func (g Group) length() (d time.Duration) {
	for _, f := range g.Faults {
		d = max(d, f.After+f.Lasts)
	}
	return d + g.Quiet
}

// Plan makes a schedule. The kinds come in an order of chance, but each comes once before any comes again; somewhat more than half of the
// groups are one fault alone, the others two or three.
func Plan(seed uint64, length time.Duration, kinds []Kind) Schedule {
	random := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // repeatable on purpose
	s := Schedule{Seed: seed}
	var deck []Kind
	for at := time.Duration(0); ; {
		group := Group{Quiet: between(random, time.Second, 4*time.Second)}
		size := 1
		if dice := random.IntN(100); dice >= 85 {
			size = 3
		} else if dice >= 55 {
			size = 2
		}
		var taken []string
		for range size {
			var k Kind
			if k, deck = draw(random, deck, kinds, taken); k.Name == "" {
				break
			}
			taken = append(taken, k.Targets...)
			group.Faults = append(group.Faults, Planned{
				Group: len(s.Groups) + 1, Kind: k.Name, After: between(random, 0, 2*time.Second), Lasts: between(random, k.Min, k.Max),
				Dice: random.Float64(),
			})
		}
		if at += group.length(); at > length {
			return s
		}
		s.Groups = append(s.Groups, group)
	}
}

// draw takes the first kind from the deck that can be beside those that are taken. An empty deck is shuffled anew.
func draw(random *rand.Rand, deck, kinds []Kind, taken []string) (Kind, []Kind) {
	for _, fresh := range []bool{false, true} {
		if fresh {
			more := slices.Clone(kinds)
			random.Shuffle(len(more), func(i, j int) { more[i], more[j] = more[j], more[i] })
			deck = append(deck, more...)
		}
		for i, k := range deck {
			if !slices.ContainsFunc(k.Targets, func(t string) bool { return slices.Contains(taken, t) }) {
				return k, slices.Delete(slices.Clone(deck), i, i+1)
			}
		}
	}
	return Kind{}, deck
}

func between(random *rand.Rand, low, high time.Duration) time.Duration {
	d := low
	if high > low {
		d += time.Duration(random.Int64N(int64(high - low)))
	}
	return d.Round(100 * time.Millisecond)
}

// Print prints the schedule.
func (s Schedule) Print(to io.Writer) {
	faults := 0
	for _, g := range s.Groups {
		faults += len(g.Faults)
	}
	fmt.Fprintf(to, "Schedule of seed %d: %d faults in %d groups.\n", s.Seed, faults, len(s.Groups))
	out := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for i, g := range s.Groups {
		var texts []string
		for _, f := range g.Faults {
			texts = append(texts, fmt.Sprintf("%s (after %v, for %v)", f.Kind, f.After, f.Lasts))
		}
		fmt.Fprintf(out, "  %d\t%s\tthen quiet for %v\t\n", i+1, strings.Join(texts, " + "), g.Quiet)
	}
	_ = out.Flush()
}
