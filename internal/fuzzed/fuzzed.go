// Package fuzzed holds what the fuzz targets of all packages ask of every input: memory within a bound, no content in an error, no
// replacement character that was not there before. It is for tests.
package fuzzed

import (
	"runtime/metrics"
	"strings"
	"testing"
	"unicode/utf8"
)

// What the seeds have where a row has a person, and a configuration a secret. No error and no log may show any of it.
const (
	Name   = "欧阳查无此人"
	IDCard = "33000020060718003X"
	Phone  = "13900001234"
	Talk   = "谈话内容勿外传"
	Secret = "s3cr3t-Not-To-Be-Seen"
)

// Canaries are all of them.
func Canaries() []string { return []string{Name, IDCard, Phone, Talk, Secret} }

// Silent fails where a text that is meant for a log, a page or a person shows a canary.
func Silent(tb testing.TB, text string) {
	tb.Helper()
	for _, c := range Canaries() {
		if strings.Contains(text, c) {
			tb.Fatalf("%q is shown in: %s", c, text)
		}
	}
	if !utf8.ValidString(text) {
		tb.Fatalf("it is not UTF-8: %q", text)
	}
}

// Faithful fails where text that was made of raw bytes is not UTF-8, or has a U+FFFD that none of the character sets in use would read
// from these bytes.
func Faithful(tb testing.TB, text string, raw []byte) {
	tb.Helper()
	if !utf8.ValidString(text) {
		tb.Fatalf("it is not UTF-8: %q", text)
	}
	if !strings.ContainsRune(text, utf8.RuneError) {
		return
	}
	for _, form := range []string{"\ufffd", "\xff\xfd", "\xfd\xff", "\x84\x31\xa4\x37", `\ufffd`, `\uFFFD`} {
		if strings.Contains(string(raw), form) {
			return
		}
	}
	tb.Fatalf("%q has a U+FFFD that is not in % x", text, raw)
}

// Within runs f and fails where it asks for more memory than fixed plus times each byte of the input. What is counted is what was
// asked for, whether or not it was freed again, so that neither the collector nor a slow machine has a say.
func Within(tb testing.TB, fixed, times, size int, f func()) {
	tb.Helper()
	before := asked()
	f()
	if used, limit := asked()-before, uint64(fixed)+uint64(times)*uint64(size); used > limit {
		tb.Fatalf("%d bytes of input made it ask for %d bytes of memory; %d are enough", size, used, limit)
	}
}

func asked() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
