package chaos

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// firstRecord is the id of the first record that the writers make; those of the fixture are below.
const firstRecord = 5000

// templateOf is the fixture's record whose route, participants and relatives a record gets, and endpointOf where it has to arrive.
func templateOf(id int) int {
	switch id % 10 {
	case 0:
		return 3001
	case 1:
		return 2001
	default:
		return 1001
	}
}

func endpointOf(id int) string {
	switch id % 10 {
	case 0:
		return "patriarch"
	case 1:
		return "multi"
	default:
		return "one"
	}
}

// title and body are what version v of a record says. They follow from record and version alone, so the judge needs no copy: whatever
// arrives says which version it is, and must be that version down to the last letter.
func title(v int) string { return fmt.Sprintf("第 %d 次", v) }

func body(id, v int) string {
	random := rand.New(rand.NewPCG(uint64(id), uint64(v))) //nolint:gosec // repeatable on purpose
	var b strings.Builder
	fmt.Fprintf(&b, "记录 %d，第 %d 次：", id, v)
	for range random.IntN(400) {
		b.WriteRune(rune(0x4E00 + random.IntN(0x5000)))
	}
	b.WriteString("。")
	return b.String()
}

// A reading is what the judge takes out of a payload.
type reading struct {
	record, version int
	faithful        bool // title, body and record belong together, to the last letter
}

// read reads a payload; false where it is none of the writers'.
func read(payload []byte) (reading, bool) {
	var p struct {
		RecordID    string `json:"recordId"`
		TalkTitle   string `json:"talkTitle"`
		TalkContent string `json:"talkContent"`
	}
	if json.Unmarshal(payload, &p) != nil {
		return reading{}, false
	}
	id, err := strconv.Atoi(p.RecordID)
	if err != nil || id < firstRecord {
		return reading{}, false
	}
	text, _ := strings.CutPrefix(p.TalkTitle, "第 ")
	text, ok := strings.CutSuffix(text, " 次")
	v, err := strconv.Atoi(text)
	if !ok || err != nil {
		return reading{record: id}, true
	}
	return reading{id, v, p.TalkTitle == title(v) && p.TalkContent == body(id, v)}, true
}
