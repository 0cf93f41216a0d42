package console

import "strings"

// word gives a text in the language; what has none is shown as it is, as the reason of a failure is.
func word(language, key string) string {
	if rest, ok := strings.CutPrefix(key, "failed:"); ok {
		return word(language, "failed") + rest
	}
	w, ok := words[key]
	switch {
	case !ok:
		return key
	case language == "en":
		return w.en
	default:
		return w.zh
	}
}

type said struct{ zh, en string }

//nolint:gochecknoglobals // an immutable table
var words = map[string]said{
	"title":            {"谈心谈话上报", "Talk record bridge"},
	"overview":         {"总览", "Overview"},
	"records":          {"记录", "Records"},
	"position":         {"位点", "Position"},
	"preview":          {"预览", "Preview"},
	"audit":            {"审计", "Audit"},
	"language":         {"English", "中文"},
	"theme":            {"明暗", "Theme"},
	"login":            {"登录", "Log in"},
	"logout":           {"退出", "Log out"},
	"name":             {"用户名", "Name"},
	"password":         {"口令", "Password"},
	"wrong_password":   {"用户名或口令不对", "Wrong name or password"},
	"locked":           {"口令输错次数过多,请 15 分钟后再试", "Too many wrong passwords; try again in 15 minutes"},
	"role_viewer":      {"查看", "viewer"},
	"role_operator":    {"操作员", "operator"},
	"role_auditor":     {"审计员", "auditor"},
	"local":            {"本机只读(未配置用户)", "this machine, read-only (no users)"},
	"store_away":       {"存储没有应答,页面稍后自动恢复。上报与读取会等待,记录不会丢失。", "The store does not answer. Delivery and reading wait; nothing is lost."},
	"no_such_record":   {"没有这条记录:从未递交,或送达已久、已过保留期。", "No such record: never submitted, or delivered so long ago that the ledger forgot it."},
	"forbidden":        {"您的角色不能做这件事。", "Your role may not do this."},
	"no_trail":         {"没有审计日志。", "There is no audit trail."},
	"trail_unreadable": {"审计日志写不进或读不出,操作没有进行或无法核实。请联系管理员检查 admin.audit_log。", "The audit trail cannot be written or read. Have admin.audit_log looked at."},
	"failed":           {"没有成功:", "That did not work: "},
	"back":             {"返回", "Back"},

	"healthy":           {"运行正常", "All is well"},
	"paused":            {"上报已暂停", "Delivery is paused"},
	"breaker_open":      {"平台暂不可用,正在等待", "The platform is down; waiting"},
	"disconnected":      {"源库未连接", "The source is not connected"},
	"standby":           {"本机待命,另一台在监听", "Standing by; another bridge listens"},
	"behind":            {"读取落后", "Reading is behind"},
	"store_error":       {"存储没有应答", "The store does not answer"},
	"scanning":          {"正在扫描已标记的记录", "Reading flagged rows"},
	"stream_lost":       {"连接已断开,正在重连…", "Connection lost; trying again…"},
	"lag":               {"读取延迟", "Read lag"},
	"lag_bytes":         {"未读日志", "Log not read yet"},
	"headroom":          {"距日志清除", "Until log is purged"},
	"headroom_none":     {"不会清除", "never purged"},
	"unknown":           {"未知", "not known"},
	"backlog":           {"等待上报", "Waiting"},
	"oldest":            {"最久", "oldest"},
	"throughput":        {"上报速度", "Delivered per minute"},
	"per_minute":        {"条/分", "/min"},
	"token":             {"令牌到期", "Token ends"},
	"no_token":          {"尚未领取", "none yet"},
	"listener":          {"监听", "Listening"},
	"listens_here":      {"本机", "this bridge"},
	"listens_elsewhere": {"另一台", "another bridge"},
	"in_flight":         {"进行中的调用", "Calls in flight"},
	"breaker":           {"平台熔断", "Breaker"},
	"open":              {"断开", "open"},
	"closed":            {"正常", "closed"},
	"source":            {"源库", "Source"},
	"platform":          {"平台", "Platform"},
	"last_reconcile":    {"最近核对", "Last reconciliation"},
	"chart_lag":         {"读取延迟(秒),最近一小时", "Read lag (s), last hour"},
	"chart_backlog":     {"等待上报(条),最近一小时", "Waiting records, last hour"},
	"recent_refusals":   {"最近被拒", "Lately refused"},
	"none_refused":      {"没有被拒的记录。", "No record is refused."},
	"all":               {"全部", "All"},
	"pause":             {"暂停上报", "Pause delivery"},
	"resume":            {"恢复上报", "Resume delivery"},
	"pause_reason":      {"暂停原因", "Why"},
	"since":             {"自", "since"},

	"status_pending":   {"等待", "pending"},
	"status_sending":   {"上报中", "sending"},
	"status_delivered": {"已送达", "delivered"},
	"status_rejected":  {"被拒", "rejected"},
	"status_discarded": {"已放弃", "discarded"},
	"stage_mapping":    {"本校校验", "mapping"},
	"stage_platform":   {"省平台", "platform"},
	"stage_writeback":  {"回写", "write-back"},
	"stage_":           {"", ""},

	"search_key":   {"按主键查找,如 1001", "Find by key, such as 1001"},
	"find":         {"查找", "Find"},
	"route":        {"接口", "Route"},
	"key":          {"主键", "Key"},
	"status":       {"状态", "Status"},
	"why":          {"原因", "Reason"},
	"attempts":     {"次数", "Attempts"},
	"captured":     {"捕获", "Captured"},
	"next_page":    {"下一页", "Next page"},
	"no_records":   {"没有符合条件的记录。", "No record fits."},
	"not_found":    {"没有找到:请核对主键;从未递交的记录不会出现在这里。", "Not found: check the key; what was never submitted does not show here."},
	"timeline":     {"经过", "Timeline"},
	"committed":    {"学工系统中递交", "Submitted in the source"},
	"captured_at":  {"从日志读到", "Read from the log"},
	"delivered_at": {"平台确认收到", "Taken by the platform"},
	"due_at":       {"下次上报", "Next attempt"},
	"refused_by":   {"被拒于", "Refused by"},
	"code":         {"代码", "Code"},
	"problems":     {"需要更正的地方", "What to correct"},
	"how_to_mend":  {"请在学工系统中更正后重新递交,记录会自动再次上报。", "Correct it in the student-affairs system and submit again; it is then sent by itself."},
	"retry":        {"立即重试", "Retry now"},
	"discard":      {"放弃", "Discard"},
	"sure_discard": {"放弃后内容立即删除,除非重新递交。确定?", "Its content is deleted at once; only a new submission brings it back. Sure?"},
	"ask_preview":  {"预览内容", "Preview content"},
	"no_content":   {"本页不显示谈话内容。", "This page shows no content."},

	"no_position":    {"还没有保存过位点。", "No position is saved yet."},
	"file":           {"文件", "File"},
	"pos":            {"偏移(字节)", "Offset (bytes)"},
	"server":         {"服务器标识", "Server"},
	"last_commit":    {"最后读到的提交", "Last commit taken in"},
	"saved_at":       {"保存时间", "Saved"},
	"position_help":  {"位点与其覆盖的变更在同一次写入中保存。更改位点用命令 talkbridge position set(须先停止)。", "The position is saved in one write with the changes it covers. To change it: talkbridge position set, with the bridge stopped."},
	"headroom_bytes": {"距日志清除(字节)", "Until log is purged (bytes)"},

	"preview_warning": {"预览会显示学生的个人信息与谈话内容。您的姓名、时间和事由将记入审计日志。", "A preview shows personal information. Your name, the time and your reason go into the audit trail."},
	"preview_reason":  {"事由(必填)", "Why (required)"},
	"do_preview":      {"查看", "Show"},
	"fill_all":        {"请填写主键和事由。", "Give the key and the reason."},
	"payload":         {"将要上报的内容(未加密)", "What would be sent (before encryption)"},
	"would_not":       {"这一行现在不会上报:", "This row is not submitted as it is: "},
	"nothing_sent":    {"预览不会上报任何内容。", "Nothing is sent by a preview."},

	"trail_whole":  {"审计链完整", "The trail is whole"},
	"trail_broken": {"审计链不完整", "The trail is NOT whole"},
	"events":       {"条事件", "events"},
	"anchored":     {"存储中锚定到第", "anchored in the store up to event"},
	"at":           {"时间", "At"},
	"actor":        {"操作者", "Who"},
	"from":         {"来自", "From"},
	"action":       {"操作", "Action"},
	"object":       {"对象", "Object"},
	"result":       {"结果", "Result"},
	"older":        {"更早", "Older"},
	"done":         {"完成", "done"},
	"refused":      {"拒绝", "refused"},

	"ago":      {"%s前", "%s ago"},
	"in_time":  {"%s后", "in %s"},
	"unit_s":   {"秒", "s"},
	"unit_min": {"分钟", "min"},
	"unit_h":   {"小时", "h"},
	"unit_d":   {"天", "d"},
}
