package canal

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// sqlTimeout bounds a question to the server that is no scan.
const sqlTimeout = 30 * time.Second

// A server is what the source needs to know of one, asked anew at every connection: behind one address there may be another
// server today.
type server struct {
	flavor    Flavor
	version   string
	identity  string
	id        uint32
	fold      bool // lower_case_table_names
	gtid      bool // transactions have GTIDs
	encrypted bool // the connection that asked was
	sets      collations
	variables map[string]string
}

// querier is *sql.DB, *sql.Conn or *sql.Tx.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// inspect asks the server what it is.
func inspect(ctx context.Context, q querier, want Flavor) (*server, error) {
	ctx, cancel := context.WithTimeout(ctx, sqlTimeout)
	defer cancel()
	v, err := pairs(ctx, q, `SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'server_id', 'server_uuid', 'server_uid', 'hostname',
		'port', 'datadir', 'lower_case_table_names', 'log_bin', 'binlog_format', 'binlog_row_image', 'binlog_row_metadata',
		'binlog_row_value_options', 'gtid_mode')`)
	if err != nil {
		return nil, fmt.Errorf("ask the server for its variables: %w", err)
	}
	s := &server{flavor: FlavorMySQL, version: v["version"], variables: v}
	if s.version == "" {
		return nil, &stopError{errNotMySQL}
	}
	if strings.Contains(strings.ToLower(s.version), "mariadb") {
		s.flavor = FlavorMariaDB
	}
	if want != FlavorAuto && want != s.flavor {
		return nil, &stopError{fmt.Errorf("source.flavor is %s, but the server is %s (%s). Set source.flavor: auto", want, s.flavor, s.version)}
	}
	id, _ := strconv.ParseUint(v["server_id"], 10, 32)
	s.id = uint32(id)
	s.fold = v["lower_case_table_names"] != "0"
	s.gtid = s.flavor == FlavorMariaDB || v["gtid_mode"] == "ON"
	s.identity = identity(s.flavor, v)
	cipher, err := pairs(ctx, q, "SHOW SESSION STATUS LIKE 'Ssl_cipher'")
	if err != nil {
		return nil, fmt.Errorf("ask the server about the connection: %w", err)
	}
	s.encrypted = cipher["Ssl_cipher"] != ""
	if s.sets, err = readCollations(ctx, q, s.flavor); err != nil {
		return nil, err
	}
	return s, nil
}

// identity is what two events of one server have in common and those of two servers have not. MySQL has a UUID for it. MariaDB has
// server_uid since 10.5.26, and before that nothing, so it is made from where the server keeps its data.
func identity(flavor Flavor, v map[string]string) string {
	if flavor == FlavorMySQL {
		return v["server_uuid"]
	}
	h := fnv.New64a()
	if v["server_uid"] != "" {
		_, _ = h.Write([]byte(v["server_uid"]))
	} else {
		_, _ = h.Write([]byte(strings.Join([]string{v["hostname"], v["port"], v["datadir"], v["server_id"]}, "\x00")))
	}
	return "mariadb-" + hex.EncodeToString(h.Sum(nil))
}

// readCollations asks which character set each collation number belongs to. MariaDB from 10.10 on lists some collations without a
// character set and a number in COLLATIONS; the other table has the full names with their numbers.
func readCollations(ctx context.Context, q querier, flavor Flavor) (collations, error) {
	sets, err := collationsFrom(ctx, q, "SELECT ID, CHARACTER_SET_NAME FROM information_schema.COLLATIONS WHERE ID IS NOT NULL "+
		"AND CHARACTER_SET_NAME IS NOT NULL")
	if err != nil {
		return nil, fmt.Errorf("ask the server for its collations: %w", err)
	}
	if flavor != FlavorMariaDB {
		return sets, nil
	}
	more, err := collationsFrom(ctx, q, "SELECT ID, CHARACTER_SET_NAME FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY "+
		"WHERE ID IS NOT NULL")
	if code, _ := serverError(err); code == mysql.ER_BAD_FIELD_ERROR { // before 10.10
		return sets, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ask the server for its collations: %w", err)
	}
	maps.Copy(sets, more)
	return sets, nil
}

func collationsFrom(ctx context.Context, q querier, query string) (collations, error) {
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	sets := collations{}
	for rows.Next() {
		var id uint64
		var name string
		if err := rows.Scan(&id, &name); err != nil {
			return nil, err
		}
		sets[id] = name
	}
	return sets, rows.Err()
}

// pairs reads rows of a name and a value.
func pairs(ctx context.Context, q querier, query string) (map[string]string, error) {
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var name string
		var value sql.NullString
		if err := rows.Scan(&name, &value); err != nil {
			return nil, err
		}
		out[name] = value.String
	}
	return out, rows.Err()
}

// record reads the first row as texts by column name; nil where there is none.
func record(ctx context.Context, q querier, query string, args ...any) (map[string]string, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil || !rows.Next() {
		return nil, joinErr(err, rows.Err())
	}
	values := make([]sql.NullString, len(names))
	targets := make([]any, len(names))
	for i := range values {
		targets[i] = &values[i]
	}
	if err := rows.Scan(targets...); err != nil {
		return nil, err
	}
	out := make(map[string]string, len(names))
	for i, name := range names {
		if values[i].Valid {
			out[name] = values[i].String
		}
	}
	return out, rows.Err()
}

func joinErr(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

// autoServerID derives our server id from the namespace, this host and the instance. The range from 3,000,000,000 up is one that
// people do not number servers in. Two processes never share one: the server ends the log of the older of two replicas with one id,
// and a bridge that stands by and takes over would have to fight the one that it relieves.
func autoServerID(namespace, instance string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(namespace + "\x00" + hostname() + "\x00" + instance))
	return 3_000_000_000 + h.Sum32()%1_000_000_000
}

// number takes a server id.
func (s *Source) number(id uint32) {
	s.serverID.Store(id)
	s.status.change(func(st *Status) { st.ServerID = id })
}

// A clashCount counts the clashes of our server id with another replica's.
type clashCount struct {
	n    int
	last time.Time
}

// clashLimit is how many other ids are tried, and clashSpan after how long a clash is forgotten. Ids are drawn from a thousand million:
// more than this is no accident.
const (
	clashLimit = 3
	clashSpan  = 10 * time.Minute
)

// renumber takes another id after another replica was found to have ours, where ours is automatic; then what ended the connection is an
// error that is tried again. Any other error it gives back as it is.
func (s *Source) renumber(err error, clashes *clashCount) error {
	var clash *clashError
	if !errors.As(err, &clash) || s.options.ServerID != 0 {
		return err
	}
	if time.Since(clashes.last) > clashSpan {
		clashes.n = 0
	}
	clashes.n, clashes.last = clashes.n+1, time.Now()
	if clashes.n > clashLimit {
		return err
	}
	s.number(autoServerID(s.options.Namespace, s.options.Instance+"\x00"+rand.Text()))
	return clash.error
}

// replicaName is what SHOW REPLICAS (SHOW SLAVE HOSTS) shows as our host. Servers before MySQL 8.0.17 take 60 bytes.
func replicaName(namespace string) string {
	name := "talkbridge"
	if namespace != "" {
		name += "-" + namespace
	}
	name += "@" + hostname()
	return name[:min(len(name), 60)]
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}
