package canal

import (
	"strings"
)

// charsetIn finds a character set in the options of a table, a schema or a column: by itself, or as the beginning of a collation.
func charsetIn(ts tokens) string {
	collate := ""
	for i := range ts {
		rest := ts[i+1:]
		switch {
		case ts.has(i, "CHARACTER", "SET"):
			rest = rest[1:]
			fallthrough
		case ts.is(i, "CHARSET"):
			if rest = rest.skip("="); len(rest) > 0 && rest[0].kind != tokenSign {
				return charsetName(rest[0].text)
			}
		case ts.is(i, "COLLATE"):
			if rest = rest.skip("="); len(rest) > 0 {
				collate = rest[0].text
			}
		}
	}
	set, _, _ := strings.Cut(collate, "_")
	if _, known := charsetWidth(strings.ToLower(set)); !known {
		return "" // a collation of MariaDB that belongs to several character sets
	}
	return charsetName(set)
}

func charsetName(name string) string {
	name = strings.ToLower(name)
	if name == "utf8" {
		return "utf8mb3"
	}
	return name
}
