package app

import (
	"slices"

	"talkbridge/internal/config"
	"talkbridge/mapper"
)

// MappingFaults compiles the mapping of a configuration with other contracts in place of its own, by route, and gives what is wrong
// with it then and is not wrong now. Nothing is connected to.
func MappingFaults(c *config.Config, contracts map[string][]byte) []string {
	options := mapperOptions(c)
	before := faults(options)
	for i, r := range options.Routes {
		if schema, ok := contracts[r.Name]; ok {
			options.Routes[i].Contract = schema
		}
	}
	return slices.DeleteFunc(faults(options), func(fault string) bool { return slices.Contains(before, fault) })
}

// faults lists what the mapper has against a mapping, one line each.
func faults(o mapper.Options) []string {
	m, err := mapper.New(o)
	if err == nil {
		_ = m.Close() // nothing was prepared
		return nil
	}
	return lines(err)
}

// lines takes joined errors apart.
func lines(err error) []string {
	joined, ok := err.(interface{ Unwrap() []error }) // only what is joined here, not further inside
	if !ok {
		return []string{err.Error()}
	}
	var out []string
	for _, e := range joined.Unwrap() {
		out = append(out, lines(e)...)
	}
	return out
}
