// Command release makes the offline bundles, their sums (SHA-256 and SM3) and the list of what is handed over. The same commit gives
// the same sums on every machine with the same Go.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"talkbridge/internal/release"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	o := release.Options{Source: ".", Tell: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }}
	var archs, only string
	flag.StringVar(&o.Version, "version", "", "what the program says it is")
	flag.StringVar(&o.Out, "out", "dist", "folder to write to")
	flag.StringVar(&archs, "arch", strings.Join(release.Archs(), ","), "architectures")
	flag.StringVar(&o.SBOM, "sbom", "", "CycloneDX file to put into the bundles; empty: one is made of the modules")
	flag.StringVar(&only, "bill", "", "write the CycloneDX bill of materials to this file, and make no bundles")
	flag.Parse()
	o.Archs = strings.Split(archs, ",")
	at, err := commitTime(ctx)
	if err != nil {
		return err
	}
	o.Time = at
	if only != "" {
		text, err := release.Bill(ctx, o)
		if err != nil {
			return err
		}
		return os.WriteFile(only, text, 0o644) //nolint:gosec // it is handed over
	}
	bundles, err := release.Make(ctx, o)
	if err != nil {
		return err
	}
	for _, b := range bundles {
		fmt.Fprintf(os.Stdout, "%s\n  SHA-256 %s\n  SM3     %s\n", b.Name, b.Sums.SHA256, b.Sums.SM3)
	}
	return nil
}

// commitTime is SOURCE_DATE_EPOCH where it is set, else the time of the commit.
func commitTime(ctx context.Context) (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		out, err := exec.CommandContext(ctx, "git", "log", "-1", "--format=%ct").Output()
		if err != nil {
			return time.Time{}, fmt.Errorf("ask git for the commit's time (or set SOURCE_DATE_EPOCH): %w", err)
		}
		text = strings.TrimSpace(string(out))
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("the commit's time %q: %w", text, err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
