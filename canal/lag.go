package canal

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"go.uber.org/zap"

	"talkbridge/internal/bridge"
)

// How far reading is behind is told in three figures. Seconds come from the log itself: commit times and heartbeats. Bytes and headroom
// need to know what logs the server has and when it throws them away; a surveyor asks it every few seconds, beside the reading.
//
// Read lag is what these figures are about. How long what was read waits for its delivery is the outbox's affair.

// A survey is what the server says about its logs at one moment.
type survey struct {
	files  []logFile // the oldest first
	growth float64   // bytes a second that the log grows by, smoothed
	policy purgePolicy
	skew   time.Duration // the server's clock minus ours
	taken  time.Time     // by our clock
}

// A logFile is one file of the log, and how many bytes of log are before it.
type logFile struct {
	name  string
	size  uint64
	start uint64
}

// A purgePolicy is when the server throws away logs by itself.
type purgePolicy struct {
	after time.Duration // this long after the last write to the file; 0: never
	above uint64        // bytes of log altogether, above which the oldest files go; 0: no bound (MariaDB 11.4 and later have one)
}

// end is how many bytes of log there are.
func (v *survey) end() uint64 {
	if len(v.files) == 0 {
		return 0
	}
	last := v.files[len(v.files)-1]
	return last.start + last.size
}

// offset is how many bytes of log are before a place; false where the file is gone or newer than the survey.
func (v *survey) offset(file string, pos uint64) (uint64, bool) {
	i := slices.IndexFunc(v.files, func(f logFile) bool { return f.name == file })
	if i < 0 {
		return 0, false
	}
	return v.files[i].start + pos, true
}

// behind is how many bytes of log are behind the place; false where that cannot be said.
func (v *survey) behind(file string, pos uint64) (uint64, bool) {
	at, ok := v.offset(file, pos)
	if !ok {
		// A file that came after the survey: what is in it is not known yet, and nothing before it is missing.
		newest := len(v.files) > 0 && bridge.LogNumber(file) > bridge.LogNumber(v.files[len(v.files)-1].name)
		return 0, newest
	}
	return max(v.end(), at) - at, true
}

// headroom is what is left until the server throws away the file that the saved place needs: bytes that may still be written, and an
// estimate of the time. Infinite where the server never does; NaN where it cannot be said. The estimate errs on the early side: it
// takes the last commit that we know of for the last write to the file.
func (v *survey) headroom(file string, committed, now time.Time) (bytes, seconds float64) {
	bytes, seconds = math.Inf(1), math.Inf(1)
	i := slices.IndexFunc(v.files, func(f logFile) bool { return f.name == file })
	switch {
	case i < 0 && len(v.files) > 0 && bridge.LogNumber(file) < bridge.LogNumber(v.files[0].name):
		return 0, 0
	case i < 0:
		return math.NaN(), math.NaN()
	}
	if v.policy.above > 0 {
		kept := v.end() - v.files[i].start
		bytes = float64(v.policy.above - min(kept, v.policy.above))
		if v.growth > 0 || bytes == 0 {
			seconds = bytes / max(v.growth, 1)
		}
	}
	if v.policy.after > 0 {
		left := v.policy.after // the file that is being written to goes no earlier
		if i < len(v.files)-1 && !committed.IsZero() {
			left = committed.Add(v.policy.after).Sub(now.Add(v.skew))
		}
		seconds = min(seconds, max(0, left.Seconds()))
	}
	return bytes, seconds
}

// growthSpan is how much time the smoothed growth looks back, about.
const growthSpan = 5 * time.Minute

// grown takes in how much log came since the survey before.
func (v *survey) grown(before *survey) {
	if before == nil || len(before.files) == 0 {
		return
	}
	last := before.files[len(before.files)-1]
	at, ok := v.offset(last.name, last.size)
	span := v.taken.Sub(before.taken).Seconds()
	if !ok || span <= 0 || at > v.end() {
		v.growth = before.growth
		return
	}
	rate := float64(v.end()-at) / span
	if before.growth == 0 {
		v.growth = rate
		return
	}
	weight := 1 - math.Exp(-span/growthSpan.Seconds())
	v.growth = before.growth + weight*(rate-before.growth)
}

// policyEvery is how many surveys use one answer about the policy and the clock.
const policyEvery = 12

// surveyLimit bounds a question of the surveyor.
const surveyLimit = 10 * time.Second

