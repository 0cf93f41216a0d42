package canal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"talkbridge/internal/bridge"

	"github.com/go-mysql-org/go-mysql/replication"
)

// A Located is a place of the server's log that reading can begin at.
type Located struct {
	Checkpoint bridge.Checkpoint
	// Unknown says why it is not known what the watched tables looked like there; empty: it is known. Then the log has to name the columns
	// itself, as it does under binlog_row_metadata = FULL.
	Unknown string
	Behind  uint64 // bytes of log from the place to its present end
}

// Locate finds the place that at names (StartGTID or StartFile) and proves that reading can begin there: the server has what follows, and
// it is the end of a transaction (Invariant 2). For that it reads the log from there to its end, or, for a file and offset, from the
// file's beginning; rows are passed over undecoded. progress is told how many bytes are read, of about how many.
//
// Invariant 6: what the tables look like now is what they looked like at the place if the log from there to here holds no statement that
// could have changed one of them; and that they look so now is read at an anchor. If it does hold one, nothing is said about them.
func (s *Source) Locate(ctx context.Context, at Start, progress func(done, total uint64)) (Located, error) {
	located, err := s.locate(ctx, at, progress)
	if err == nil {
		return located, nil
	}
	err = classify(err)
	if lost := (*lostError)(nil); errors.As(err, &lost) {
		err = fmt.Errorf("the server cannot send its log from there: %w", lost)
	}
	return Located{}, reachable(s.options.Addr, err)
}

func (s *Source) locate(ctx context.Context, at Start, progress func(done, total uint64)) (Located, error) {
	srv, err := inspect(ctx, s.db, s.options.Flavor)
	if err != nil {
		return Located{}, err
	}
	identity, err := s.identity(ctx, srv)
	if err != nil {
		return Located{}, err
	}
	a, err := s.snapshot(ctx, srv)
	if err != nil {
		return Located{}, err
	}
	a.end(ctx)
	files, err := binaryLogs(ctx, s.db)
	if err != nil {
		return Located{}, err
	}
	v := &surveyor{want: place{file: at.File, pos: max(at.Pos, 4)}, end: a.place, progress: progress, files: files}
	from := place{file: at.File, pos: 4}
	if at.Mode == StartGTID {
		if from, err = s.gtidPlace(ctx, srv, identity, at.GTID); err != nil {
			return Located{}, err
		}
		v.want, v.found = from, true
	} else if err := v.inFiles(); err != nil {
		return Located{}, err
	}
	if err := s.surveyLog(ctx, srv, from, v); err != nil {
		return Located{}, err
	}
	return v.located(ctx, s, srv, identity)
}

// gtidPlace checks a place that is named by its GTIDs: executed ⊇ place ⊇ purged.
func (s *Source) gtidPlace(ctx context.Context, srv *server, identity, text string) (place, error) {
	set, err := parseGTIDs(srv.flavor, text)
	if err != nil {
		return place{}, err
	}
	p := place{gtids: set}
	switch {
	case !srv.gtid:
		return p, errors.New("this server's transactions have no GTIDs (gtid_mode is not ON): name a file and an offset")
	case !p.byGTID():
		return p, errors.New("the GTID set is empty")
	}
	return p, s.verifyPosition(ctx, srv, &standing{place: p, server: identity})
}

// surveyLog reads the log from a place to its end.
func (s *Source) surveyLog(ctx context.Context, srv *server, from place, v *surveyor) error {
	nobody := func([]byte, []byte) bool { return false }
	undecoded := func(*replication.RowsEvent, []byte) error { return nil }
	v.r = &reader{
		opener: newOpener(srv.flavor, s.options.Location, nobody, undecoded), filter: newFilter(s.routes, srv.fold),
		flavor: srv.flavor, sets: srv.sets, fold: srv.fold, status: s.status, tuning: s.tuning,
		place: from.clone(), reached: from.pos,
	}
	return s.stretch(ctx, srv, from, v, func() error { return v.ended })
}

// stretch hands the log from a place on to a handler, as it comes, until ended gives what the handler ended it with.
func (s *Source) stretch(ctx context.Context, srv *server, from place, to replication.EventHandler, ended func() error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	line := &line{dialing: ctx, timeout: s.tuning.readTimeout}
	cfg := s.syncerConfig(srv, line, to)
	cfg.ServerID = autoServerID(s.options.Namespace, rand.Text()) // not that of a Run: the server would end its log
	syncer := replication.NewBinlogSyncer(cfg)
	err := s.read(ctx, syncer, srv, from)
	why := ended()
	line.close(why != nil) // then it is we who leave
	syncer.Close()
	switch {
	case errors.Is(why, errSurveyed):
		return nil
	case why != nil:
		return why
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return err
}

// located puts together what was found.
func (v *surveyor) located(ctx context.Context, s *Source, srv *server, identity string) (Located, error) {
	p := v.want
	if srv.flavor == FlavorMariaDB && !p.byGTID() {
		if err := p.resolve(ctx, s.db); err != nil {
			return Located{}, err
		}
	}
	out := Located{Unknown: v.changed, Behind: v.behind()}
	switch {
	case v.changed != "":
	case v.end.schema == nil:
		out.Unknown = "the tables were being changed while they were looked at"
	default:
		p.schema = v.end.schema
	}
	if out.Unknown != "" && srv.variables["binlog_row_metadata"] != "FULL" {
		return out, fmt.Errorf("what the tables looked like at %s cannot be known: %s; and the log does not name its columns (binlog_row_metadata is "+
			"not FULL), so reading would stop at the first row. Take a place behind that, or begin anew with talkbridge position clear and "+
			"source.start: reconcile", p.describe(), out.Unknown)
	}
	out.Checkpoint = *p.checkpoint(srv.flavor, identity)
	return out, nil
}

// inFiles checks that the server has the file, and that the offset is in it.
func (v *surveyor) inFiles() error {
	names := make([]string, len(v.files))
	for i, f := range v.files {
		if names[i] = f.name; f.name != v.want.file {
			continue
		}
		if v.want.pos > f.size {
			return fmt.Errorf("%s ends at %d, before %d", f.name, f.size, v.want.pos)
		}
		return nil
	}
	if len(names) == 0 {
		return errors.New("the server lists no logs")
	}
	return fmt.Errorf("the server has no log %s: it has %s to %s. What is older is purged; queue what is flagged with talkbridge backfill, or "+
		"begin anew with talkbridge position clear", v.want.file, names[0], names[len(names)-1])
}

// behind is how much log there is from the place to the end; 0 where the place is known by its GTIDs only.
func (v *surveyor) behind() uint64 {
	i := slices.IndexFunc(v.files, func(f logFile) bool { return f.name == v.want.file })
	if i < 0 {
		return 0
	}
	last := v.files[len(v.files)-1]
	return last.start + last.size - min(v.files[i].start+v.want.pos, last.start+last.size)
}
