package mapper_test

import (
	"testing"

	"talkbridge/internal/bridge"
	"talkbridge/mapper"

	"github.com/stretchr/testify/require"
)

// plainOptions is the spec's route one without lookups: what they would find stands in the row.
func plainOptions(tb testing.TB) mapper.Options {
	tb.Helper()
	o := specOptions(tb)
	route := &o.Routes[0]
	route.Lookups = nil
	for i, f := range route.Fields {
		switch f.From {
		case "counselor.xm":
			route.Fields[i].From = "jsxm"
		case "counselor.sfzjh":
			route.Fields[i].From = "js_sfzjh"
		case "student.xh":
			route.Fields[i].From = "xh"
		case "student.xm":
			route.Fields[i].From = "xsxm"
		case "student.sfzjh":
			route.Fields[i].From = "xs_sfzjh"
		case "student.sjh":
			route.Fields[i].From = "xs_sjh"
		case "student.xymc":
			route.Fields[i].From = "xymc"
		case "concern.gzdj":
			route.Fields[i].From = "gzdj"
		}
	}
	o.Routes = o.Routes[:1]
	return o
}

func text(s string) bridge.Value { return bridge.Value{Kind: bridge.KindText, Text: s} }

// plainChange is the fixture's record 1001 with everything in the row.
func plainChange() bridge.Change {
	moment := func(s string) bridge.Value { return bridge.Value{Kind: bridge.KindDateTime, Text: s} }
	return bridge.Change{Route: "one", Key: "1001", KeyColumns: []string{"id"}, Columns: map[string]bridge.Value{
		"id": {Kind: bridge.KindInt, Text: "1001"}, "gh": text("20150012"), "th_zt": text("05"), "th_fs": text("MT"),
		"kssj": moment("2026-03-05 14:30:00"), "jssj": moment("2026-03-05 15:15:00"), "sc": {Kind: bridge.KindInt, Text: "45"},
		"dd": text("3号教学楼办公室201"), "bt": text("学业压力与睡眠"), "clyj": text("一周后回访"),
		"thnr": text("<p>近两周失眠,情绪低落;</p><p>已建议预约心理咨询。</p>"), "jsxm": text("王芳"), "js_sfzjh": text("330000198802140025"),
		"xh": text("2024010201"), "xsxm": text("李明"), "xs_sfzjh": text("330000200603052014"), "xs_sjh": text("13800000201"),
		"xymc": text("数字技术与工程学院"), "gzdj": {Kind: bridge.KindEnum, Text: "二级"},
	}}
}

func BenchmarkMap(b *testing.B) {
	m := newMapper(b, plainOptions(b))
	c := plainChange()
	b.ReportAllocs()
	for b.Loop() {
		payload, problems, err := m.Map(b.Context(), c)
		if err != nil || len(problems) > 0 || len(payload) == 0 {
			b.Fatal(problems, err)
		}
	}
}

// TestMapStaysLean guards the allocations of one record, contract and rules included. Time is for the benchmark: machines differ.
func TestMapStaysLean(t *testing.T) {
	m := newMapper(t, plainOptions(t))
	c := plainChange()
	allocations := testing.AllocsPerRun(100, func() {
		_, _, err := m.Map(t.Context(), c)
		require.NoError(t, err)
	})
	require.LessOrEqual(t, allocations, 80.0)
}
