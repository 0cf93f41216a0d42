package contract

import (
	"fmt"
	"strings"
)

// mend takes out references that lead nowhere, and says so: generators leave them behind in parts of a document that nobody needs
// here, and the library refuses the whole for one of them. References of Swagger 2 are written as those of OpenAPI 3: the library's
// own conversion forgets those below two levels of additionalProperties.
func mend(root object) (warnings []string) {
	old := root.get("swagger") != nil
	var walk func(value any) any
	walk = func(value any) any {
		switch v := value.(type) {
		case []any:
			for i, item := range v {
				v[i] = walk(item)
			}
			return v
		case object:
			if ref := v.text("$ref"); strings.HasPrefix(ref, "#/") && missing(root, ref) {
				warnings = append(warnings, "it refers to "+clip(ref)+", which is not in it")
				return object{}
			} else if name, ok := strings.CutPrefix(ref, "#/definitions/"); ok && old {
				v.set("$ref", "#/components/schemas/"+name)
			}
			for i, m := range v {
				v[i].value = walk(m.value)
			}
			return v
		default:
			return value
		}
	}
	walk(root)
	if len(warnings) > 5 {
		warnings = append(warnings[:5], fmt.Sprintf("and %d more references lead nowhere", len(warnings)-5))
	}
	return warnings
}

func missing(root object, ref string) bool {
	parts := strings.Split(ref[2:], "/")
	var value any = root
	for _, part := range parts {
		part = unescape(part)
		switch v := value.(type) {
		case object:
			value = v.get(part)
		case []any:
			return false // the library knows better
		}
		if value == nil {
			return true
		}
	}
	return false
}

func clip(s string) string {
	if r := []rune(s); len(r) > 100 {
		return string(r[:100]) + "…"
	}
	return s
}
