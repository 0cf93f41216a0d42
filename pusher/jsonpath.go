package pusher

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"strconv"
	"strings"
)

// object reads one JSON object, digits kept; ok is false for anything else, and for an object with something behind it.
func object(body []byte) (root map[string]any, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))))
	decoder.UseNumber()
	if decoder.Decode(&root) != nil || root == nil {
		return nil, false
	}
	_, err := decoder.Token()
	return root, err == io.EOF
}

// at follows a dotted path ("data.access_token") into an object. A member whose own name holds the dots is found first.
func at(root map[string]any, path string) (any, bool) {
	if value, ok := root[path]; ok {
		return value, value != nil
	}
	for i := range len(path) {
		if path[i] != '.' {
			continue
		}
		if inner, ok := root[path[:i]].(map[string]any); ok {
			if value, ok := at(inner, path[i+1:]); ok {
				return value, true
			}
		}
	}
	return nil, false
}

// scalar is the text of a JSON string, number or boolean. Numbers come in one spelling, so that 0, 0.0 and "0" are one code.
func scalar(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return strings.TrimSpace(v), true
	case json.Number:
		if f, err := v.Float64(); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return strconv.FormatInt(int64(f), 10), true
		}
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	default:
		return "", false
	}
}

// textAt is the scalar at a path; empty where there is none.
func textAt(root map[string]any, path string) string {
	value, ok := at(root, path)
	if !ok {
		return ""
	}
	text, _ := scalar(value)
	return text
}
