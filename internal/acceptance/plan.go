package acceptance

import "context"

// A plan is one case before it is run.
type plan struct {
	id, group, title string
	clauses          []string // of the specification; filled from Clauses
	before           string
	needs            needs
	run              func(ctx context.Context, t *trial) error
}

// The groups of the plan, in the order of the report.
const (
	groupFunction = "功能项测试"
	groupProcess  = "业务流程测试"
	groupSafety   = "安全测试"
	groupBackup   = "备份与恢复测试"
	groupReal     = "真实环境联调"
)

// wholePlan lists all cases. The clauses that each shows are those that name it.
func wholePlan() []plan {
	all := append(functionPlan(), processPlan()...)
	all = append(all, safetyPlan()...)
	all = append(all, backupPlan()...)
	all = append(all, realPlan()...)
	for i := range all {
		all[i].clauses = []string{}
		for _, c := range Clauses() {
			for _, id := range c.Cases {
				if id == all[i].id {
					all[i].clauses = append(all[i].clauses, c.ID)
				}
			}
		}
	}
	return all
}

func functionPlan() []plan {
	return []plan{
		{id: "F01", group: groupFunction, title: "软件版本", before: "程序已安装", needs: anywhere, run: versionCase},
		{id: "F02", group: groupFunction, title: "运行前自检", before: "配置文件已就绪", needs: anywhere, run: checkCase},
		{id: "F03", group: groupFunction, title: "令牌获取：client_credentials", before: "平台账号已配置", needs: standAlone, run: tokenCase},
		{id: "F04", group: groupFunction, title: "请求头携带令牌", before: "上报程序运行中", needs: standAlone, run: headerCase},
		{id: "F05", group: groupFunction, title: "SM4/ECB/PKCS5Padding 标准向量", before: "无", needs: anywhere, run: vectorsCase},
		{id: "F06", group: groupFunction, title: "加密由独立实现核验", before: "本机装有带 SM4 的 OpenSSL", needs: anywhere, run: opensslCase},
		{id: "F07", group: groupFunction, title: "一对一谈心谈话上报", before: "上报程序运行中", needs: standAlone, run: oneCase},
		{id: "F08", group: groupFunction, title: "一对多谈心谈话上报", before: "上报程序运行中", needs: standAlone, run: multiCase},
		{id: "F09", group: groupFunction, title: "家校联系上报", before: "上报程序运行中", needs: standAlone, run: patriarchCase},
		{id: "F10", group: groupFunction, title: "请求格式与调用频次", before: "F07 至 F09 已执行", needs: standAlone, run: requestCase},
		{id: "F11", group: groupFunction, title: "返回参数：code 与 msg", before: "上报程序运行中", needs: standAlone, run: answerCase},
		{id: "F12", group: groupFunction, title: "字段自动读取与格式规范", before: "上报程序运行中", needs: standAlone, run: fieldsCase},
		{id: "F13", group: groupFunction, title: "字段自动验证", before: "上报程序运行中", needs: standAlone, run: validationCase},
		{id: "F14", group: groupFunction, title: "不应上报的记录不上报", before: "上报程序运行中", needs: standAlone, run: unsentCase},
		{id: "F15", group: groupFunction, title: "全表映射试算（不发送）", before: "源库可读", needs: anywhere, run: mapCase},
		{id: "F16", group: groupFunction, title: "运行状态、健康检查与指标", before: "上报程序运行中", needs: standAlone, run: pagesCase},
		{id: "F17", group: groupFunction, title: "网页控制台：中英文、查找被拒记录及原因、未登录只读", before: "上报程序运行中", needs: standAlone, run: consoleCase},
	}
}

