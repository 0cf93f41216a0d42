package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"talkbridge/internal/admin"
	"talkbridge/internal/app"
	"talkbridge/internal/bridge"
	"talkbridge/internal/config"
	"talkbridge/state"
)

func backupCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Write position, outbox and ledger to one sealed file, also while a bridge runs",
		Args:  oneArg("new file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := config.Load(s.config)
			if err != nil {
				return err
			}
			bar := progressOf(cmd.ErrOrStderr(), "backup")
			sum, err := app.Backup(cmd.Context(), c, args[0], bar.tell)
			bar.end()
			if err = errors.Join(err, app.NoteAudit(cmd.Context(), c, "backup", osUser(), args[0], err)); err != nil {
				return err
			}
			return printSummary(cmd.OutOrStdout(), s, args[0], sum)
		},
	}
}

// summaryJSON is the stable shape of backup, verify and restore --json.
type summaryJSON struct {
	File string `json:"file"`
	state.Summary
	Position *admin.Position `json:"position"` // null: none was saved
}

func printSummary(out io.Writer, s *settings, file string, sum state.Summary) error {
	var position *admin.Position
	if sum.Position != nil {
		p := admin.PositionOf(*sum.Position)
		position = &p
	}
	if s.json {
		return printJSON(out, summaryJSON{File: file, Summary: sum, Position: position})
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "file\t%s\nnamespace\t%s\ncreated\t%s\nrecords\t%d\n", file, sum.Namespace, clock(sum.CreatedAt), sum.Records)
	for _, status := range bridge.Statuses() {
		if n, ok := sum.Statuses[status]; ok {
			fmt.Fprintf(w, "  %s\t%d\n", status, n)
		}
	}
	if sum.Unreadable > 0 {
		fmt.Fprintf(w, "unreadable\t%d contents do not open; such a record is put aside when its turn comes\n", sum.Unreadable)
	}
	if position != nil {
		fmt.Fprintf(w, "position\t%s:%d %s\n", position.File, position.Pos, position.GTID)
	}
	fmt.Fprintf(w, "bytes\t%d\ndigest\t%s\n", sum.Bytes, sum.Digest)
	return w.Flush()
}

// A progress is a line on a terminal that is written over and over; elsewhere it is silent.
type progress struct {
	out  io.Writer // nil: silent
	what string
	last time.Time
}

func progressOf(out io.Writer, what string) *progress {
	if file, ok := out.(*os.File); ok && isTerminal(file) {
		return &progress{out: out, what: what}
	}
	return &progress{}
}

func (p *progress) tell(done, total int) {
	if p.out == nil || done < total && time.Since(p.last) < 200*time.Millisecond {
		return
	}
	p.last = time.Now()
	if total > done {
		fmt.Fprintf(p.out, "\r%s: %d of %d records (%d%%)\x1b[K", p.what, done, total, 100*done/total)
		return
	}
	fmt.Fprintf(p.out, "\r%s: %d records\x1b[K", p.what, done)
}

// end takes the line away.
func (p *progress) end() {
	if p.out != nil {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
