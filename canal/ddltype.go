package canal

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// columnType reads a type as people write it, and puts it into the column as information_schema would print it. set is a character
// set that the type itself implies.
func (d *ddl) columnType(c *shapeColumn, ts tokens) (set string, rest tokens, err error) {
	if len(ts) == 0 || ts[0].kind != tokenWord {
		return "", nil, unread(ts)
	}
	word := strings.ToLower(ts[0].text)
	ts = ts[1:]
	switch word {
	case "national":
		if len(ts) == 0 {
			return "", nil, unread(ts)
		}
		word, ts, set = strings.ToLower(ts[0].text), ts[1:], "utf8mb3"
	case "nchar":
		word, set = "char", "utf8mb3"
	case "nvarchar":
		word, set = "varchar", "utf8mb3"
	case "long":
		return longType(c, ts)
	case "serial":
		c.Type, c.Null = "bigint unsigned", no
		return "", ts, nil
	}
	base, ok := canonicalType(word)
	if !ok {
		return "", nil, fmt.Errorf("the type %s is %w", strings.ToUpper(word), errUnread)
	}
	if base == "char" && ts.is(0, "VARYING") {
		base, ts = "varchar", ts[1:]
	}
	if base == "double" {
		ts = ts.skip("PRECISION")
	}
	inner, after, grouped := ts.group()
	if grouped {
		ts = after
	}
	if c.Type, err = d.printType(base, word, inner); err != nil {
		return "", nil, err
	}
	c.Type, ts = suffixes(c.Type, ts)
	if (base == "char" || strings.HasSuffix(base, "text")) && ts.is(0, "BYTE") {
		set, ts = binaryCharset, ts[1:]
	}
	switch {
	case ts.is(0, "ASCII"):
		set = "latin1"
	case ts.is(0, "UNICODE"):
		set = "ucs2"
	case word == "json" && base == "longtext":
		set = "utf8mb4"
	}
	return set, ts, nil
}

// suffixes reads UNSIGNED and its like, which stand right behind the type.
func suffixes(text string, ts tokens) (string, tokens) {
	for {
		switch {
		case ts.is(0, "UNSIGNED"), ts.is(0, "ZEROFILL"):
			text += " unsigned"
		case ts.is(0, "SIGNED"):
		case ts.is(0, "COMPRESSED"):
			text += " compressed"
			ts = ts.skip("COMPRESSED", "=", "ZLIB")
			continue
		default:
			return text, ts
		}
		ts = ts[1:]
	}
}

func longType(c *shapeColumn, ts tokens) (string, tokens, error) {
	c.Type = "mediumtext"
	switch {
	case ts.is(0, "VARBINARY"):
		c.Type, ts = "mediumblob", ts[1:]
	case ts.has(0, "CHAR", "VARYING"), ts.has(0, "CHARACTER", "VARYING"):
		ts = ts[2:]
	case ts.is(0, "VARCHAR"), ts.is(0, "VARCHARACTER"):
		ts = ts[1:]
	}
	return "", ts, nil
}

// canonicalType knows the names that one type goes by.
func canonicalType(word string) (string, bool) {
	if base, ok := map[string]string{
		"int1": "tinyint", "int2": "smallint", "int3": "mediumint", "middleint": "mediumint", "int4": "int", "integer": "int", "int8": "bigint",
		"bool": "tinyint", "boolean": "tinyint", "dec": "decimal", "numeric": "decimal", "fixed": "decimal", "real": "double", "float8": "double",
		"float4": "float", "character": "char", "varcharacter": "varchar",
	}[word]; ok {
		return base, true
	}
	_, plain := plainTypes(word)
	return word, plain || blobBytes(word) > 0 || slices.Contains([]string{
		"decimal", "bit", "datetime", "timestamp", "time", "char", "binary", "varchar", "varbinary", "enum", "set",
	}, word)
}

// printType is the type with what belongs into its parentheses.
func (d *ddl) printType(base, word string, inner tokens) (string, error) {
	n := parseNumbers(inner)
	at := func(i, otherwise int) int {
		if i < len(n) {
			return n[i]
		}
		return otherwise
	}
	switch base {
	case "enum", "set":
		return labelType(base, inner)
	case "decimal":
		return fmt.Sprintf("decimal(%d,%d)", at(0, 10), at(1, 0)), nil
	case "float":
		if len(n) == 1 && n[0] > 24 {
			return "double", nil
		}
		return base, nil
	case "double":
		if word == "real" && d.mode&modeRealAsFloat != 0 {
			return "float", nil
		}
		return base, nil
	case "char", "binary", "bit":
		return fmt.Sprintf("%s(%d)", base, at(0, 1)), nil
	case "datetime", "timestamp", "time", "varchar", "varbinary", "vector":
		if len(n) == 0 {
			if base == "varchar" || base == "varbinary" {
				return "", fmt.Errorf("a %s without a length is %w", strings.ToUpper(base), errUnread)
			}
			return base, nil
		}
		return fmt.Sprintf("%s(%d)", base, n[0]), nil
	case "text", "blob":
		if len(n) > 0 {
			return "", fmt.Errorf("a %s with a length is %w", strings.ToUpper(base), errUnread) // its character set decides what becomes of it
		}
	case "json":
		if d.flavor == FlavorMariaDB {
			return "longtext", nil
		}
	}
	return base, nil
}

func parseNumbers(ts tokens) []int {
	var out []int
	for _, t := range ts {
		if n, err := strconv.Atoi(t.text); err == nil && t.kind == tokenWord {
			out = append(out, n)
		}
	}
	return out
}

// labelType prints an ENUM or SET.
func labelType(base string, inner tokens) (string, error) {
	var labels []string
	for _, part := range inner.split() {
		if len(part) != 1 || part[0].kind != tokenString {
			return "", fmt.Errorf("a label that is no plain text is %w", errUnread)
		}
		// The server drops blanks at the end of a label when the table is made.
		labels = append(labels, quoteLabel(strings.TrimRight(part[0].text, " ")))
	}
	return base + "(" + strings.Join(labels, ",") + ")", nil
}

func quoteLabel(label string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(label, `\`, `\\`), "'", "''") + "'"
}
