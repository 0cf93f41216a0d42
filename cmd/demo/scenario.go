package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"talkbridge/internal/bridge"
	"talkbridge/internal/platformsim"
	"talkbridge/internal/writeback"
)

// A step is one thing that a counsellor does, and what has to come of it.
type step struct {
	title  string
	sql    string
	record string // ROUTE/KEY, as the bridge names it

	arrives int    // the platform has then taken the record this often; 0: it is refused
	holds   string // what the decrypted payload has to contain
	stage   bridge.Stage
	reason  string // what the reason has to contain
	marked  string // the flag in the source's row afterwards; empty: not looked at
}

func steps() []step {
	const submit = "UPDATE xl_gzth SET tj_zt = '1', tjsj = NOW() WHERE id = "
	return []step{
		{
			title: "一对一: first submission", sql: submit + "1001",
			record: "one/1001", arrives: 1, holds: `"studentName":"李明"`, marked: "3",
		},
		{
			title:  "一对一: edited and submitted again",
			sql:    "UPDATE xl_gzth SET thnr = '<p>复谈:睡眠已改善,<b>情绪平稳</b>。</p>', bb = bb + 1, tj_zt = '1', tjsj = NOW() WHERE id = 1001",
			record: "one/1001", arrives: 2, holds: `"talkContent":"复谈:睡眠已改善,情绪平稳。"`, marked: "3",
		},
		{
			title: "一对多: six students of one dormitory", sql: submit + "2001",
			record: "multi/2001", arrives: 1, holds: `"participantCount":6`,
		},
		{
			title: "家校联系: a father is told", sql: submit + "3001",
			record: "patriarch/3001", arrives: 1, holds: `"patriarchName":"李建国"`,
		},
		{
			title: "一对一: ends before it begins, so the mapping refuses it", sql: submit + "1008",
			record: "one/1008", stage: bridge.StageMapping, reason: "结束时间早于开始时间", marked: "4",
		},
		{
			title:  "一对一: the same record, corrected and submitted again",
			sql:    "UPDATE xl_gzth SET jssj = '2026-03-05 16:40:00', sc = 40, tj_zt = '1', tjsj = NOW() WHERE id = 1008",
			record: "one/1008", arrives: 1, holds: `"duration":40`, marked: "3",
		},
		{
			title: "一对一: the platform itself refuses it", sql: submit + "1002",
			record: "one/1002", stage: bridge.StagePlatform, reason: "学号在平台上不存在", marked: "4",
		},
	}
}

// limit is how long one step may take. It usually takes milliseconds.
const limit = 20 * time.Second

func scenario(ctx context.Context, s *stage) error {
	if err := s.inject(ctx, platformsim.Fault{
		Kind: platformsim.FaultReject, Endpoint: "one", RecordIDs: []string{"1002"}, Code: 1003, Msg: "学号在平台上不存在",
	}); err != nil {
		return err
	}
	for i, st := range steps() {
		say("\n── %d. %s", i+1, st.title)
		say("   %s", st.sql)
		if err := s.play(ctx, st); err != nil {
			return fmt.Errorf("step %d, %s: %w", i+1, st.title, err)
		}
	}
	return s.summary(ctx)
}

func (s *stage) play(ctx context.Context, st step) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	started := time.Now()
	if _, err := s.db.ExecContext(ctx, st.sql); err != nil {
		return fmt.Errorf("submit: %w", err)
	}
	if st.arrives > 0 {
		if err := s.expectArrival(ctx, st, started); err != nil {
			return err
		}
	} else if err := s.expectRefusal(ctx, st); err != nil {
		return err
	}
	if st.marked == "" {
		return nil
	}
	return s.expectMark(ctx, st)
}

