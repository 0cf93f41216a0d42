package main

import (
	"fmt"
	"time"

	"talkbridge/configs"
	"talkbridge/internal/bridge"
	"talkbridge/mapper"
)

// plainMapper makes the mapper of the plain route, and a record of it.
func plainMapper() (*mapper.Mapper, bridge.Change, error) {
	contract, err := configs.Files.ReadFile("contracts/one.schema.json")
	if err != nil {
		return nil, bridge.Change{}, fmt.Errorf("read the contract: %w", err)
	}
	m, err := mapper.New(mapper.Options{
		Location: time.FixedZone("Asia/Shanghai", 8*3600),
		Dicts: map[string]mapper.Dict{
			"talk_mode":       {Entries: map[string]string{"MT": "01", "DH": "02", "SP": "03", "WX": "04", "QT": "99"}},
			"attention_level": {Entries: map[string]string{"一般": "0", "一级": "1", "二级": "2", "三级": "3"}},
		},
		Routes: []mapper.Route{{
			Name: "plain", Contract: contract, ContractName: "one.schema.json",
			Fields: plainFields(),
			Rules: []mapper.Rule{
				{Assert: "endTime == nil || endTime >= talkTime", Message: "结束时间早于开始时间"},
				{Assert: "talkTime <= now", Message: "谈话时间不能晚于现在"},
			},
		}},
	})
	return m, plainChange(), err
}

// plainFields are those of plainRoute.
func plainFields() []mapper.Field {
	const layout = "yyyy-MM-dd HH:mm:ss"
	return []mapper.Field{
		{Name: "recordId", From: "id"},
		{Name: "schoolCode", Value: "13001", HasValue: true},
		{Name: "counselorNo", From: "gh", Trim: true},
		{Name: "counselorName", From: "jsxm"},
		{Name: "counselorIdCard", From: "js_sfzjh", Check: "id_card", Optional: true},
		{Name: "talkType", From: "th_zt"},
		{Name: "talkMode", From: "th_fs", Dict: "talk_mode"},
		{Name: "talkTime", From: "kssj", Time: layout},
		{Name: "endTime", From: "jssj", Time: layout, Optional: true},
		{Name: "duration", From: "sc", Type: "integer", Optional: true},
		{Name: "talkPlace", From: "dd", Optional: true},
		{Name: "talkTitle", From: "bt", Max: 100},
		{Name: "talkContent", From: "thnr", Text: "html", Max: 2000, Overflow: "reject"},
		{Name: "measure", From: "clyj", Text: "html", Max: 1000, Optional: true},
		{Name: "studentNo", From: "xh"},
		{Name: "studentName", From: "xsxm"},
		{Name: "studentIdCard", From: "xs_sfzjh", Check: "id_card", Optional: true},
		{Name: "studentPhone", From: "xs_sjh", Check: "mobile", Optional: true},
		{Name: "collegeName", From: "xymc", Optional: true},
		{Name: "attentionLevel", From: "gzdj", Dict: "attention_level"},
	}
}

// plainChange is a row of the plain table as the listener hands it over.
func plainChange() bridge.Change {
	text := func(s string) bridge.Value { return bridge.Value{Kind: bridge.KindText, Text: s} }
	moment := func(s string) bridge.Value { return bridge.Value{Kind: bridge.KindDateTime, Text: s} }
	return bridge.Change{Route: "plain", Key: "1001", KeyColumns: []string{"id"}, Columns: map[string]bridge.Value{
		"id": {Kind: bridge.KindInt, Text: "1001"}, "gh": text("20150012"), "th_zt": text("05"), "th_fs": text("MT"),
		"kssj": moment("2026-03-05 14:30:00"), "jssj": moment("2026-03-05 15:15:00"), "sc": {Kind: bridge.KindInt, Text: "45"},
		"dd": text("3号教学楼办公室201"), "bt": text("学业压力与睡眠"), "clyj": text("一周后回访"), "thnr": text(content()), "jsxm": text("王芳"),
		"js_sfzjh": text("330000198802140025"), "xh": text("2024010201"), "xsxm": text("李明"), "xs_sfzjh": text("330000200603052014"),
		"xs_sjh": text("13800000201"), "xymc": text("数字技术与工程学院"), "gzdj": text("二级"),
	}}
}
