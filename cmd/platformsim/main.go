// Command platformsim is a stand-in for the province's platform, for tests, demonstrations and training: token endpoint, the three
// endpoints for talk records, decryption, the contract, what arrived, and faults on demand. It shows what it receives in clear:
// never send it real records.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"talkbridge/internal/platformsim"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run gives the exit code: 0 done, 1 failed, 2 usage.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, err := parse(args, stdout, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	if err := serve(ctx, c, stdout); err != nil {
		_, _ = fmt.Fprintln(stderr, "platformsim:", err)
		return 1
	}
	return 0
}

// settings are what the command line says.
type settings struct {
	listen, journal string
	verbose         bool
	sim             platformsim.Options
}

func parse(args []string, stdout, stderr io.Writer) (settings, error) {
	var c settings
	var contracts string
	flags := flag.NewFlagSet("platformsim", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&c.listen, "listen", "127.0.0.1:9190", "address to listen on")
	flags.StringVar(&c.sim.ClientID, "client-id", "college", "the account that is known")
	flags.StringVar(&c.sim.ClientSecret, "client-secret", "", "its secret, which holds the SM4 key; generated and printed when empty")
	flags.DurationVar(&c.sim.TokenTTL, "token-ttl", 0, "how long a token lives; 0: as the dialect has it")
	flags.StringVar(&c.sim.Dialect, "dialect", "A", "token dialect: "+strings.Join(platformsim.Dialects(), " "))
	flags.BoolVar(&c.sim.VoidOnFetch, "void-on-fetch", false, "a new token voids the old ones")
	flags.StringVar(&contracts, "contracts", "", "folder with one.schema.json, multi.schema.json, patriarch.schema.json; empty: the built-in ones")
	flags.StringVar(&c.journal, "journal", "", "append every arrival to this file, a line of JSON each, payload in clear")
	flags.IntVar(&c.sim.JournalLimit, "journal-limit", 10_000, "arrivals remembered")
	flags.IntVar(&c.sim.RecordLimit, "record-limit", 100_000, "records remembered")
	flags.BoolVar(&c.verbose, "verbose", false, "print a line per arrival")
	flags.BoolVar(&c.sim.Show, "show", false, "print the decrypted payload too; implies -verbose")
	if err := flags.Parse(args); err != nil {
		return c, err //nolint:wrapcheck // flag has printed it
	}
	if flags.NArg() > 0 {
		_, _ = fmt.Fprintf(stderr, "platformsim: unexpected argument %q\n", flags.Arg(0))
		return c, errors.New("usage")
	}
	if c.verbose || c.sim.Show {
		c.sim.Verbose = stdout
	}
	if contracts != "" {
		c.sim.Contracts = os.DirFS(contracts)
	}
	return c, nil
}

func serve(ctx context.Context, c settings, stdout io.Writer) error {
	if c.journal != "" {
		file, err := os.OpenFile(c.journal, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("open journal: %w", err)
		}
		defer func() { _ = file.Close() }() // every line is written at once; nothing is buffered
		c.sim.Journal = file
	}
	generated := c.sim.ClientSecret == ""
	sim, err := platformsim.New(c.sim)
	if err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", c.listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", c.listen, err)
	}
	base := "http://" + listener.Addr().String()
	_, _ = fmt.Fprintf(stdout, "base_url:      %s%s\ntoken path:    %s\ncontrol:       %s/_sim/stats\nclient_id:     %s\n",
		base, sim.BasePath(), sim.TokenPath(), base, sim.ClientID())
	if generated { // a secret that was given is not repeated
		_, _ = fmt.Fprintf(stdout, "client_secret: %s\n", sim.ClientSecret())
	}
	if err := sim.Serve(ctx, listener); err != nil {
		return fmt.Errorf("%s: %w", c.listen, err)
	}
	return nil
}
