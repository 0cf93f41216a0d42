package mapper

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// compileConversions checks that the conversions of a field exist and go together.
func (c *compiler) compileConversions(out *field, f Field, at level) error {
	if words := conversionWords(f); len(words) > 0 && (out.kind != fromColumn && out.kind != fromLookup && out.kind != fromExpression) {
		return fmt.Errorf("%s goes with from and expr only", strings.Join(words, ", "))
	}
	var errs []error
	note := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	var err error
	if f.Dict != "" {
		if out.dict = c.dicts[f.Dict]; out.dict == nil {
			note(fmt.Errorf("dict %s is not defined%s", f.Dict, known("the dictionaries are", slices.Collect(maps.Keys(c.dicts)))))
		}
	}
	if f.Time != "" {
		out.layout, err = parseTimeLayout(f.Time)
		note(err)
	}
	out.dateOrder, err = parseDateOrder(f.DateOrder)
	note(err)
	out.clean, err = parseCleaning(f.Clean)
	note(err)
	if f.Trim {
		out.clean |= cleanTrim
	}
	if f.Check != "" {
		out.check.check, err = findCheck(f.Check)
		out.check.word = f.Check
		note(err)
	}
	if f.CheckBy != nil {
		out.checkBy, err = c.compileCheckBy(*f.CheckBy, at)
		note(err)
	}
	out.html, out.split, out.typeWord, out.truncate = f.Text == "html", f.Split, f.Type, f.Overflow == "truncate"
	return errors.Join(append(append(errs, conflicts(f, out)...), unknownWords(f)...)...)
}

func (c *compiler) compileCheckBy(by CheckBy, at level) (*checkBy, error) {
	out := &checkBy{kinds: map[string]wordedCheck{}}
	var err error
	if out.from, err = c.sourceAt(by.By, at); err != nil {
		return nil, fmt.Errorf("check: by: %w", err)
	}
	if len(by.Kinds) == 0 {
		return nil, errors.New("check: kinds is empty; name a check for each value of by")
	}
	for _, kind := range slices.Sorted(maps.Keys(by.Kinds)) {
		found, err := findCheck(by.Kinds[kind])
		if err != nil {
			return nil, fmt.Errorf("check: kinds: %s: %w", kind, err)
		}
		out.kinds[kind] = wordedCheck{found, by.Kinds[kind]}
	}
	if by.Otherwise != "" {
		found, err := findCheck(by.Otherwise)
		if err != nil {
			return nil, fmt.Errorf("check: otherwise: %w", err)
		}
		out.otherwise = &wordedCheck{found, by.Otherwise}
	}
	return out, nil
}

func conversionWords(f Field) []string {
	var words []string
	for word, set := range map[string]bool{
		"dict": f.Dict != "", "time": f.Time != "", "type": f.Type != "", "text": f.Text != "", "check": f.Check != "" || f.CheckBy != nil,
		"max": f.Max != 0, "overflow": f.Overflow != "", "trim": f.Trim, "min": f.Min != 0, "clean": len(f.Clean) > 0, "split": f.Split != "",
		"date_order": f.DateOrder != "", "not_before": f.NotBefore != "", "not_after": f.NotAfter != "",
	} {
		if set {
			words = append(words, word)
		}
	}
	slices.Sort(words)
	return words
}

func unknownWords(f Field) []error {
	var errs []error
	add := func(wrong bool, text string) {
		if wrong {
			errs = append(errs, errors.New(text))
		}
	}
	add(f.Text != "" && f.Text != "html", fmt.Sprintf("text %q is not known; use html", f.Text))
	add(f.Type != "" && !isTypeWord(f.Type), fmt.Sprintf("type %q is not known; use integer, decimal, boolean or string", f.Type))
	add(f.Overflow != "" && f.Overflow != "reject" && f.Overflow != "truncate", fmt.Sprintf("overflow %q is not known; use reject or truncate", f.Overflow))
	return errs
}

// conflicts lists the conversions that contradict each other or the contract.
func conflicts(f Field, out *field) []error {
	var errs []error
	add := func(wrong bool, text string) {
		if wrong {
			errs = append(errs, errors.New(text))
		}
	}
	add(f.Overflow == "truncate" && f.Max == 0, "overflow: truncate needs max")
	add(f.Max < 0 || f.Min < 0, "min and max have to be positive")
	add(f.Max > 0 && f.Min > f.Max, "min is larger than max")
	add(f.Time != "" && (f.Dict != "" || f.Text != "" || f.Type != ""), "time does not go with dict, text or type")
	add(f.DateOrder != "" && f.Time == "", "date_order says how time reads a date, and there is no time")
	add(f.Dict != "" && f.Text != "", "dict does not go with text")
	add(f.Check != "" && f.CheckBy != nil, "check is a word, or by with kinds; not both")
	typed := f.Type != "" && f.Type != "string"
	add(typed && (f.Check != "" || f.CheckBy != nil || f.Max != 0 || f.Min != 0), "type "+f.Type+" does not go with check, min or max, which are for text")
	add(f.Split != "" && out.want != 0 && !out.want.has(wantArray), "split makes a list, and the contract wants none here")
	add(f.Split != "" && (f.NotBefore != "" || f.NotAfter != ""), "split does not go with not_before or not_after")
	made := map[string]kinds{"string": wantString, "integer": wantInteger | wantNumber, "decimal": wantInteger | wantNumber, "boolean": wantBoolean}[f.Type]
	add(made != 0 && out.wantOne != 0 && !out.wantOne.has(made), "type "+f.Type+" is not what the contract allows here")
	return errs
}
