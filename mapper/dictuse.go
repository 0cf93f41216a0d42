package mapper

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"talkbridge/internal/bridge"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// A dictUse is a field that sends what a dictionary gives, so that its translations can be held to the contract before any record is.
type dictUse struct {
	route    string
	path     string
	contract string
	dict     *dict
	shape    shape
	want     kinds
	typeWord string
}

// compileDictUse checks the entries of the configuration now. Those of a query are checked by Preflight.
func (c *compiler) compileDictUse(out *field, f Field, s shape, at level) error {
	if out.dict == nil || at.contract == nil || f.Overflow == "truncate" {
		return nil
	}
	if f.Split != "" {
		s = s.items()
	}
	use := dictUse{route: c.route.Name, path: out.path, contract: at.contract.name, dict: out.dict, shape: s, want: out.wantOne, typeWord: out.typeWord}
	if out.dict.query == "" {
		return errors.Join(use.faults(out.dict.entries)...)
	}
	c.uses = append(c.uses, use)
	return nil
}

// faults lists the translations that the contract does not take.
func (u dictUse) faults(entries map[string]string) []error {
	var errs []error
	for _, code := range slices.Sorted(maps.Keys(entries)) {
		translation := entries[code]
		if len(u.shape) == 0 || strings.TrimSpace(translation) == "" {
			continue // blank is no value
		}
		v := bridge.Value{Kind: bridge.KindText, Text: translation}
		d, err := plain(v, u.want)
		if u.typeWord != "" {
			var wrong string
			if d, wrong = convertType(u.typeWord, v); wrong != "" {
				err = fmt.Errorf("it is no %s", u.typeWord)
			}
		}
		if err == nil {
			err = u.refusal(d)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("dict %s gives %q for %q, and contract %s does not take that: %w", u.dict.name, translation, code,
				u.contract, err))
		}
	}
	return errs
}

// refusal says in one line what the contract has against a value.
func (u dictUse) refusal(d datum) error {
	err := u.shape[0].Validate(d.native())
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return err
	}
	for len(invalid.Causes) > 0 {
		invalid = invalid.Causes[0]
	}
	if k, ok := invalid.ErrorKind.(*kind.Enum); ok {
		wanted := make([]string, len(k.Want))
		for i, v := range k.Want {
			wanted[i] = fmt.Sprint(v)
		}
		return fmt.Errorf("it wants one of %s", strings.Join(wanted, ", "))
	}
	return fmt.Errorf("it breaks %s", strings.Join(invalid.ErrorKind.KeywordPath(), "."))
}
