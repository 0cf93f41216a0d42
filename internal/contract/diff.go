package contract

import (
	"slices"
	"strings"
)

// A Change is one difference between two contracts of a route.
type Change struct {
	Path string `json:"path"`          // of the field
	Kind string `json:"kind"`          // added | removed | type | required | enum | length | pattern | format | range | closed
	Was  string `json:"was,omitempty"` // in the contract that is in force
	Now  string `json:"now,omitempty"` // in the document
	// Tighter tells that something that was right before is not any more: a payload can be refused because of it.
	Tighter bool `json:"tighter"`
}

// Diff lists what changed from one contract to another, in the order of the new one; what was removed comes last.
func Diff(was, now []byte) ([]Change, error) {
	before, err := Fields(was)
	if err != nil {
		return nil, err
	}
	after, err := Fields(now)
	if err != nil {
		return nil, err
	}
	changes := closedness(was, now)
	for _, f := range after {
		i := slices.IndexFunc(before, func(b Field) bool { return b.Path == f.Path })
		if i < 0 {
			changes = append(changes, Change{Path: f.Path, Kind: "added", Now: summary(f), Tighter: f.Required && !inOptional(f.Path, after)})
			continue
		}
		changes = append(changes, compare(before[i], f)...)
	}
	for _, f := range before {
		if !slices.ContainsFunc(after, func(a Field) bool { return a.Path == f.Path }) {
			changes = append(changes, Change{Path: f.Path, Kind: "removed", Was: summary(f), Tighter: true})
		}
	}
	return changes, nil
}

// inOptional tells whether a nested field lies in one that may be left out: that it is required then binds nobody yet.
func inOptional(path string, fields []Field) bool {
	return slices.ContainsFunc(fields, func(f Field) bool {
		return !f.Required && (strings.HasPrefix(path, f.Path+".") || strings.HasPrefix(path, f.Path+"[]."))
	})
}

func compare(was, now Field) []Change {
	var changes []Change
	add := func(kind, before, after string, tighter bool) {
		if before != after {
			changes = append(changes, Change{Path: now.Path, Kind: kind, Was: before, Now: after, Tighter: tighter})
		}
	}
	add("type", was.Type, now.Type, !accepts(now.Type, was.Type))
	add("required", yes(was.Required), yes(now.Required), now.Required)
	added, removed := lacking(now.Enum, was.Enum), lacking(was.Enum, now.Enum)
	switch {
	case was.Enum == nil && now.Enum != nil:
		add("enum", "any", strings.Join(now.Enum, ", "), true)
	case was.Enum != nil && now.Enum == nil:
		add("enum", strings.Join(was.Enum, ", "), "any", false)
	case len(added)+len(removed) > 0:
		changes = append(changes, Change{
			Path: now.Path, Kind: "enum", Was: minus(removed), Now: plus(added), Tighter: len(removed) > 0,
		})
	}
	add("length", was.MinLength+".."+was.MaxLength, now.MinLength+".."+now.MaxLength,
		below(now.MaxLength, was.MaxLength) || below(orZero(was.MinLength), orZero(now.MinLength)))
	add("pattern", was.Pattern, now.Pattern, now.Pattern != "")
	add("format", was.Format, now.Format, now.Format != "")
	add("range", was.Range, now.Range, now.Range != "")
	return changes
}

// accepts tells whether every value of one type is one of another.
func accepts(now, was string) bool {
	if now == "" {
		return true
	}
	kinds := strings.Split(now, " | ")
	for kind := range strings.SplitSeq(was, " | ") {
		if !slices.Contains(kinds, kind) && (kind != "integer" || !slices.Contains(kinds, "number")) {
			return false
		}
	}
	return was != ""
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func lacking(from, in []string) []string {
	var out []string
	for _, v := range from {
		if !slices.Contains(in, v) {
			out = append(out, v)
		}
	}
	return out
}

func minus(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return "without " + strings.Join(values, ", ")
}

func plus(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return "with " + strings.Join(values, ", ")
}

func orZero(n string) string {
	if n == "" {
		return "0"
	}
	return n
}

// below compares whole numbers as they are written; no number is no limit.
func below(a, b string) bool {
	switch {
	case a == "":
		return false
	case b == "":
		return true
	case len(a) != len(b):
		return len(a) < len(b)
	default:
		return a < b
	}
}

func summary(f Field) string {
	text := f.Type
	if f.MaxLength != "" {
		text += "(" + f.MaxLength + ")"
	}
	if f.Required {
		text += ", required"
	}
	if f.Title != "" {
		text += ", " + f.Title
	}
	return strings.TrimPrefix(text, ", ")
}

// closedness compares whether other members are refused.
func closedness(was, now []byte) []Change {
	if before, after := IsClosed(was), IsClosed(now); before != after {
		return []Change{{Path: "", Kind: "closed", Was: yes(before), Now: yes(after), Tighter: after}}
	}
	return nil
}
