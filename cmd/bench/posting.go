package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"golang.org/x/sync/errgroup"
)

// A posting is a record on its way through a floor.
type posting struct {
	id   string
	pos  uint32 // of the log, behind it
	body []byte
}

// A payload is what a floor posts of a row: the same content as the bridge's, under names that the endpoint has.
type payload struct {
	RecordID      string `json:"recordId"`
	SchoolCode    string `json:"schoolCode"`
	CounselorNo   string `json:"counselorNo"`
	CounselorName string `json:"counselorName"`
	CounselorCard string `json:"counselorIdCard"`
	TalkType      string `json:"talkType"`
	TalkMode      string `json:"talkMode"`
	TalkTime      string `json:"talkTime"`
	EndTime       string `json:"endTime"`
	Duration      any    `json:"duration"`
	TalkPlace     string `json:"talkPlace"`
	TalkTitle     string `json:"talkTitle"`
	TalkContent   string `json:"talkContent"`
	Measure       string `json:"measure"`
	StudentNo     string `json:"studentNo"`
	StudentName   string `json:"studentName"`
	StudentCard   string `json:"studentIdCard"`
	StudentPhone  string `json:"studentPhone"`
	CollegeName   string `json:"collegeName"`
}

// newPosting makes JSON of a row of the plain table. The order of its columns is that of plainColumns.
func newPosting(row []any, pos uint32) (posting, error) {
	text := func(i int) string {
		switch v := row[i].(type) {
		case string:
			return v
		case []byte:
			return string(v)
		default:
			return fmt.Sprint(v)
		}
	}
	p := payload{
		RecordID: text(0), SchoolCode: "13001", TalkMode: text(1), TalkType: text(2), TalkTitle: text(3), TalkTime: text(4), EndTime: text(5),
		Duration: row[6], TalkPlace: text(7), TalkContent: text(8), Measure: text(9), CounselorNo: text(10), CounselorName: text(11),
		CounselorCard: text(12), StudentNo: text(13), StudentName: text(14), StudentCard: text(15), StudentPhone: text(16), CollegeName: text(17),
	}
	body, err := json.Marshal(p)
	if err != nil {
		return posting{}, fmt.Errorf("make a payload: %w", err)
	}
	return posting{p.RecordID, pos, body}, nil
}

// A poster makes the calls.
type poster struct {
	client  *http.Client
	url     string
	workers int
}

func newPoster(url string, workers int) *poster {
	return &poster{&http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers, MaxIdleConns: workers}}, url, workers}
}

// post posts what comes, as many at once as there are workers, and passes on what was taken; to is nil where nobody wants to know.
func (p *poster) post(ctx context.Context, from <-chan posting, to chan<- posting) error {
	group, ctx := errgroup.WithContext(ctx)
	for range p.workers {
		group.Go(func() error {
			for record := range from {
				if err := p.call(ctx, record.body); err != nil {
					return err
				}
				if to == nil {
					continue
				}
				select {
				case to <- record:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func (p *poster) call(ctx context.Context, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("post: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := p.client.Do(req)
	if err != nil {
		return fmt.Errorf("post: %w", err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("post: %s: %w", resp.Status, err)
	}
	return nil
}
