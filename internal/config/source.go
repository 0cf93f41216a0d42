package config

import (
	"math"
	"regexp"
	"strconv"
	"time"
	_ "time/tzdata" // zone names are known on every machine, in an empty container too
)

func (c *Source) read(b *block) {
	b.need("addr").text(&c.Addr, remoteHostPort)
	b.need("user").text(&c.User, notEmpty)
	b.need("password").secret(&c.Password)
	b.may("flavor").text(&c.Flavor, oneOf("auto", "mysql", "mariadb"))
	c.readServerID(b.may("server_id"))
	c.TLS.read(b)
	c.readTimezone(b.may("timezone"))
	c.Start.read(b.may("start"))
	b.may("on_purged").text(&c.OnPurged, oneOf("reconcile", "stop"))
	b.may("reconcile_every").duration(&c.ReconcileEvery, 0, 0)
}

func (c *Source) readServerID(s *setting) {
	if s.value == nil || s.value.kind == text && !isReference(s.value.text) {
		word := "auto"
		s.text(&word, func(text string) string {
			if text != "auto" {
				return "must be auto, or a number that no other replica of the server has"
			}
			return ""
		})
		return
	}
	id := 0
	s.integer(&id, 1, math.MaxUint32)
	c.ServerID = uint32(id)
}

// read takes both forms: a mode with ca and server_name beside it, or one mapping of the three.
func (c *SourceTLS) read(b *block) {
	tls, ca, name := b.may("tls"), b.may("ca"), b.may("server_name")
	if !tls.is(mapping) {
		c.readParts(tls, ca, name)
		return
	}
	for _, beside := range []*setting{ca, name} {
		if beside.value != nil {
			beside.problem("belongs inside tls, where the rest of it is")
		}
	}
	tls.block(func(b *block) { c.readParts(b.may("mode"), b.may("ca"), b.may("server_name")) })
}

func (c *SourceTLS) readParts(mode, ca, name *setting) {
	ca.file(&c.CA)
	if mode.value == nil && c.CA != "" {
		c.Mode = "verify" // who gives a CA wants it used
	}
	mode.text(&c.Mode, oneOf("off", "preferred", "required", "verify"))
	name.text(&c.ServerName)
}

var offset = regexp.MustCompile(`^([-+])([01][0-9]):([0-5][0-9])$`)

func (c *Source) readTimezone(s *setting) {
	name := c.Location.String()
	s.text(&name, func(text string) string {
		if zone := zoneOf(text); zone != nil {
			c.Location = zone
			return ""
		}
		return "must be a time zone such as Asia/Shanghai or +08:00"
	})
}

func zoneOf(name string) *time.Location {
	if part := offset.FindStringSubmatch(name); part != nil {
		hours, _ := strconv.Atoi(part[2])
		minutes, _ := strconv.Atoi(part[3])
		seconds := hours*3600 + minutes*60
		if part[1] == "-" {
			seconds = -seconds
		}
		return time.FixedZone(name, seconds)
	}
	if name == "" || name == "Local" { // both would depend on the machine
		return nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	return zone
}

// read takes a word, {gtid: …} or {file: …, pos: N}.
func (c *Start) read(s *setting) {
	if !s.is(mapping) {
		s.text(&c.Mode, oneOf("reconcile", "latest", "earliest"))
		return
	}
	s.block(func(b *block) {
		b.may("gtid").text(&c.GTID, notEmpty)
		b.may("file").text(&c.File, notEmpty)
		pos := 4 // the first event of every file
		b.may("pos").integer(&pos, 4, math.MaxInt)
		switch {
		case b.has("gtid") && (b.has("file") || b.has("pos")):
			s.problem("is either {gtid: …} or {file: …, pos: N}, not both")
		case b.has("gtid"):
			c.Mode = "gtid"
		case b.has("file") && b.has("pos"):
			c.Mode, c.Pos = "file", uint64(pos)
		default:
			s.problem("must be reconcile, latest, earliest, {gtid: …} or {file: …, pos: N}")
		}
	})
}
