package main

import (
	"context"
	"fmt"
	"strings"
)

// plainTable holds records in which stands already what the look-ups of the example's route would find.
const plainTable = "bench_plain"

// plainSQL makes it. plainRoute is its route, with every check of the example's first route that does not need a look-up.
const plainSQL = `CREATE TABLE xgxt_demo.` + plainTable + ` (
  id BIGINT UNSIGNED PRIMARY KEY, th_fs VARCHAR(4), th_zt VARCHAR(4), bt VARCHAR(255), kssj DATETIME, jssj DATETIME, sc SMALLINT, dd VARCHAR(100),
  thnr LONGTEXT, clyj TEXT, gh VARCHAR(20), jsxm VARCHAR(50), js_sfzjh VARCHAR(20), xh VARCHAR(20), xsxm VARCHAR(50), xs_sfzjh VARCHAR(20),
  xs_sjh VARCHAR(20), xymc VARCHAR(100), gzdj VARCHAR(10), tj_zt CHAR(1) NOT NULL, scbz CHAR(1) NOT NULL DEFAULT '0'
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci`

const plainRoute = `  - name: plain
    table: xgxt_demo.` + plainTable + `
    submit: {column: tj_zt, becomes: ["1"]}
    where: scbz == "0"
    endpoint: /talk-record/one
    contract: contracts/one.schema.json
    fields:
      recordId: id
      schoolCode: {value: "13001"}
      counselorNo: {from: gh, trim: true}
      counselorName: jsxm
      counselorIdCard: {from: js_sfzjh, check: id_card, optional: true}
      talkType: th_zt
      talkMode: {from: th_fs, dict: talk_mode}
      talkTime: {from: kssj, time: "yyyy-MM-dd HH:mm:ss"}
      endTime: {from: jssj, time: "yyyy-MM-dd HH:mm:ss", optional: true}
      duration: {from: sc, type: integer, optional: true}
      talkPlace: {from: dd, optional: true}
      talkTitle: {from: bt, max: 100}
      talkContent: {from: thnr, text: html, max: 2000, overflow: reject}
      measure: {from: clyj, text: html, max: 1000, optional: true}
      studentNo: xh
      studentName: xsxm
      studentIdCard: {from: xs_sfzjh, check: id_card, optional: true}
      studentPhone: {from: xs_sjh, check: mobile, optional: true}
      collegeName: {from: xymc, optional: true}
      attentionLevel: {from: gzdj, dict: attention_level}
    rules:
      - {assert: 'endTime == nil || endTime >= talkTime', message: 结束时间早于开始时间}
      - {assert: 'talkTime <= now', message: 谈话时间不能晚于现在}

`

// writebackSetting is the example's mark in the source's row, which is another write on the source for each record and not measured.
const writebackSetting = `    writeback:                                       # optional; absent: the source is never written
      delivered: {tj_zt: "3", sb_xx: ""}
      rejected:  {tj_zt: "4", sb_xx: "{message}"}
`

// content is the text of a talk: some 1.5 KB as UTF-8.
func content() string {
	return "<p>" + strings.Repeat("近两周失眠，情绪低落；已建议预约心理咨询，约定下周三再谈。", 16) + "</p><p>家长已知情。</p>"
}

const (
	plainInsert = "INSERT INTO " + plainTable + " (id, th_fs, th_zt, bt, kssj, jssj, sc, dd, thnr, clyj, gh, jsxm, js_sfzjh, xh, xsxm, xs_sfzjh, " +
		"xs_sjh, xymc, gzdj, tj_zt) VALUES "
	plainRow = "(?, 'MT', '05', '学业压力与睡眠', '2026-03-05 14:30:00', '2026-03-05 15:15:00', 45, '3号教学楼办公室201', ?, '一周后回访', '20150012', " +
		"'王芳', '330000198802140025', '2024010201', '李明', '330000200603052014', '13800000201', '数字技术与工程学院', '二级', '1')"

	lookedUpInsert = "INSERT INTO xl_gzth (id, gzdx_id, th_lx, th_fs, th_zt, bt, kssj, jssj, sc, dd, thnr, clyj, gh, tj_zt) VALUES "
	lookedUpRow    = "(?, 1, '1', 'MT', '05', '学业压力与睡眠', '2026-03-05 14:30:00', '2026-03-05 15:15:00', 45, '3号教学楼办公室201', ?, '一周后回访', " +
		"'20150012', '1')"
)

// submit submits n records, a hundred a transaction, the first of them under the given id.
func (s *stage) submit(ctx context.Context, insert, row string, first, n int) error {
	text := content()
	for at := 0; at < n; at += 100 {
		rows := min(100, n-at)
		values := make([]any, 0, 2*rows)
		for i := range rows {
			values = append(values, first+at+i, text)
		}
		if _, err := s.db.ExecContext(ctx, insert+row+strings.Repeat(", "+row, rows-1), values...); err != nil {
			return fmt.Errorf("submit: %w", err)
		}
	}
	return nil
}
