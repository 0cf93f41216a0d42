// Package setup helps a college that is new: from the schema of its database and the platform's contracts it proposes a configuration
// (Propose, Draft), and from a configuration it writes the SQL that the school's DBA has to run (Kit). It reads names, types, comments,
// keys and code tables, never a person's row, and it writes nothing itself: what comes out is text, in which every guess says why it
// was made, and everything that a person has to decide says what.
package setup

import (
	"strings"
)

// backquote writes a name so that SQL takes it whatever it is.
func backquote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// sqlText writes a text as a literal of SQL.
func sqlText(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(text) + "'"
}

// tableSQL writes SCHEMA.TABLE.
func tableSQL(schema, table string) string { return backquote(schema) + "." + backquote(table) }
