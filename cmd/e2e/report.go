package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"talkbridge/internal/platformsim"
	"talkbridge/internal/rig"
)

// A report is what is printed at the end.
type report struct {
	recoveries []recovery
	overlaps   int
}

type recovery struct {
	name        string
	lasts, took time.Duration
}

// taken is what the platform's journal says, over all lives of the platform.
type taken struct {
	latest     map[int]int // by record: the version that it holds
	arrivals   int
	distinct   int // versions that arrived
	duplicates int // arrivals of a version that had arrived
	stale      int // arrivals of a version older than one that had arrived
	refused    int // calls that were not taken
}

// A journal is what the platform's journal says, as it grows.
type journal struct {
	mu   sync.Mutex // guards what follows
	file rig.Journal
	taken
	seen   map[[2]int]bool
	newest map[int]int
}

func newJournal(path string) *journal {
	return &journal{file: rig.Journal{Path: path}, taken: taken{latest: map[int]int{}}, seen: map[[2]int]bool{}, newest: map[int]int{}}
}

// read takes in what has been added.
func (j *journal) read() (taken, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	arrivals, err := j.file.Next()
	for _, a := range arrivals {
		j.add(a)
	}
	copied := j.taken
	copied.latest = maps.Clone(j.latest)
	return copied, err
}

func (j *journal) add(a platformsim.Arrival) {
	id, err := strconv.Atoi(a.RecordID)
	if !a.Applied || err != nil {
		j.refused++
		return
	}
	version := versionOf(a.Payload)
	key := [2]int{id, version}
	j.arrivals++
	switch {
	case version < j.newest[id]:
		j.stale++
	case j.seen[key]:
		j.duplicates++
	}
	if !j.seen[key] {
		j.distinct++
	}
	j.seen[key], j.latest[id], j.newest[id] = true, version, max(j.newest[id], version)
}

func versionOf(payload []byte) int {
	_, rest, _ := strings.Cut(string(payload), `"talkTitle":"第 `)
	text, _, _ := strings.Cut(rest, " ")
	version, _ := strconv.Atoi(text)
	return version
}

// print prints the tables, and gives an error where the promise was not kept.
func (r *report) print(versions map[int]int, j *journal) error {
	t, err := j.read()
	if err != nil {
		return err
	}
	submitted, lost := 0, 0
	for id, version := range versions {
		submitted += version
		if t.latest[id] != version {
			lost++
		}
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	fmt.Fprintf(out, "\nfault\tlasts\trecovered after\t\n")
	longest := slices.MaxFunc(r.recoveries, func(a, b recovery) int { return int(a.took - b.took) })
	for _, f := range r.recoveries {
		fmt.Fprintf(out, "%s\t%v\t%v\t\n", f.name, f.lasts, f.took.Round(100*time.Millisecond))
	}
	fmt.Fprintf(out, "\n")
	for _, row := range []struct {
		name, what string
		n          int
	}{
		{"records", "", len(versions)},
		{"submitted", "edited and submitted", submitted},
		{"taken", "calls that the platform took", t.arrivals},
		{"refused", "calls that the platform did not take: no token, or a fault", t.refused},
		{"superseded", "replaced by a newer submission before they were sent", submitted - t.distinct},
		{"duplicates", "content that was taken once more, which changes nothing", t.duplicates},
		{"lost", "records whose latest content is not what the platform holds", lost},
		{"stale", "older content after newer", t.stale},
		{"overlaps", "two calls for one record at once", r.overlaps},
	} {
		fmt.Fprintf(out, "%s\t%d\t%s\t\n", row.name, row.n, row.what)
	}
	fmt.Fprintf(out, "longest recovery\t%v\t%s\t\n", longest.took.Round(100*time.Millisecond), longest.name)
	if err := out.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	if lost > 0 || t.stale > 0 || r.overlaps > 0 || submitted == 0 {
		return errors.New("the promise was not kept: see the table")
	}
	say("\nEvery record's latest content arrived, and nothing older after it.")
	return nil
}
