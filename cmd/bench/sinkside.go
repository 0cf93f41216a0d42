package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"time"

	"talkbridge/internal/rig"
	"talkbridge/internal/testserver"
)

// A receiver is the sink as seen from the benchmark.
type receiver struct {
	*rig.Process

	posts string // URL of where calls are made
	url   string // of where it is asked
}

func newReceiver(ctx context.Context, self, dir, secret string) (*receiver, error) {
	var addresses [2]string
	for i := range addresses {
		port, err := testserver.FreePort()
		if err != nil {
			return nil, err
		}
		addresses[i] = "127.0.0.1:" + strconv.Itoa(port)
	}
	r := &receiver{posts: "http://" + addresses[0], url: "http://" + addresses[1]}
	r.Process = &rig.Process{
		Name: "sink", Path: self, Log: filepath.Join(dir, "sink.log"),
		Args:  []string{"sink", "-listen", addresses[0], "-ask", addresses[1], "-secret", secret},
		Ready: rig.Answers(r.url + "/sink/count"),
	}
	return r, r.Start(ctx)
}

// base is platform.base_url.
func (r *receiver) base() string { return r.posts + "/api" }

// reset forgets what came. From here on each answer takes a while; light keeps times only.
func (r *receiver) reset(ctx context.Context, delay time.Duration, light bool) error {
	values := url.Values{"delay": {delay.String()}, "light": {strconv.FormatBool(light)}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url+"/sink/reset?"+values.Encode(), nil)
	if err != nil {
		return fmt.Errorf("reset the sink: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("reset the sink: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("reset the sink: %s", resp.Status)
	}
	return nil
}

// calls tells how many came.
func (r *receiver) calls(ctx context.Context) (int, error) {
	var n int
	return n, rig.GetJSON(ctx, r.url+"/sink/count", &n)
}

// await waits until n calls came.
func (r *receiver) await(ctx context.Context, n int) error {
	last, since := -1, time.Now()
	for {
		came, err := r.calls(ctx)
		switch {
		case err != nil:
			return err
		case came >= n:
			return nil
		case came > last:
			last, since = came, time.Now()
		case time.Since(since) > time.Minute:
			return fmt.Errorf("%d calls came, not %d, and no more for a minute", came, n)
		}
		rig.Pause(ctx, 20*time.Millisecond)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// times gives when each record came, the first time that it did, by record, and all times in order.
func (r *receiver) times(ctx context.Context) (first map[string]int64, all []int64, err error) {
	var told []arrival
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	if err := rig.AwaitJSON(ctx, r.url+"/sink/arrivals", &told); err != nil {
		return nil, nil, err
	}
	first = make(map[string]int64, len(told))
	for _, a := range told {
		if _, again := first[a.ID]; !again {
			first[a.ID] = a.At
		}
		all = append(all, a.At)
	}
	if len(all) == 0 {
		return nil, nil, errors.New("nothing came")
	}
	return first, all, nil
}
