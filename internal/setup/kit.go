package setup

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// A Kit is the SQL for the school's DBA: settings, the flag column, the statement behind the button, the account, a trigger.
type Kit struct {
	Server   Server
	User     string // of the account
	Host     string // from where it comes; % is anywhere
	Password string // empty: a place holder that SQL does not take
	Routes   []KitRoute
	Reads    []string // SCHEMA.TABLE that look-ups and dictionaries read
	Trigger  bool
}

// A KitRoute is what the SQL needs to know of a route.
type KitRoute struct {
	Name, Schema, Table string
	Key                 []string
	Flag, Mode          string   // submit's column; becomes | changes | while
	Values              []string // of becomes and while
	Content             []string // columns whose change makes another record
	Writeback           []string
	Marks               []string // what write-back sets the flag to
	Known               bool     // Missing is known: the server could be asked
	Missing             []string // columns that are not there yet
}

// PasswordPlace stands where the account's password belongs. It is no SQL, so that nobody makes an account with it as its password.
const PasswordPlace = "<PASSWORD>"

// SQL writes the kit.
func (k Kit) SQL() string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "-- talkbridge 数据库准备脚本 / preparation of the source, for %s\n", k.Server)
	b.WriteString("-- 请由 DBA 阅读后执行,每一段都可单独执行。\n-- To be read, then run, by a DBA; every section can be run by itself.\n")
	k.settings(&b)
	k.flags(&b)
	k.buttons(&b)
	k.account(&b)
	k.triggers(&b)
	return b.String()
}

func section(b *bytes.Buffer, n int, chinese, english string) {
	fmt.Fprintf(b, "\n-- ── %d. %s / %s\n", n, chinese, english)
}

func (k Kit) settings(b *bytes.Buffer) {
	section(b, 1, "服务器设置", "server settings")
	b.WriteString("-- 写入 my.cnf 的 [mysqld] 段(标 * 的须重启) / in my.cnf under [mysqld] (those with * need a restart):\n")
	settings := k.Server.settings()
	for _, s := range settings {
		star := " "
		if s.restart {
			star = "*"
		}
		fmt.Fprintf(b, "--   %s %-28s # %s\n", star, s.name+" = "+s.value, s.why)
	}
	if !k.Server.MariaDB && !k.Server.atLeast(8, 0) {
		b.WriteString("-- MySQL 5.7 没有 binlog_row_metadata:请用 talkbridge check 确认。\n-- MySQL 5.7 has no binlog_row_metadata: talkbridge check says whether that is a hindrance.\n")
	}
	b.WriteString("-- 不重启立即生效;已打开的连接要重新连接 / at once, without a restart; open connections have to reconnect:\n")
	for _, s := range settings {
		if !s.restart {
			b.WriteString(k.Server.set(s) + "\n")
		}
	}
}

// tables lists the routes by table and flag, each once: three routes often share one table.
func (k Kit) tables() []KitRoute {
	var out []KitRoute
	for _, r := range k.Routes {
		i := slices.IndexFunc(out, func(o KitRoute) bool { return o.Schema == r.Schema && o.Table == r.Table && o.Flag == r.Flag })
		if i < 0 {
			r.Content, r.Writeback = slices.Clone(r.Content), slices.Clone(r.Writeback)
			out = append(out, r)
			continue
		}
		out[i].Name += ", " + r.Name
		for _, c := range r.Content {
			if !slices.Contains(out[i].Content, c) {
				out[i].Content = append(out[i].Content, c)
			}
		}
		for _, c := range r.Writeback {
			if !slices.Contains(out[i].Writeback, c) {
				out[i].Writeback = append(out[i].Writeback, c)
			}
		}
	}
	return out
}

func (k Kit) flags(b *bytes.Buffer) {
	section(b, 2, "递交标志列", "the flag column")
	for _, r := range k.tables() {
		fmt.Fprintf(b, "-- %s.%s (%s)\n", r.Schema, r.Table, r.Name)
		for _, column := range slices.Compact(append([]string{r.Flag}, without(r.Writeback, r.Flag)...)) {
			statement := fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s %s;", tableSQL(r.Schema, r.Table), backquote(column), r.definition(column))
			switch {
			case slices.Contains(r.Missing, column):
				b.WriteString(statement + "\n")
			case r.Known:
				fmt.Fprintf(b, "-- 列 %s 已存在 / column %s is there\n", column, column)
			default:
				fmt.Fprintf(b, "-- 如尚无此列,去掉注释执行 / if it is not there, run without the dashes:\n-- %s\n", statement)
			}
		}
	}
}

func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return strings.EqualFold(n, name) })
}

func (r KitRoute) definition(column string) string {
	switch {
	case column != r.Flag:
		return "VARCHAR(500) NULL COMMENT '上报结果,由 talkbridge 回写 / what became of it, written back by talkbridge'"
	case r.Mode == "changes":
		return "INT UNSIGNED NOT NULL DEFAULT 0 COMMENT '递交次数,每按一次递交加 1 / presses of 递交'"
	default:
		return "CHAR(1) NOT NULL DEFAULT '0' COMMENT '递交状态:0 未递交 1 已递交 / 0 not submitted, 1 submitted'"
	}
}

func (k Kit) account(b *bytes.Buffer) {
	section(b, 4, "最小权限账号", "an account with the least privileges")
	account := sqlText(k.User) + "@" + sqlText(k.Host)
	password := PasswordPlace
	if k.Password != "" {
		password = sqlText(k.Password)
	} else {
		fmt.Fprintf(b, "-- 把 %s 换成带引号的口令;不换则语句报错,不会建出弱口令账号。\n-- Put a quoted password in the place of %s; as it stands the statement fails, on purpose.\n",
			PasswordPlace, PasswordPlace)
	}
	if k.Host == "%" {
		b.WriteString("-- 建议把 % 换成桥接机的地址 / better the bridge's own address than %\n")
	}
	fmt.Fprintf(b, "CREATE USER %s IDENTIFIED BY %s;   -- REQUIRE SSL: 若服务器启用 TLS / where the server has TLS\n", account, password)
	b.WriteString("-- 读取日志与查询日志位置 / read the log, ask where it stands:\n")
	fmt.Fprintf(b, "GRANT REPLICATION SLAVE, %s ON *.* TO %s;\n", k.Server.monitor(), account)
	b.WriteString("-- 只读路由和查询用到的表 / read the tables of the routes and look-ups, and no others:\n")
	for _, table := range k.reads() {
		schema, name, _ := strings.Cut(table, ".")
		fmt.Fprintf(b, "GRANT SELECT ON %s TO %s;\n", tableSQL(schema, name), account)
	}
	writes := false
	for _, r := range k.tables() {
		if len(r.Writeback) == 0 {
			continue
		}
		if !writes {
			b.WriteString("-- 只允许改回写列 / write the write-back columns, and nothing else:\n")
		}
		writes = true
		slices.Sort(r.Writeback)
		fmt.Fprintf(b, "GRANT UPDATE (%s) ON %s TO %s;\n", names(r.Writeback), tableSQL(r.Schema, r.Table), account)
	}
	if !writes {
		b.WriteString("-- 没有回写,故无任何写权限 / no route writes back: no right to write at all\n")
	}
}

func names(columns []string) string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = backquote(c)
	}
	return strings.Join(out, ", ")
}

// reads are all tables that the account has to read, each once, sorted.
func (k Kit) reads() []string {
	out := slices.Clone(k.Reads)
	for _, r := range k.Routes {
		out = append(out, r.Schema+"."+r.Table)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
