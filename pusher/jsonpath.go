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

// scalar is the text of a JSON string, number or boolean; of anything else it is empty. Numbers come in one spelling, so that 0, 0.0 and "0" are one code.
func scalar(value any) string {
	switch v := value.(type) {
	case string:
		return strings.TrimSpace(v)
	case json.Number:
		if f, err := v.Float64(); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return strconv.FormatInt(int64(f), 10)
		}
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	default:
		return ""
	}
}

// textAt is the scalar at a path; empty where there is none.
func textAt(root map[string]any, path string) string {
	value, ok := at(root, path)
	if !ok {
		return ""
	}
	return scalar(value)
}

// contradicts tells whether an object holds a member on the way to path twice, with different values. Which of them counts is up to the
// reader of JSON (RFC 8259, section 4), so an answer whose code is both 0 and 7 says neither yes nor no.
func contradicts(body []byte, path string) bool {
	decoder := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))))
	if first, err := decoder.Token(); err != nil || first != json.Delim('{') {
		return false
	}
	seen := map[string]json.RawMessage{}
	for decoder.More() {
		token, err := decoder.Token()
		name, ok := token.(string)
		var value json.RawMessage
		if err != nil || !ok || decoder.Decode(&value) != nil {
			return false
		}
		if name != path && !strings.HasPrefix(path, name+".") {
			continue
		}
		if earlier, twice := seen[name]; twice && !bytes.Equal(earlier, value) {
			return true
		}
		seen[name] = value
		if name != path && contradicts(value, path[len(name)+1:]) {
			return true
		}
	}
	return false
}
