package contract

import (
	"fmt"
	"strconv"
)

// Impacts says what changes mean for a mapping beyond what cannot be compiled any more: members that the platform no longer knows, and
// lengths below what the mapping lets through. limits are the paths that the mapping fills, with the length it allows; 0 is none.
func Impacts(changes []Change, limits map[string]int) []string {
	var out []string
	for _, c := range changes {
		limit, mapped := limits[c.Path]
		if !mapped {
			continue
		}
		switch c.Kind {
		case "removed":
			out = append(out, fmt.Sprintf("field %s: the platform no longer knows it: take it out", c.Path))
		case "length":
			if most := upper(c.Now); most > 0 && limit > most {
				out = append(out, fmt.Sprintf("field %s: max is %d and the platform takes %d: records in between will be refused by the contract; set "+
					"max to %d", c.Path, limit, most, most))
			}
		}
	}
	return out
}

// upper reads the upper end of a length; 0 is no limit.
func upper(length string) int {
	for i := range length {
		if i+2 < len(length) && length[i:i+2] == ".." {
			n, _ := strconv.Atoi(length[i+2:])
			return n
		}
	}
	return 0
}

// IsClosed tells whether a contract refuses members that it does not list.
func IsClosed(schema []byte) bool {
	o, err := readObject(schema)
	return err == nil && o.get("additionalProperties") == any(false)
}