func processPlan() []plan {
	const running = "上报程序运行中"
	return []plan{
		{id: "P01", group: groupProcess, title: "递交、送达、回写", before: running, needs: standAlone, run: submitCase},
		{id: "P02", group: groupProcess, title: "修改后再次递交，覆盖此前内容", before: running, needs: standAlone, run: againCase},
		{id: "P03", group: groupProcess, title: "校验不通过，更正后再次递交", before: running, needs: standAlone, run: correctCase},
		{id: "P04", group: groupProcess, title: "平台拒绝，更正后再次递交", before: running, needs: standAlone, run: refusalCase},
		{id: "P05", group: groupProcess, title: "平台停机期间递交，恢复后自动补报", before: running, needs: standAlone, run: downCase},
		{id: "P06", group: groupProcess, title: "平台限流、5xx、断连与网关错误页", before: running, needs: standAlone, run: troubleCase},
		{id: "P07", group: groupProcess, title: "令牌失效后重新获取", before: running, needs: standAlone, run: voidCase},
		{id: "P08", group: groupProcess, title: "令牌到期前更新", before: "平台令牌有效期 35 秒，提前 30 秒更新", needs: standAlone, run: renewCase},
		{id: "P09", group: groupProcess, title: "正常停止，从已保存位点续传", before: running, needs: standAlone, run: restartCase},
		{id: "P10", group: groupProcess, title: "上报中断电（kill -9），重启后补报", before: running, needs: standAlone, run: killCase},
		{id: "P11", group: groupProcess, title: "源库重启", before: running, needs: standAlone, run: sourceCase},
		{id: "P12", group: groupProcess, title: "暂停与恢复上报", before: running, needs: standAlone, run: pauseCase},
		{id: "P13", group: groupProcess, title: "积压 200 条集中上报", before: running, needs: standAlone, run: backlogCase},
		{id: "P14", group: groupProcess, title: "被拒记录的人工重试与放弃", before: running, needs: standAlone, run: handCase},
		{id: "P15", group: groupProcess, title: "指定记录立即上报", before: running, needs: standAlone, run: pushCase},
		{id: "P16", group: groupProcess, title: "核对：找出并补报监听没有看到的递交", before: running, needs: standAlone, run: reconcileCase},
	}
}

func safetyPlan() []plan {
	return []plan{
		{id: "S01", group: groupSafety, title: "平台证书必须可信", before: "无", needs: standAlone, run: certificateCase},
		{id: "S02", group: groupSafety, title: "日志、存储与备份中无敏感内容", before: "前述用例已执行", needs: standAlone, run: leakCase},
		{id: "S03", group: groupSafety, title: "管理页面不含谈话内容，只在回环地址开放", before: "上报程序运行中", needs: standAlone, run: pagesLeakCase},
		{id: "S04", group: groupSafety, title: "密钥错误即停止", before: "无", needs: standAlone, run: keyCase},
		{id: "S05", group: groupSafety, title: "源库账号最小权限", before: "源库账号已按部署手册建立", needs: standAlone, run: grantsCase},
		{id: "S06", group: groupSafety, title: "量表、诊断等禁止外发的列", before: "无", needs: standAlone, run: neverSendCase},
		{id: "S07", group: groupSafety, title: "操作审计与防篡改", before: "P12 至 P15 已执行", needs: standAlone, run: auditCase},
	}
}

func backupPlan() []plan {
	return []plan{
		{id: "B01", group: groupBackup, title: "备份与校验", before: "存储中有数据", needs: anywhere, run: backupCase},
		{id: "B02", group: groupBackup, title: "备份恢复到空的临时存储并比对", before: "B01 的备份", needs: anywhere, run: scratchCase},
		{id: "B03", group: groupBackup, title: "存储损毁后的恢复全流程", before: "上报程序运行中", needs: standAlone, run: disasterCase},
	}
}

func realPlan() []plan {
	return []plan{
		{id: "R01", group: groupReal, title: "指定测试记录在真实平台上报成功", before: "上报程序运行中，学校指定测试记录", needs: forReal, run: rowsCase},
	}
}

// Plan lists the cases without running them.
func Plan() []Case {
	var out []Case
	for _, p := range wholePlan() {
		out = append(out, Case{ID: p.id, Group: p.group, Title: p.title, Clauses: p.clauses, Before: p.before, Result: NotRun, Steps: []Step{}})
	}
	return out
}

// Harmless tells whether a case runs against a college's own configuration too.
func Harmless(id string) bool {
	for _, p := range wholePlan() {
		if p.id == id {
			return p.needs != standAlone
		}
	}
	return false
}