// watch surveys the server's logs until ctx ends: one query each time, and two more now and then.
func (s *Source) watch(ctx context.Context) {
	defer s.status.surveyed(nil)
	var last *survey
	for n := 0; ; n++ {
		now, err := s.survey(ctx, last, n%policyEvery == 0)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.log.Debug("the server's logs are not known; lag in bytes and headroom are not told meanwhile", zap.Error(err))
			n = -1
		}
		last = now
		s.status.surveyed(now)
		select {
		case <-ctx.Done():
			return
		case <-time.After(s.tuning.surveyEvery):
		}
	}
}

// survey asks once; nil with the error where the server does not answer.
func (s *Source) survey(ctx context.Context, before *survey, whole bool) (*survey, error) {
	ctx, cancel := context.WithTimeout(ctx, surveyLimit)
	defer cancel()
	v := &survey{}
	if before != nil {
		v.policy, v.skew = before.policy, before.skew
	}
	if whole {
		var err error
		if v.policy, err = readPolicy(ctx, s.db); err != nil {
			return nil, err
		}
		if v.skew, err = clockSkew(ctx, s.db); err != nil {
			return nil, err
		}
	}
	files, err := binaryLogs(ctx, s.db)
	if err != nil {
		return nil, err
	}
	v.files, v.taken = files, time.Now()
	v.grown(before)
	return v, nil
}

// binaryLogs lists the server's logs, the oldest first.
func binaryLogs(ctx context.Context, q querier) ([]logFile, error) {
	sizes, err := pairs2(ctx, q, "SHOW BINARY LOGS")
	if err != nil {
		return nil, fmt.Errorf("ask for the server's logs: %w", err)
	}
	files := make([]logFile, len(sizes))
	var start uint64
	for i, pair := range sizes {
		size, err := strconv.ParseUint(pair[1], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read the size of a log: %w", err)
		}
		files[i] = logFile{name: pair[0], size: size, start: start}
		start += size
	}
	return files, nil
}

// pairs2 reads rows by their first two columns, in order.
func pairs2(ctx context.Context, q querier, query string) ([][2]string, error) {
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	values := make([]string, max(2, len(names)))
	targets := make([]any, len(names)) // MySQL 8 tells a third: whether the file is encrypted
	for i := range targets {
		targets[i] = &values[i]
	}
	var out [][2]string
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		out = append(out, [2]string{values[0], values[1]})
	}
	return out, rows.Err()
}

// readPolicy asks when the server purges its logs. Each server knows some of the names.
func readPolicy(ctx context.Context, q querier) (purgePolicy, error) {
	v, err := pairs(ctx, q, `SHOW GLOBAL VARIABLES WHERE Variable_name IN ('binlog_expire_logs_seconds', 'expire_logs_days',
		'binlog_expire_logs_auto_purge', 'max_binlog_total_size')`)
	if err != nil {
		return purgePolicy{}, fmt.Errorf("ask when the server purges its logs: %w", err)
	}
	return policyOf(v), nil
}

func policyOf(v map[string]string) (p purgePolicy) {
	number := func(name string) float64 {
		n, err := strconv.ParseFloat(v[name], 64)
		if err != nil {
			return 0 // a server that has no such variable
		}
		return n
	}
	if v["binlog_expire_logs_auto_purge"] != "OFF" {
		seconds := number("binlog_expire_logs_seconds")
		if seconds == 0 {
			seconds = number("expire_logs_days") * 24 * 60 * 60
		}
		p.after = time.Duration(seconds * float64(time.Second))
	}
	p.above = uint64(number("max_binlog_total_size"))
	return p
}

// clockSkew asks how far the server's clock is ahead of ours, to half the time that the question takes.
func clockSkew(ctx context.Context, q querier) (time.Duration, error) {
	asked := time.Now()
	theirs, err := serverClock(ctx, q)
	if err != nil {
		return 0, fmt.Errorf("read the server's clock: %w", err)
	}
	answered := time.Now()
	skew := theirs.Sub(asked.Add(answered.Sub(asked) / 2))
	if skew.Abs() <= answered.Sub(asked) {
		return 0, nil // no more than the error of the measurement
	}
	return skew, nil
}

// serverClock asks what time it is at the server.
func serverClock(ctx context.Context, q querier) (time.Time, error) {
	now, err := record(ctx, q, "SELECT UNIX_TIMESTAMP(NOW(6)) AS now")
	if err != nil {
		return time.Time{}, err
	}
	seconds, err := strconv.ParseFloat(now["now"], 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the server's clock: %w", err)
	}
	return time.UnixMicro(int64(seconds * 1e6)), nil
}
