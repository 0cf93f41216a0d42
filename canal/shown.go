package canal

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// showBytes makes text of MariaDB's types that are bytes in the log and text to a client.
func showBytes(kind, raw string) (string, error) {
	switch {
	case kind == "inet4" && len(raw) == 4:
		return netip.AddrFrom4([4]byte([]byte(raw))).String(), nil
	case kind == "inet6" && len(raw) == 16:
		return showINET6([16]byte([]byte(raw))), nil
	case kind == "uuid" && len(raw) == 16:
		return showUUID([]byte(raw)), nil
	}
	return "", errors.New("it has not as many bytes as its type")
}

// showUUID undoes the order in which MariaDB keeps a UUID of version 1 to 5: last part first, for its index's sake (sql_type_uuid.h).
// Later versions, and what is no UUID of the RFC, are kept as they are.
func showUUID(raw []byte) string {
	if raw[6]&0x80 != 0 && raw[8] > 0 && raw[8] < 0x60 {
		swapped := make([]byte, 0, 16)
		for _, part := range [][2]int{{12, 16}, {10, 12}, {8, 10}, {6, 8}, {0, 6}} {
			swapped = append(swapped, raw[part[0]:part[1]]...)
		}
		raw = swapped
	}
	text := hex.EncodeToString(raw)
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

// showINET6 writes an address as MariaDB does: like RFC 5952, but with the old IPv4-compatible ones as such, and a single zero group cut
// out too (sql_type_inet.cc).
func showINET6(raw [16]byte) string {
	var groups [8]uint16
	for i := range groups {
		groups[i] = uint16(raw[2*i])<<8 | uint16(raw[2*i+1])
	}
	from, length := longestZeros(groups)
	var b strings.Builder
	for i := 0; i < 8; {
		if i == from && length > 0 {
			b.WriteString("::")
			i += length
			continue
		}
		if i > 0 && !strings.HasSuffix(b.String(), ":") {
			b.WriteByte(':')
		}
		// ::1.2.3.4 and ::ffff:1.2.3.4
		if i == 6 && from == 0 && (length == 6 || length == 5 && groups[5] == 0xffff) {
			b.WriteString(netip.AddrFrom4([4]byte(raw[12:])).String())
			return b.String()
		}
		b.WriteString(strconv.FormatUint(uint64(groups[i]), 16))
		i++
	}
	return b.String()
}

// longestZeros finds the longest run of zero groups, the first of those that are as long.
func longestZeros(groups [8]uint16) (from, length int) {
	for i := 0; i < 8; {
		n := 0
		for i+n < 8 && groups[i+n] == 0 {
			n++
		}
		if n > length {
			from, length = i, n
		}
		i += max(n, 1)
	}
	return from, length
}