func (s *stage) expectArrival(ctx context.Context, st step, started time.Time) error {
	var held platformsim.Record
	route, key, _ := bridge.SplitRecordID(st.record)
	if err := until(ctx, func() error {
		if err := fetch(ctx, s.simURL+"/_sim/records/"+route+"/"+key, &held); err != nil {
			return err
		}
		if held.Count != st.arrives {
			return fmt.Errorf("the platform has taken it %d times, not %d", held.Count, st.arrives)
		}
		return nil
	}); err != nil {
		return s.explain(ctx, st, err)
	}
	say("   ✔ arrived after %d ms at /api/talk-record/%s, decrypted with client_secret (taken %d×):", held.LastAt.Sub(started).Milliseconds(), route, held.Count)
	say("%s", indent(held.Payload))
	if !bytes.Contains(held.Payload, []byte(st.holds)) {
		return fmt.Errorf("the payload does not hold %s", st.holds)
	}
	return nil
}

func (s *stage) expectRefusal(ctx context.Context, st step) error {
	var r bridge.Record
	if err := until(ctx, func() error {
		if err := fetch(ctx, s.adminURL+"/api/v1/records/"+st.record, &r); err != nil {
			return err
		}
		if r.Status != bridge.StatusRejected {
			return fmt.Errorf("the record is %s", r.Status)
		}
		return nil
	}); err != nil {
		return s.explain(ctx, st, err)
	}
	say("   ✘ refused by the %s, kept with its reason:", r.Stage)
	for _, p := range r.Problems {
		say("       %s  [%s ← %s, %s]", p.Message, p.Field, p.Column, p.Rule)
	}
	if len(r.Problems) == 0 {
		say("       code %s: %s", r.Code, r.Message)
	}
	reason := writeback.Reason(bridge.Settlement{Message: r.Message, Problems: r.Problems})
	if r.Stage != st.stage || !strings.Contains(reason, st.reason) {
		return fmt.Errorf("refused at stage %s, expected %s with %q", r.Stage, st.stage, st.reason)
	}
	return nil
}

// expectMark looks at the flag that the write-back sets.
func (s *stage) expectMark(ctx context.Context, st step) error {
	_, key, _ := bridge.SplitRecordID(st.record)
	var flag, message string
	if err := until(ctx, func() error {
		row := s.db.QueryRowContext(ctx, "SELECT tj_zt, COALESCE(sb_xx, '') FROM xl_gzth WHERE id = ?", key)
		if err := row.Scan(&flag, &message); err != nil {
			return err
		}
		if flag != st.marked {
			return fmt.Errorf("the row's flag is %q, not %q", flag, st.marked)
		}
		return nil
	}); err != nil {
		return err
	}
	if message != "" {
		message = ", sb_xx = " + message
	}
	say("   ↩ the row now says tj_zt = %s%s", flag, message)
	return nil
}

// explain adds what the bridge knows of a record that did not do what it should.
func (s *stage) explain(ctx context.Context, st step, err error) error {
	var r bridge.Record
	if fetch(context.WithoutCancel(ctx), s.adminURL+"/api/v1/records/"+st.record, &r) != nil {
		return fmt.Errorf("%w; the bridge does not know the record", err)
	}
	return fmt.Errorf("%w; the bridge says %s %s %s %v", err, r.Status, r.Code, r.Message, r.Problems)
}

func (s *stage) summary(ctx context.Context) error {
	var stats platformsim.Stats
	if err := fetch(ctx, s.simURL+"/_sim/stats", &stats); err != nil {
		return err
	}
	say("\n── The platform holds %d records; %d calls, %d taken, %d refused; two at once for one record: %d times",
		stats.Records, stats.Calls, stats.Applied, stats.Calls-stats.Applied, stats.Overlaps)
	if stats.Records != 4 || stats.Applied != 5 || stats.Overlaps != 0 {
		return errors.New("these are not the figures that the steps above should leave")
	}
	return nil
}

func (s *stage) inject(ctx context.Context, f platformsim.Fault) error {
	body, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("write the fault: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.simURL+"/_sim/faults", bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("tell the platform to refuse a record: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		return fmt.Errorf("tell the platform to refuse a record: %s", resp.Status)
	}
	return nil
}

// until polls until ready gives nil; at the end of ctx it gives ready's last error.
func until(ctx context.Context, ready func() error) error {
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func fetch(ctx context.Context, url string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

func indent(payload []byte) string {
	var out bytes.Buffer
	if err := json.Indent(&out, payload, "       ", "  "); err != nil {
		return string(payload)
	}
	return "       " + out.String()
}
