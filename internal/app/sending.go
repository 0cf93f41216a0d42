package app

import (
	"context"
	"errors"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"talkbridge/canal"
	"talkbridge/internal/bridge"
	"talkbridge/internal/config"
	"talkbridge/internal/writeback"
	"talkbridge/mapper"
	"talkbridge/pusher"
	"talkbridge/state"
)

// sending is what operations need beyond the store: what reads a row, maps it and sends it.
type sending struct {
	source  *canal.Source
	mapper  *mapper.Mapper
	client  *pusher.Client
	workers *pusher.Workers
	writer  *writeback.Writer // nil: no route writes back
}

// lazily makes the parts at their first use: most operations need the store only, and must work while the school's server is away.
func lazily(c *config.Config, store *state.Store, done *closers) func() (*sending, error) {
	return sync.OnceValues(func() (*sending, error) { return openSending(c, store, done) })
}

func openSending(c *config.Config, store *state.Store, done *closers) (*sending, error) {
	b := &bridgeParts{options: Options{Config: c, Logger: zap.NewNop()}, store: store, registry: prometheus.NewRegistry()}
	db, err := openSource(c)
	if err != nil {
		return nil, err
	}
	done.add(db.Close)
	if b.mapper, err = newMapper(c, db, b.visible, zap.NewNop()); err != nil {
		return nil, err
	}
	done.add(b.mapper.Close)
	if b.client, err = pusher.New(pusherOptions(c, store)); err != nil {
		return nil, err
	}
	done.add(func() error { b.client.Close(); return nil })
	listen := canalOptions(c, b.mapper)
	listen.Outbox, listen.Instance = storedPosition{store}, owner()
	if b.source, err = canal.New(listen); err != nil {
		return nil, err
	}
	done.add(b.source.Close)
	if writesBack(c) {
		b.writer = writeback.New(db, writebackRoutes(c))
	}
	if b.workers, err = pusher.NewWorkers(b.workerOptions(b.mapper)); err != nil {
		return nil, err
	}
	return &sending{source: b.source, mapper: b.mapper, client: b.client, workers: b.workers, writer: b.writer}, nil
}

// storedPosition is the outbox of a source that does not listen: it may look at the position.
type storedPosition struct{ *state.Store }

func (p storedPosition) Append(context.Context, []bridge.Change, *bridge.Checkpoint) error {
	return errNotListening
}

var errNotListening = errors.New("this process does not listen")
