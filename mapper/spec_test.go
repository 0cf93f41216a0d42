package mapper_test

import (
	"testing"
	"time"

	"talkbridge/configs"
	"talkbridge/mapper"

	"github.com/stretchr/testify/require"
)

const talkTimeLayout = "yyyy-MM-dd HH:mm:ss"

// shanghai is where the fixture's clocks hang; presentMoment is a day on which its latest submission lies in the past.
func shanghai() *time.Location { return time.FixedZone("Asia/Shanghai", 8*60*60) }

func presentMoment() time.Time { return time.Date(2026, 3, 10, 1, 0, 0, 0, time.UTC) }

// specOptions is the mapping of configs/talkbridge.yaml, member for member.
func specOptions(tb testing.TB) mapper.Options {
	tb.Helper()
	return mapper.Options{
		Routes: []mapper.Route{oneRoute(tb), multiRoute(tb), patriarchRoute(tb)},
		Dicts: map[string]mapper.Dict{
			"talk_mode":       {Entries: map[string]string{"MT": "01", "DH": "02", "SP": "03", "WX": "04", "QT": "99"}},
			"attention_level": {Entries: map[string]string{"一般": "0", "一级": "1", "二级": "2", "三级": "3"}},
		},
		Location: shanghai(),
		Now:      presentMoment,
	}
}

func contractOf(tb testing.TB, name string) []byte {
	tb.Helper()
	text, err := configs.Files.ReadFile("contracts/" + name)
	require.NoError(tb, err)
	return text
}

func oneRoute(tb testing.TB) mapper.Route {
	tb.Helper()
	return mapper.Route{
		Name: "one", Contract: contractOf(tb, "one.schema.json"), ContractName: "contracts/one.schema.json",
		Lookups: []mapper.Lookup{
			{Name: "counselor", Query: "SELECT xm, sfzjh FROM xgxt_demo.xg_fdyxx WHERE gh = :gh"},
			{Name: "concern", Query: "SELECT xh, gzdj FROM xgxt_demo.xl_gzdx WHERE id = :gzdx_id AND scbz = '0'"},
			{Name: "student", Query: "SELECT xh, xm, sfzjh, sjh, xymc, zymc, bjmc, nj FROM xgxt_demo.xg_xsxx WHERE xh = :concern.xh AND scbz = '0'"},
		},
		Fields: []mapper.Field{
			{Name: "recordId", From: "id"},
			{Name: "schoolCode", Value: "13001", HasValue: true},
			{Name: "counselorNo", From: "gh", Trim: true},
			{Name: "counselorName", From: "counselor.xm"},
			{Name: "counselorIdCard", From: "counselor.sfzjh", Check: "id_card", Optional: true},
			{Name: "talkType", From: "th_zt"},
			{Name: "talkMode", From: "th_fs", Dict: "talk_mode"},
			{Name: "talkTime", From: "kssj", Time: talkTimeLayout},
			{Name: "endTime", From: "jssj", Time: talkTimeLayout, Optional: true},
			{Name: "duration", From: "sc", Type: "integer", Optional: true},
			{Name: "talkPlace", From: "dd", Optional: true},
			{Name: "talkTitle", From: "bt", Max: 100},
			{Name: "talkContent", From: "thnr", Text: "html", Max: 2000, Overflow: "reject"},
			{Name: "measure", From: "clyj", Text: "html", Max: 1000, Optional: true},
			{Name: "studentNo", From: "student.xh"},
			{Name: "studentName", From: "student.xm"},
			{Name: "studentIdCard", From: "student.sfzjh", Check: "id_card", Optional: true},
			{Name: "studentPhone", From: "student.sjh", Check: "mobile", Optional: true},
			{Name: "collegeName", From: "student.xymc", Optional: true},
			{Name: "attentionLevel", From: "concern.gzdj", Dict: "attention_level"},
		},
		Rules: []mapper.Rule{
			{Assert: "endTime == nil || endTime >= talkTime", Message: "结束时间早于开始时间"},
			{Assert: "talkTime <= now", Message: "谈话时间不能晚于现在"},
		},
	}
}

func multiRoute(tb testing.TB) mapper.Route {
	tb.Helper()
	return mapper.Route{
		Name: "multi", Contract: contractOf(tb, "multi.schema.json"), ContractName: "contracts/multi.schema.json",
		Lookups: []mapper.Lookup{
			{Name: "counselor", Query: "SELECT xm FROM xgxt_demo.xg_fdyxx WHERE gh = :gh"},
			{Name: "participants", Many: true, Query: "SELECT s.xh, s.xm, s.sfzjh, s.bjmc FROM xgxt_demo.xl_gzth_cy c " +
				"JOIN xgxt_demo.xg_xsxx s ON s.xh = c.xh COLLATE utf8mb4_unicode_ci AND s.scbz = '0' " +
				"WHERE c.th_id = :id AND c.scbz = '0' ORDER BY c.sx"},
		},
		Fields: []mapper.Field{
			{Name: "recordId", From: "id"},
			{Name: "counselorNo", From: "gh", Trim: true},
			{Name: "counselorName", From: "counselor.xm"},
			{Name: "talkType", From: "th_zt"},
			{Name: "talkMode", From: "th_fs", Dict: "talk_mode"},
			{Name: "talkTime", From: "kssj", Time: talkTimeLayout},
			{Name: "talkTitle", From: "bt", Max: 100},
			{Name: "talkContent", From: "thnr", Text: "html", Max: 2000, Overflow: "reject"},
			{Name: "participantCount", Expr: "len(participants)"},
			{Name: "students", Each: "participants", Fields: []mapper.Field{
				{Name: "studentNo", From: "xh"},
				{Name: "studentName", From: "xm"},
				{Name: "studentIdCard", From: "sfzjh", Check: "id_card", Optional: true},
				{Name: "className", From: "bjmc", Optional: true},
			}},
		},
	}
}

func patriarchRoute(tb testing.TB) mapper.Route {
	tb.Helper()
	return mapper.Route{
		Name: "patriarch", Contract: contractOf(tb, "patriarch.schema.json"), ContractName: "contracts/patriarch.schema.json",
		Lookups: []mapper.Lookup{
			{Name: "counselor", Query: "SELECT xm FROM xgxt_demo.xg_fdyxx WHERE gh = :gh"},
			{Name: "parent", Query: "SELECT xh, xm, gx_dm, sjh FROM xgxt_demo.xg_jtcy WHERE id = :jtcy_id"},
			{Name: "student", Query: "SELECT xh, xm FROM xgxt_demo.xg_xsxx WHERE xh = :parent.xh AND scbz = '0'"},
		},
		Fields: []mapper.Field{
			{Name: "recordId", From: "id"},
			{Name: "counselorNo", From: "gh", Trim: true},
			{Name: "counselorName", From: "counselor.xm"},
			{Name: "talkType", From: "th_zt"},
			{Name: "talkMode", From: "th_fs", Dict: "talk_mode"},
			{Name: "talkTime", From: "kssj", Time: talkTimeLayout},
			{Name: "talkTitle", From: "bt", Max: 100},
			{Name: "talkContent", From: "thnr", Text: "html", Max: 2000, Overflow: "reject"},
			{Name: "studentNo", From: "student.xh"},
			{Name: "studentName", From: "student.xm"},
			{Name: "patriarchName", From: "parent.xm"},
			{Name: "patriarchRelation", From: "parent.gx_dm"},
			{Name: "patriarchPhone", From: "parent.sjh", Check: "phone", Optional: true},
			{Name: "patriarchFeedback", From: "xsfk", Optional: true},
		},
	}
}
