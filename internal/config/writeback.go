package config

import (
	"slices"
	"strings"
)

func (c *Writeback) read(b *block, submit Submit) {
	c.Delivered = readAssignments(b.may("delivered"), submit)
	c.Rejected = readAssignments(b.may("rejected"), submit)
}

func readAssignments(s *setting, submit Submit) map[string]string {
	if s.value == nil {
		return nil
	}
	values, flagged := map[string]string{}, false
	s.entries(func(item *setting) {
		var value string
		item.anyText(&value)
		values[item.name] = value
		if strings.EqualFold(item.name, submit.Column) { // the server's column names have no case
			flagged = true
			checkFlag(item, value, submit)
		}
	})
	if !flagged && submit.Mode == "while" {
		s.problem("must set the submit column to another value: as long as it holds one of while, every change of the row is a " +
			"submission, and this would be one")
	}
	return values
}

// checkFlag sees that writing back is no submission of its own: it would be delivered, written back, delivered, for ever.
func checkFlag(s *setting, value string, submit Submit) {
	switch {
	case submit.Mode == "changes":
		s.problem("must be left alone: every change of it is a submission, and this would be one")
	case slices.Contains(submit.Values, value):
		s.problem("must be another value: this one is a submission, so the bridge would trigger itself")
	case strings.Contains(value, "{"):
		s.problem("must be a fixed value: it decides what is a submission")
	}
}
