package mapper

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"talkbridge/internal/bridge"
)

// kinds is the set of JSON types that the contract allows at one property. The empty set is a contract that is silent.
type kinds byte

const (
	wantString kinds = 1 << iota
	wantInteger
	wantNumber
	wantBoolean
	wantArray
	wantObject
	wantNull
)

func (k kinds) has(want kinds) bool { return k&want != 0 }

// maxExact is the largest whole number that every JSON reader holds exactly (RFC 8259, section 6): 2^53.
const maxExact = 1 << 53

// plain gives a value the form it has where no conversion is asked for: the type that the contract wants where that loses
// nothing, else the natural one. The contract has the last word on what comes out.
func plain(v bridge.Value, want kinds) (datum, error) {
	natural, err := naturalForm(v)
	if err != nil || want == 0 || want.has(natural.kind()) {
		return natural, err
	}
	if fitted, ok := fit(v, natural, want); ok {
		return fitted, nil
	}
	return natural, nil
}

// kind is the set of contract types that the datum satisfies.
func (d datum) kind() kinds {
	switch d.form {
	case formString:
		return wantString
	case formInteger:
		return wantInteger | wantNumber
	case formNumber:
		return wantNumber
	case formBoolean:
		return wantBoolean
	case formNested:
		return treeKind(d.tree)
	default:
		return wantNull
	}
}

func treeKind(tree any) kinds {
	switch v := tree.(type) {
	case string:
		return wantString
	case bool:
		return wantBoolean
	case []any:
		return wantArray
	case map[string]any:
		return wantObject
	case json.Number:
		if _, err := strconv.Atoi(string(v)); err == nil {
			return wantInteger | wantNumber
		}
		return wantNumber
	default:
		return wantNull
	}
}

// naturalForm is a value's form where the contract is silent.
func naturalForm(v bridge.Value) (datum, error) {
	switch v.Kind {
	case bridge.KindInt, bridge.KindYear, bridge.KindBits:
		if n, err := strconv.ParseInt(v.Text, 10, 64); err == nil && n >= -maxExact && n <= maxExact {
			return datum{form: formInteger, text: strconv.FormatInt(n, 10)}, nil // YEAR prints 0000, which is no JSON number
		}
		return stringDatum(v.Text), nil
	case bridge.KindDecimal, bridge.KindFloat:
		if number, ok := numberLiteral(v.Text); ok {
			return datum{form: formNumber, text: number}, nil
		}
		return stringDatum(v.Text), nil
	case bridge.KindBool:
		return booleanDatum(v.Text == "1"), nil
	case bridge.KindJSON:
		return nestedDatum(v.Text)
	case bridge.KindBinary:
		return stringDatum(base64.StdEncoding.EncodeToString([]byte(v.Text))), nil
	default:
		return stringDatum(v.Text), nil
	}
}

// fit turns a value into one of the types that the contract wants, where nothing is lost: "45" is 45, "045" is not.
func fit(v bridge.Value, natural datum, want kinds) (datum, bool) {
	if want.has(wantInteger | wantNumber) {
		if literal, ok := wholeLiteral(v); ok {
			return datum{form: formInteger, text: literal}, true
		}
	}
	if want.has(wantNumber) && v.Kind == bridge.KindText && isPlainNumber(v.Text) {
		return datum{form: formNumber, text: v.Text}, true
	}
	if want.has(wantBoolean) {
		if b, ok := booleanOf(v); ok {
			return booleanDatum(b), true
		}
	}
	if want.has(wantArray) && v.Kind == bridge.KindSet {
		return labels(v.Text), true
	}
	if want.has(wantArray|wantObject) && v.Kind == bridge.KindText {
		if nested, err := nestedDatum(v.Text); err == nil && want.has(nested.kind()) {
			return nested, true
		}
	}
	if want.has(wantString) && v.Kind != bridge.KindBinary {
		return stringDatum(scalarText(v, natural)), true
	}
	return datum{}, false
}

func scalarText(v bridge.Value, natural datum) string {
	if v.Kind == bridge.KindJSON {
		return natural.text
	}
	return v.Text
}

// wholeLiteral gives the digits of a whole number: of any integer, of a DECIMAL whose fraction is zero, of a text that is written
// as JSON writes integers.
func wholeLiteral(v bridge.Value) (string, bool) {
	text := v.Text
	switch v.Kind {
	case bridge.KindDecimal, bridge.KindFloat:
		whole, fraction, _ := strings.Cut(text, ".")
		if strings.Trim(fraction, "0") != "" {
			return "", false
		}
		text = whole
	case bridge.KindInt, bridge.KindYear, bridge.KindBits:
		text = trimZeros(text)
	case bridge.KindText, bridge.KindEnum, bridge.KindBool:
	default:
		return "", false
	}
	if text == "-0" {
		return "", false
	}
	return text, isPlainNumber(text) && !strings.ContainsAny(text, ".")
}

func trimZeros(digits string) string {
	trimmed := strings.TrimLeft(digits, "0")
	if trimmed == "" {
		return "0"
	}
	return trimmed
}

