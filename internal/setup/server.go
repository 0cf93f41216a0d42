package setup

import (
	"fmt"
	"strings"
)

// A Server is a kind of database server, as far as its SQL differs.
type Server struct {
	MariaDB      bool
	Major, Minor int
}

// Servers lists what ParseServer takes.
func Servers() []string {
	return []string{"mysql-5.7", "mysql-8", "mysql-9", "mariadb-10", "mariadb-11"}
}

// ParseServer reads mysql-8, mysql-8.4, mariadb-10.11 and the like.
func ParseServer(text string) (Server, error) {
	kind, version, _ := strings.Cut(strings.ToLower(text), "-")
	s := Server{MariaDB: kind == "mariadb", Minor: -1}
	n, _ := fmt.Sscanf(version, "%d.%d", &s.Major, &s.Minor)
	if n == 0 || kind != "mariadb" && kind != "mysql" {
		return Server{}, fmt.Errorf("server %q is unknown: use one of %s, or with the minor version, such as mariadb-10.11", text, strings.Join(Servers(), ", "))
	}
	if n == 1 {
		s.Minor = 0
		if s.MariaDB && s.Major == 10 {
			s.Minor = 11
		}
	}
	return s, nil
}

// ServerOf reads what SELECT VERSION() gives.
func ServerOf(version string) Server {
	s := Server{MariaDB: strings.Contains(strings.ToLower(version), "mariadb")}
	_, _ = fmt.Sscanf(version, "%d.%d", &s.Major, &s.Minor)
	return s
}

// String is how a person calls it.
func (s Server) String() string {
	if s.MariaDB {
		return fmt.Sprintf("MariaDB %d.%d", s.Major, s.Minor)
	}
	return fmt.Sprintf("MySQL %d.%d", s.Major, s.Minor)
}

func (s Server) atLeast(major, minor int) bool {
	return s.Major > major || s.Major == major && s.Minor >= minor
}

// monitor is the privilege to ask where the log stands. MariaDB renamed REPLICATION CLIENT in 10.5.
func (s Server) monitor() string {
	if s.MariaDB && s.atLeast(10, 5) {
		return "BINLOG MONITOR"
	}
	return "REPLICATION CLIENT"
}

// A serverSetting is one line of my.cnf, and how it is set while the server runs.
type serverSetting struct {
	name, value string
	restart     bool // only at a start
	why         string
}

// settings are those that differ from what the server has by itself, or may have been changed.
func (s Server) settings() []serverSetting {
	out := []serverSetting{
		{"log_bin", "binlog", true, "开启二进制日志 / the binary log"},
		{"server_id", "1", true, "每台服务器不同 / another number on every server"},
	}
	if s.MariaDB || s.Major < 9 {
		out = append(out, serverSetting{"binlog_format", "ROW", false, "按行记录 / rows, not statements"})
	}
	out = append(out, serverSetting{"binlog_row_image", "FULL", false, "记录整行 / every column of a changed row"})
	if s.MariaDB && s.atLeast(10, 5) || !s.MariaDB && s.atLeast(8, 0) {
		out = append(out, serverSetting{"binlog_row_metadata", "FULL", false, "随行记录列名 / column names beside the rows"})
	}
	keep := serverSetting{"expire_logs_days", "7", false, "日志保留 7 天 / keep the log for 7 days"}
	if !s.MariaDB && s.atLeast(8, 0) {
		keep = serverSetting{"binlog_expire_logs_seconds", "604800", false, keep.why}
	}
	return append(out, keep)
}

// set is the statement that changes a setting at once. MySQL 8 can keep it over a restart by itself.
func (s Server) set(o serverSetting) string {
	scope := "GLOBAL"
	if !s.MariaDB && s.atLeast(8, 0) {
		scope = "PERSIST"
	}
	value := o.value
	if value != "" && (value[0] < '0' || value[0] > '9') {
		value = "'" + value + "'"
	}
	return "SET " + scope + " " + o.name + " = " + value + ";"
}
