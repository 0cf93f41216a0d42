package mapper

import (
	"context"
	"strings"
	"unicode/utf8"

	"talkbridge/internal/bridge"
)

// convert takes a value through a field's conversions, in this order: HTML, clean, emptiness and default, split, and then for the
// value or for every part of it: dictionary, time, type or the form that the contract wants, check, length.
// What cannot be converted becomes a complaint and no value.
func (r *run) convert(ctx context.Context, f *field, at *place, v bridge.Value) (datum, error) {
	if !validText(v) {
		r.complain(f, at, "encoding", sayBadEncoding(f.label))
		return datum{}, nil
	}
	if f.html && v.Kind == bridge.KindBinary && utf8.ValidString(v.Text) {
		v.Kind = bridge.KindText // old systems keep rich text in BLOBs
	}
	if f.html && isText(v.Kind) {
		v.Text = htmlToText(v.Text)
	}
	if f.clean != 0 && isText(v.Kind) {
		v.Text = f.clean.clean(v.Text)
	}
	switch {
	case v.IsNull() || isText(v.Kind) && strings.TrimSpace(v.Text) == "":
		return r.empty(f, at), nil
	case f.split != "":
		return r.parts(ctx, f, at, v)
	default:
		return r.convertOne(ctx, f, at, v)
	}
}

// parts converts what stands between the separators, blanks left out, and makes an array of it.
func (r *run) parts(ctx context.Context, f *field, at *place, v bridge.Value) (datum, error) {
	b, tree, before := []byte{'['}, []any{}, len(r.complaints)
	for part := range strings.SplitSeq(v.Text, f.split) {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		d, err := r.convertOne(ctx, f, at, bridge.Value{Kind: bridge.KindText, Text: part})
		switch {
		case err != nil:
			return datum{}, err
		case len(r.complaints) > before:
			return datum{}, nil // one bad part is enough said about the field
		case d.form == formNone:
			continue
		}
		if len(tree) > 0 {
			b = append(b, ',')
		}
		b, tree = d.append(b), append(tree, d.native())
	}
	if len(tree) == 0 {
		return r.empty(f, at), nil
	}
	return datum{form: formNested, text: string(append(b, ']')), tree: tree}, nil
}

// convertOne is what happens to one value that is there.
func (r *run) convertOne(ctx context.Context, f *field, at *place, v bridge.Value) (datum, error) {
	if f.dict != nil {
		translated, ok, err := r.m.translate(ctx, f.dict, v.Text)
		switch {
		case err != nil:
			return datum{}, err
		case !ok:
			r.complain(f, at, "dict", sayNotInDict(f.label, f.dict.name))
			return datum{}, nil
		case strings.TrimSpace(translated) == "":
			return r.empty(f, at), nil
		}
		v = bridge.Value{Kind: bridge.KindText, Text: translated}
	}
	return r.shapeValue(ctx, f, at, v)
}

// empty is what becomes of NULL and of blank text.
func (r *run) empty(f *field, at *place) datum {
	if f.fallback.form == formNone && !f.optional {
		r.complain(f, at, "required", sayEmpty(f.label))
	}
	return f.fallback
}

func isText(k bridge.Kind) bool {
	return k == bridge.KindText || k == bridge.KindEnum || k == bridge.KindSet
}

// shapeValue is the second half of convertOne: from a value that is there to its form in JSON.
func (r *run) shapeValue(ctx context.Context, f *field, at *place, v bridge.Value) (datum, error) {
	var d datum
	switch {
	case f.layout != nil:
		moment, fault := parseCivil(v.Text, f.dateOrder)
		if fault != dateFine {
			r.complain(f, at, "time", sayBadDate(f.label, fault))
			return datum{}, nil
		}
		r.note(f, at, moment)
		d = stringDatum(f.layout.format(moment))
	case f.typeWord != "":
		var wrong string
		if d, wrong = convertType(f.typeWord, v); wrong != "" {
			r.complain(f, at, "type", f.label+wrong)
			return datum{}, nil
		}
	case f.isTextual():
		d = stringDatum(textOf(v))
	default:
		return r.plainValue(f, at, v), nil
	}
	return r.checked(ctx, f, at, d)
}

// plainValue is the form of a value that no conversion is asked for.
//
// Invariant 8 goes for what leaves as well: a JSON document takes its members along, so those are held to the never-send list here.
func (r *run) plainValue(f *field, at *place, v bridge.Value) datum {
	d, err := plain(v, f.wantOne)
	switch {
	case err != nil:
		r.complain(f, at, "json", sayNotJSON(f.label))
		return datum{}
	case d.form == formNested && r.m.deny.holdsDenied(d.tree):
		r.complain(f, at, "never_send", sayNeverSend(f.label))
		return datum{}
	}
	return d
}

func textOf(v bridge.Value) string {
	d, _ := convertType("string", v)
	return d.text
}

// checked applies check, min and max to a text.
func (r *run) checked(ctx context.Context, f *field, at *place, d datum) (datum, error) {
	if d.form != formString {
		return d, nil
	}
	chosen := f.check
	if f.checkBy != nil {
		var ok bool
		var err error
		if chosen, ok, err = r.chooseCheck(ctx, f, at); err != nil || !ok {
			return datum{}, err
		}
	}
	if chosen.check != nil {
		sent, complaint := chosen.check(d.text, r.now)
		if complaint != "" {
			r.complain(f, at, chosen.word, f.label+complaint)
			return datum{}, nil
		}
		d.text = sent
	}
	if f.min > 0 {
		if n := countRunes(d.text); n < f.min {
			r.complain(f, at, "min", sayTooShort(f.label, n, f.min))
			return datum{}, nil
		}
	}
	if f.max > 0 && len(d.text) > f.max { // no text has more characters than bytes
		if n := countRunes(d.text); n > f.max {
			if !f.truncate {
				r.complain(f, at, "max", sayTooLong(f.label, n, f.max))
				return datum{}, nil
			}
			d.text = truncateRunes(d.text, f.max)
		}
	}
	return d, nil
}

// chooseCheck reads the column that decides how the field is checked.
func (r *run) chooseCheck(ctx context.Context, f *field, at *place) (chosen wordedCheck, ok bool, err error) {
	v, _, err := r.read(ctx, f.checkBy.from, at)
	if err != nil {
		return wordedCheck{}, false, err
	}
	chosen, ok = f.checkBy.choose(strings.TrimSpace(v.Text))
	if !ok {
		r.complain(f, at, "check", sayNoCheck(f.label, f.checkBy.from.text))
	}
	return chosen, ok, nil
}
