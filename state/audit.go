package state

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// An AuditAnchor is the last line of an audit log that the store was told of. It is no secret and no proof by itself: it keeps
// whoever can write the file, and not the store, from cutting off its tail unseen.
type AuditAnchor struct {
	Log  string `json:"log"` // the log's own name, drawn when it was begun
	N    uint64 `json:"n"`   // the line
	Mac  string `json:"mac"` // its MAC
	Host string `json:"host"`
	Path string `json:"path"`
}

// AuditAnchors gives the anchors of all logs, by name.
func (s *Store) AuditAnchors(ctx context.Context) ([]AuditAnchor, error) {
	rows, err := s.back.anchors(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the audit anchors: %w", err)
	}
	out := make([]AuditAnchor, 0, len(rows))
	for _, row := range rows {
		var a AuditAnchor
		if err := json.Unmarshal(row, &a); err != nil {
			return nil, fmt.Errorf("read the audit anchors: %w", err)
		}
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b AuditAnchor) int { return cmp.Compare(a.Log, b.Log) })
	return out, nil
}

// SetAuditAnchor keeps an anchor, unless the store knows a later line of the log already.
func (s *Store) SetAuditAnchor(ctx context.Context, a AuditAnchor) error {
	row, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("keep the audit anchor: %w", err)
	}
	if err := s.back.anchor(ctx, a.Log, a.N, row); err != nil {
		return fmt.Errorf("keep the audit anchor: %w", err)
	}
	return nil
}
