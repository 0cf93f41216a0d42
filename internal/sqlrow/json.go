package sqlrow

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
)

// JSON spells a JSON document the one way that Values use. The server prints blanks between the parts and large and small numbers
// in a form of its own; who reads the binary log spells them otherwise. Neither the order of members nor any other number changes.
func JSON(raw []byte) (string, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return "", errors.New("the text is not valid JSON")
	}
	text := compact.String()
	var out strings.Builder
	for i := 0; i < len(text); {
		end := i + 1
		switch c := text[i]; {
		case c == '"':
			for ; text[end] != '"'; end++ { // valid JSON: the string ends
				if text[end] == '\\' {
					end++
				}
			}
			end++
			out.WriteString(text[i:end])
		case c == '-' || c >= '0' && c <= '9':
			for end < len(text) && strings.IndexByte("+-.eE0123456789", text[end]) >= 0 {
				end++
			}
			out.WriteString(number(text[i:end]))
		default:
			out.WriteByte(c)
		}
		i = end
	}
	return out.String(), nil
}

// number respells what programs spell differently: anything with an exponent, and fractions that are very small or very large.
func number(text string) string {
	if !strings.ContainsAny(text, ".eE") {
		return text
	}
	f, err := strconv.ParseFloat(text, 64)
	size := math.Abs(f)
	if err != nil || f == 0 || !strings.ContainsAny(text, "eE") && size >= 1e-4 && size < 1e15 {
		return text
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}
