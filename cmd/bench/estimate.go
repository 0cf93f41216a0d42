package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// The estimate: what one Redis Cluster and the bridges of a province would be used by, from what a record costs on this machine. What
// is assumed stands here and is printed with it.
const (
	colleges      = 100
	recordsAYear  = 10_000_000
	busiestHour   = 0.01 // of the year's records: a deadline, seventeen times the mean of 220 days of eight hours
	outage        = 0.05 // of the year's records wait because the platform is down on such a day
	remembered    = 400. // days of the ledger: state.retention
	masters       = 3
	masterMemory  = 8e9   // bytes of each master for data: half of 16 GB, since rewriting its file may take as much again
	masterDisk    = 100e6 // bytes a second
	callsAllowed  = 50.   // a second: platform.rate of each college
	platformCalls = 500.  // a second that the platform stands: nobody has published it
)

// A resource is used by records, and full at some point.
type resource struct {
	name, each, used, full string
	part                   float64 // of what there is
}

// The names of results that the estimate is made of.
const (
	ownCost     = "computing for each record of a drain, bridge from the log against durable floor"
	redisCost   = "computing for each record of a drain, Redis, bridge from the log against durable floor"
	ledgerBytes = "Redis for each record that is delivered, against durable floor"
	fileBytes   = "append-only file for each record, against durable floor"
	waitBytes   = "Redis for each record that waits, against its sealed size"
)

// estimate gives the estimate as Markdown.
func estimate(results []result) (string, error) {
	value := map[string]float64{}
	for _, r := range results {
		value[r.Name] = r.Value
	}
	for _, name := range []string{ownCost, redisCost, ledgerBytes, fileBytes, waitBytes} {
		if value[name] == 0 {
			return "", fmt.Errorf("the estimate needs %q, which was not measured: run the parts drain and backlog too", name)
		}
	}
	second := recordsAYear * busiestHour / 3600
	all := resources(value, second)
	slices.SortStableFunc(all, func(a, b resource) int { return cmp.Compare(b.part, a.part) })
	var b strings.Builder
	fmt.Fprintf(&b, "In the busiest hour %.0f records a second are submitted, over all colleges.\n\n", second)
	b.WriteString("| what | each record | used | there is | used of it |\n|---|---:|---:|---:|---:|\n")
	for _, r := range all {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s %% |\n", r.name, r.each, r.used, r.full, number(r.part*100))
	}
	first, redis := all[0], firstOfRedis(all)
	fmt.Fprintf(&b, "\nFirst full is **%s**, at %s times this load", first.name, number(1/first.part))
	if first.name != redis.name {
		fmt.Fprintf(&b, "; of the Redis Cluster it is %s, at %s times", redis.name, number(1/redis.part))
	}
	b.WriteString(".\n")
	return b.String(), nil
}

func resources(value map[string]float64, second float64) []resource {
	ledger := value[ledgerBytes] * recordsAYear * remembered / 365
	backlog := value[waitBytes] * recordsAYear * outage
	cores := value[redisCost] / 1e6 * second
	own := value[ownCost] / 1e6 * second
	disk := value[fileBytes] * second
	return []resource{
		{
			"the platform, in the busiest hour", "1 call", fmt.Sprintf("%.0f calls/s", second), fmt.Sprintf("%.0f calls/s, assumed", platformCalls),
			second / platformCalls,
		},
		{
			"Redis: memory, ledger and a day's backlog", fmt.Sprintf("%.0f bytes, %.0f while it waits", value[ledgerBytes], value[waitBytes]),
			fmt.Sprintf("%.1f + %.1f GB", ledger/1e9, backlog/1e9), fmt.Sprintf("%d × %.0f GB", masters, masterMemory/1e9),
			(ledger + backlog) / (masters * masterMemory),
		},
		{
			"Redis: computing", fmt.Sprintf("%.0f µs", value[redisCost]), fmt.Sprintf("%.4f cores", cores), fmt.Sprintf("%d cores", masters),
			cores / masters,
		},
		{
			"Redis: writing its file", fmt.Sprintf("%.1f KB", value[fileBytes]/1e3), fmt.Sprintf("%.2f MB/s", disk/1e6),
			fmt.Sprintf("%d × %.0f MB/s", masters, masterDisk/1e6), disk / (masters * masterDisk),
		},
		{
			"the bridges: computing", fmt.Sprintf("%.0f µs", value[ownCost]), fmt.Sprintf("%.4f cores", own), fmt.Sprintf("%d × 1 core", colleges),
			own / colleges,
		},
		{
			"platform.rate of all colleges", "1 call", fmt.Sprintf("%.0f calls/s", second), fmt.Sprintf("%d × %.0f calls/s", colleges, callsAllowed),
			second / (colleges * callsAllowed),
		},
	}
}

func firstOfRedis(sorted []resource) resource {
	i := slices.IndexFunc(sorted, func(r resource) bool { return strings.HasPrefix(r.name, "Redis") })
	return sorted[i]
}
