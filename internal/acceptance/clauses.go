package acceptance

// A Clause is a sentence of the specification that the college wrote, and where it is met.
type Clause struct {
	ID    string   `json:"id"`
	Text  string   `json:"text"`
	Cases []string `json:"cases"` // that show it
	Other string   `json:"other"` // what shows it beside cases, or who has to
}

// A ClauseState is a clause with what its cases came to.
type ClauseState struct {
	Clause

	Result Result   `json:"result"`  // failed where one failed; not_run where none was run
	NotRun []string `json:"not_run"` // cases that were not run
}

// Clauses are the specification's, in its order.
func Clauses() []Clause {
	return []Clause{
		{"1", "采用API接口推送上报方式，直接从我校学工系统向教育厅思政平台推送谈心谈话记录", []string{"F07", "F08", "F09", "P01"}, ""},
		{"2.1", "规范数据格式，最大限度实现数据的自动读取和验证", []string{"F12", "F13", "F14", "F15"}, "界面内容的增减由学工系统完成，字段见《接口假设与待确认问题清单》"},
		{"2.2-1", "添加“递交”按钮，实现数据对接一键同步", []string{"P01", "F07", "F08", "F09", "R01"}, "按钮由学工系统添加，只把标志列置位"},
		{"2.2-2", "修改后的谈话内容可以通过“递交”按钮再次同步，并覆盖之前的递交内容", []string{"P02", "P05"}, ""},
		{"3.1①", "基于 Oauth2 标准的 client_credentials 身份认证；任何请求都需要验证其有效性，请求头中必须附上 Token", []string{"F03", "F04", "P07"}, ""},
		{"3.1②-1", "谈话数据内容在接口调用前，通过全量国密算法 SM4(SM4/ECB/PKCS5Padding)进行加密", []string{"F05", "F06", "F10"}, ""},
		{"3.1②-2", "密钥使用由平台生成的 client_secret（已以 BASE64 编码）", []string{"F05", "F06", "S04"}, ""},
		{"3.1③", "每次接口调用只传输一条谈话记录，调用结束后返回该记录上传结果", []string{"F10", "F11"}, ""},
		{"3.2", "定期更新和升级系统软件；平台系统达到漏扫工具扫描结果无中高危漏洞", nil, "漏洞扫描由学校指定的工具进行；升级与回退见《部署手册》第 12 章，软件成分清单随离线包交付"},
		{"3.3-1", "定期备份所有关键数据，做好数据的异地备份及恢复方案", []string{"B01", "B02"}, "《备份恢复方案》"},
		{"3.3-2", "定期测试备份数据的可恢复性，以便系统崩溃时可以立刻恢复数据", []string{"B02", "B03"}, ""},
		{"4.1", "请求获取对接账号 client_id、密钥 client_secret 等参数", []string{"F02", "F03"}, "账号由平台发放，由学校填写"},
		{"4.2", "每个接口请求头部都需要携带对应格式的 token，并需要对 token 时效性进行验证", []string{"F03", "F04", "P07", "P08"}, ""},
		{"4.3-1", "data 部分是业务数据 JSON 进行国密 SM4 算法加密后以 Base64 编码的密文", []string{"F06", "F10"}, ""},
		{"4.3-2", "调用方式 POST；编码格式 UTF-8；响应方式 JSON", []string{"F10", "F11"}, ""},
		{"4.3-3", "一对一谈心谈话上报接口 /api/talk-record/one", []string{"F07"}, ""},
		{"4.3-4", "一对多谈心谈话上报接口 /api/talk-record/multi", []string{"F08"}, ""},
		{"4.3-5", "家校联系上报接口 /api/talk-record/patriarch", []string{"F09"}, ""},
		{"4.3-6", "code=0 为成功，其他值为不成功；msg 当失败时会返回错误原因", []string{"F11", "P04"}, ""},
		{"5-1", "对软件需求规格说明书中的所有功能项进行测试", []string{"F01", "F02", "F03", "F04", "F05", "F06", "F07", "F08", "F09", "F10", "F11", "F12", "F13", "F14", "F15", "F16", "F17"}, "本表与《需求跟踪表》"},
		{"5-2", "对软件项目的典型业务流程进行测试", []string{"P01", "P02", "P03", "P04", "P05", "P06", "P07", "P08", "P09", "P10", "P11", "P12", "P13", "P14", "P15", "P16"}, ""},
		{"5-3", "提供交付成果、技术文档、备份方案、验收报告及交付清单", nil, "《交付清单》及所列文档"},
		{"6", "质保期服务", nil, "由合同与《运维手册》约定"},
	}
}

func clauseStates(cases []Case) []ClauseState {
	results := map[string]Result{}
	for _, c := range cases {
		results[c.ID] = c.Result
	}
	var out []ClauseState
	for _, c := range Clauses() {
		s := ClauseState{Clause: c, Result: NotRun, NotRun: []string{}}
		for _, id := range c.Cases {
			switch {
			case results[id] == NotRun || results[id] == "":
				s.NotRun = append(s.NotRun, id)
			case results[id] == Failed:
				s.Result = Failed
			case results[id] == Passed && s.Result == NotRun:
				s.Result = Passed
			}
		}
		out = append(out, s)
	}
	return out
}
