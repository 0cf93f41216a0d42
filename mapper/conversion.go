package mapper

import (
	"context"
	"strings"
	"unicode/utf8"

	"talkbridge/internal/bridge"
)

// convert takes a value through a field's conversions, in this order: trim, HTML, emptiness, dictionary, then time, type or
// the form that the contract wants, check, length.
// What cannot be converted becomes a complaint and no value.
func (r *run) convert(ctx context.Context, f *field, at place, v bridge.Value) (datum, error) {
	if !validText(v) {
		r.complain(f, at, "encoding", sayBadEncoding(f.label))
		return datum{}, nil
	}
	if f.trim {
		v.Text = strings.TrimSpace(v.Text)
	}
	if f.html && v.Kind == bridge.KindBinary && utf8.ValidString(v.Text) {
		v.Kind = bridge.KindText // old systems keep rich text in BLOBs
	}
	if f.html && isText(v.Kind) {
		v.Text = htmlToText(v.Text)
	}
	if v.IsNull() || isText(v.Kind) && strings.TrimSpace(v.Text) == "" {
		r.empty(f, at)
		return datum{}, nil
	}
	if f.dict != nil {
		translated, ok, err := r.m.translate(ctx, f.dict, v.Text)
		switch {
		case err != nil:
			return datum{}, err
		case !ok:
			r.complain(f, at, "dict", sayNotInDict(f.label, f.dict.name))
			return datum{}, nil
		case strings.TrimSpace(translated) == "":
			r.empty(f, at)
			return datum{}, nil
		}
		v = bridge.Value{Kind: bridge.KindText, Text: translated}
	}
	return r.shapeValue(f, at, v), nil
}

// empty is what becomes of NULL and of blank text.
func (r *run) empty(f *field, at place) {
	if !f.optional {
		r.complain(f, at, "required", sayEmpty(f.label))
	}
}

func isText(k bridge.Kind) bool {
	return k == bridge.KindText || k == bridge.KindEnum || k == bridge.KindSet
}

// shapeValue is the second half of convert: from a value that is there to its form in JSON.
func (r *run) shapeValue(f *field, at place, v bridge.Value) datum {
	var d datum
	switch {
	case f.layout != nil:
		moment, fault := parseCivil(v.Text)
		if fault != dateFine {
			r.complain(f, at, "time", sayBadDate(f.label, fault))
			return datum{}
		}
		d = stringDatum(f.layout.format(moment))
	case f.typeWord != "":
		var wrong string
		if d, wrong = convertType(f.typeWord, v); wrong != "" {
			r.complain(f, at, "type", f.label+wrong)
			return datum{}
		}
	case f.check != nil || f.max > 0:
		d = stringDatum(textOf(v))
	default:
		var err error
		if d, err = plain(v, f.want); err != nil {
			r.complain(f, at, "json", sayNotJSON(f.label))
			return datum{}
		}
		return d
	}
	return r.checked(f, at, d)
}

func textOf(v bridge.Value) string {
	d, _ := convertType("string", v)
	return d.text
}

// checked applies check and max to a text.
func (r *run) checked(f *field, at place, d datum) datum {
	if f.check != nil {
		sent, complaint := f.check(d.text, r.now)
		if complaint != "" {
			r.complain(f, at, f.checkWord, f.label+complaint)
			return datum{}
		}
		d.text = sent
	}
	if f.max > 0 && len(d.text) > f.max { // no text has more characters than bytes
		if n := countRunes(d.text); n > f.max {
			if !f.truncate {
				r.complain(f, at, "max", sayTooLong(f.label, n, f.max))
				return datum{}
			}
			d.text = truncateRunes(d.text, f.max)
		}
	}
	return d
}