// maxNumberLength bounds the digits of a number: a DECIMAL has 65, and exact arithmetic on a megabyte of them takes for ever.
const maxNumberLength = 128

// isPlainNumber tells whether s is a JSON number without an exponent.
func isPlainNumber(s string) bool {
	whole, fraction, dotted := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	switch {
	case len(s) > maxNumberLength:
		return false
	case whole == "" || !isDigits(whole) || len(whole) > 1 && whole[0] == '0':
		return false
	case dotted && (fraction == "" || !isDigits(fraction)):
		return false
	default:
		return true
	}
}

func booleanOf(v bridge.Value) (value, ok bool) {
	switch v.Kind {
	case bridge.KindInt, bridge.KindBits, bridge.KindText, bridge.KindEnum, bridge.KindBool:
	default:
		return false, false
	}
	switch v.Text {
	case "1", "true":
		return true, true
	case "0", "false":
		return false, true
	default:
		return false, false
	}
}

// labels makes an array of a SET's labels.
func labels(joined string) datum {
	tree := []any{}
	b := []byte{'['}
	if joined != "" {
		for i, label := range strings.Split(joined, ",") {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(b, label)
			tree = append(tree, label)
		}
	}
	return datum{form: formNested, text: string(append(b, ']')), tree: tree}
}

// numberLiteral writes a number as JSON wants it, with exactly the digits that it has: 012.50 is 12.50, .5 is 0.5.
func numberLiteral(s string) (string, bool) {
	if len(s) > maxNumberLength {
		return "", false
	}
	mantissa, exponent := s, ""
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, exponent = s[:i], s[i:]
		if n, err := strconv.Atoi(exponent[1:]); err != nil || n > 308 || n < -400 {
			return "", false
		}
	}
	sign := ""
	switch {
	case strings.HasPrefix(mantissa, "-"):
		sign, mantissa = "-", mantissa[1:]
	case strings.HasPrefix(mantissa, "+"):
		mantissa = mantissa[1:]
	}
	whole, fraction, dotted := strings.Cut(mantissa, ".")
	if whole+fraction == "" || !isDigits(whole) || !isDigits(fraction) {
		return "", false
	}
	whole = trimZeros(whole)
	if dotted && fraction != "" {
		whole += "." + fraction
	}
	return sign + whole + exponent, true
}

// convertType is the conversion that a field's type asks for by word. The complaint follows the field's name in a sentence.
func convertType(word string, v bridge.Value) (d datum, complaint string) {
	text := strings.TrimSpace(v.Text)
	switch word {
	case "integer":
		number, ok := numberLiteral(text)
		whole, fraction, _ := strings.Cut(number, ".")
		if !ok || strings.Trim(fraction, "0") != "" || strings.ContainsAny(number, "eE") {
			return datum{}, "应为整数，请更正后重新递交"
		}
		if whole == "-0" {
			whole = "0"
		}
		return datum{form: formInteger, text: whole}, ""
	case "decimal":
		number, ok := numberLiteral(text)
		if !ok {
			return datum{}, "应为数字，请更正后重新递交"
		}
		return datum{form: formNumber, text: number}, ""
	case "boolean":
		switch strings.ToLower(text) {
		case "1", "true", "y", "yes", "是":
			return booleanDatum(true), ""
		case "0", "false", "n", "no", "否":
			return booleanDatum(false), ""
		}
		return datum{}, "应为“是”或“否”，请更正后重新递交"
	default: // string
		if v.Kind == bridge.KindBinary {
			return stringDatum(base64.StdEncoding.EncodeToString([]byte(v.Text))), ""
		}
		return stringDatum(v.Text), ""
	}
}

func isTypeWord(word string) bool {
	return word == "integer" || word == "decimal" || word == "boolean" || word == "string"
}

func countRunes(s string) int { return utf8.RuneCountInString(s) }

// truncateRunes cuts s after the first n characters.
func truncateRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// valueOf turns what an expression gave into a column's value, so that both take the same way from here.
func valueOf(result any) (bridge.Value, error) {
	switch v := result.(type) {
	case nil:
		return bridge.Value{}, nil
	case string:
		return bridge.Value{Kind: bridge.KindText, Text: v}, nil
	case []byte:
		return bridge.Value{Kind: bridge.KindBinary, Text: string(v)}, nil
	case bool:
		text := "0"
		if v {
			text = "1"
		}
		return bridge.Value{Kind: bridge.KindBool, Text: text}, nil
	case int:
		return bridge.Value{Kind: bridge.KindInt, Text: strconv.Itoa(v)}, nil
	case float64:
		d, err := json.Marshal(v)
		if err != nil {
			return bridge.Value{}, fmt.Errorf("the result cannot be written as a number: %w", err)
		}
		return bridge.Value{Kind: bridge.KindFloat, Text: string(d)}, nil
	default:
		d, err := constantDatum(v)
		if err != nil {
			return bridge.Value{}, err
		}
		return bridge.Value{Kind: bridge.KindJSON, Text: d.text}, nil
	}
}
