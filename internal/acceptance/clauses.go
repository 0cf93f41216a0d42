package acceptance

import "strings"

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

// Clauses are the specification's sentences, each as it stands there, in its order. Those that no program can meet are among them: what a
// contract or people have to do is said, not left out. internal/manuals holds them against the text.
func Clauses() []Clause {
	return []Clause{
		{"1-1", "接省教育厅文件，要求各高校充分发挥辅导员的作用，及时上报辅导员谈心谈话记录。", strings.Fields("P01"), ""},
		{"1-2", "各高校可以选择通过“教育厅智慧思政平台”进行填报，也可以通过 API 接口推送上报的对接方式，从校本应用向教育厅思政平台直接推送谈心谈话记录。", strings.Fields("F07 F08 F09"), "方式由学校选择"},
		{"1-3", "我校学工系统已开发有心理关注对象跟踪谈话模块，并投入正常使用中，经过技术分析，满足省厅谈话记录的数据字段要求，可以实现数据对接，经研究决定，我校采用API接口推送上报方式，直接从我校学工系统向教育厅思政平台推送谈心谈话记录。", strings.Fields("F07 F08 F09 P01"), "谈话模块由学工系统提供；字段是否满足以映射试算（F15）为准"},
		{"2", "项目采用API接口技术，实现心里关注对象及心里谈话内容对接。", strings.Fields("F07 F08 F09"), ""},
		{"2.1", "1、根据省厅文件要求，对原有心理关注对象跟踪记录界面的内容进行增减，并规范数据格式，最大限度实现数据的自动读取和验证。", strings.Fields("F12 F13 F14 F15"), "界面内容的增减由学工系统完成，字段见《接口假设与待确认问题清单》"},
		{"2.2-1", "2、在心理关注对象跟踪记录界面添加“递交”按钮，实现数据对接一键同步。", strings.Fields("P01 F07 F08 F09 R01"), "按钮由学工系统添加，只把标志列置位"},
		{"2.2-2", "对于修改后的谈话内容可以通过“递交”按钮再次同步，并覆盖之前的递交内容。", strings.Fields("P02 P05"), ""},
		{"3.1①-1", "①身份认证：基于 Oauth2 标准的 client_credentials 身份认证方式。", strings.Fields("F03"), ""},
		{"3.1①-2", "任何请求都需要验证其有效性。", strings.Fields("F04 P07"), "验证由平台作出"},
		{"3.1①-3", "请求头中必须要附上 Token。", strings.Fields("F04"), ""},
		{"3.1②-1", "②数据加密：由于学生涉及敏感数据，所以谈心谈话数据内容在接口调用前，需要通过全量国密算法 SM4（SM4/ECB/PKCS5Padding）进行加密。", strings.Fields("F05 F06 F10"), ""},
		{"3.1②-2", "密钥使用由平台生成的 client_secret（该密钥平台生成时已经以 BASE64 编码）。", strings.Fields("F05 F06 S04"), ""},
		{"3.1③", "③调用频次：每次接口调用，只传输一条谈话记录，调用结束后返回该记录上传结果。", strings.Fields("F10 F11"), ""},
		{"3.2-1", "定期更新和升级系统软件，以填补其中漏洞。", nil, "升级与回退见《部署手册》第 12 章；定期执行由学校安排"},
		{"3.2-2", "定期安全漏扫，及时更新补丁，做好安全防护。", nil, "漏扫由学校进行；软件成分清单随离线包交付"},
		{"3.2-3", "操作系统、数据库升级到漏扫工具扫描结果无中高危漏洞；", nil, "由学校升级与扫描"},
		{"3.2-4", "平台系统必须达到漏扫工具扫描结果无中高危漏洞。", nil, "扫描由学校指定的工具进行，结果尚无"},
		{"3.3", "定期备份所有关键数据，做好数据的异地备份及恢复方案，定期测试备份数据的可恢复性，以便系统崩溃时可以立刻恢复数据。", strings.Fields("B01 B02 B03"), "《备份恢复方案》；异地存放由学校安排"},
		{"4.1", "1、步骤一：请求获取对接账号 client_id、密钥 client_secret 等参数；", strings.Fields("F02 F03"), "账号由平台发放，由学校填写"},
		{"4.2-1", "2、步骤二：请求获取 token。", strings.Fields("F03"), ""},
		{"4.2-2", "该 token 用于“谈心谈话数据推送接口”的授权认证，每个接口请求头部都需要携带对应格式的 token，并需要对 token 时效性进行验证，token 的请求的相关格式如下：", strings.Fields("F03 F04 P07 P08"), "格式图未随文提供，见《接口假设与待确认问题清单》"},
		{"4.3-1", "3、步骤三：谈心谈话数据推送接口调用。", strings.Fields("F07 F08 F09"), ""},
		{"4.3-2", "数据推送接口请求相关格式如下：", strings.Fields("F10"), "格式图未随文提供，见《接口假设与待确认问题清单》"},
		{"4.3-3", "注：所有数据接口 HTTP 的 Request Body 均按照上面格式进行传输，其中 data 部分是业务数据 JSON 进行国密 Sm4 算法加密后以 Base64 编码的密文。", strings.Fields("F06 F10"), ""},
		{"4.3-4", "调用方式：POST；", strings.Fields("F10"), ""},
		{"4.3-5", "编码格式：UTF-8；", strings.Fields("F10"), ""},
		{"4.3-6", "响应方式：JSON。", strings.Fields("F11"), ""},
		{"4.3-7", "具体字段格式参看 https://api.zj-gxsz.cn/api/swagger-ui/index.html", strings.Fields("F12 F13"), "字段页未能取得，现有约定是假设，见《接口假设与待确认问题清单》"},
		{"4.3-8", "①一对一谈心谈话上报接口地址：https://api.zj-gxsz.cn/api/talk-record/one", strings.Fields("F07"), ""},
		{"4.3-9", "②一对多谈心谈话上报接口地址：https://api.zj-gxsz.cn/api/talk-record/multi", strings.Fields("F08"), ""},
		{"4.3-10", "③家校联系上报接口地址：https://api.zj-gxsz.cn/api/talk-record/patriarch", strings.Fields("F09"), ""},
		{"4.3-11", `{ "code": 0 "msg": "成功" }`, strings.Fields("F11"), ""},
		{"4.3-12", "注：code=0 为成功，其他值为不成功。", strings.Fields("F11 P04"), ""},
		{"4.3-13", "msg 当失败时会返回错误原因。", strings.Fields("F11 P04"), ""},
		{"5-1", "项目建设验收是按照交付后来进行验收。", nil, "由承建单位与学校办理；《交付清单》"},
		{"5-2", "系统正式投入使用，当系统达到了预期的使用条件且运行状况良好，完成培训保障校方可上手操作使用，学校方同意验收申请时，承建单位以书面形式向我校提交验收申请表，学校组织项目验收小组对该项目进行验收。", strings.Fields("F16 R01"), "培训材料；申请与小组由承建单位与学校办理"},
		{"5-3", "承建单位向项目验收小组提供交付成果、技术文档、备份方案、验收报告及交付清单。", nil, "《交付清单》及所列文档"},
		{"5-4", "提交技术文档包括软件配置内容、软件源代码及编译配置说明、验收方案草案、验收测试方案等。", nil, "《部署手册》《验收测试方案》；验收方案草案由承建单位与学校商定"},
		{"5-5", "经审定后，由使用单位组织验收。", nil, "由使用单位组织"},
		{"5-6", "验收测试的内容应该包括（不限于）：", strings.Fields("S01 S02 S03 S04 S05 S06 S07 B01 B02 B03"), "两类之外，另有安全、备份与恢复两类"},
		{"5-7", "对软件需求规格说明书中的所有功能项进行测试。", strings.Fields("F01 F02 F03 F04 F05 F06 F07 F08 F09 F10 F11 F12 F13 F14 F15 F16 F17"), "需求规格说明书未随文提供，功能项取自建设方案与《需求跟踪表》"},
		{"5-8", "对软件项目的典型业务流程进行测试。", strings.Fields("P01 P02 P03 P04 P05 P06 P07 P08 P09 P10 P11 P12 P13 P14 P15 P16"), ""},
		{"5-9", "1．项目验收合格并收到全额发票后十五个工作日内支付合同总价的90%；", nil, "由合同约定，不由程序落实"},
		{"5-10", "2．剩余10%作为质量保证金，质保期满且无问题后，乙方提出申请，甲方一次性无息支付给乙方。", nil, "由合同约定，不由程序落实"},
		{"5-11", "以上支付期限如遇学校假期，则顺延。", nil, "由合同约定，不由程序落实"},
		{"6-1", "整体项目提供1年免费质保期，质保期从项目验收合格报告之日开始计算，包含：7*12电话支持、远程支持、技术支持,确保功能的正常运行使用及省平台要求变更等各种情况导致的必要的程序调整。", nil, "由合同约定，不由程序落实；平台变更的影响由 contract diff 列出"},
		{"6-2", "快速的服务响应，用户系统发生故障时，工作日中技术人员应在2小时之内响应服务，在网络和通讯条件允许情况下，24小时内解决问题，恢复系统运行；", nil, "由合同约定，不由程序落实；故障处置见《运维手册》"},
		{"6-3", "非工作日中，技术人员应在2小时内相应服务，在网络和通讯条件允许情况下，48小时内解决问题。", nil, "由合同约定，不由程序落实"},
		{"6-4", "对于特殊的重大事故，相关技术人员应在24小时之内奔赴现场解决。", nil, "由合同约定，不由程序落实"},
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
