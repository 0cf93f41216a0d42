package canal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
	driver "github.com/go-sql-driver/mysql"
)

// ErrHalt wrapped in an error of Outbox.Append ends Run at once, without another attempt: the writer may no longer write.
var ErrHalt = errors.New("the outbox takes no more from this reader")

// What in the log itself makes reading stop.
var (
	errStatementFormat = errors.New("rows were changed by a statement (binlog_format is not ROW), and the log does not hold them. Run " +
		"SET GLOBAL binlog_format = ROW; write binlog_format=ROW into my.cnf; find the client that sets it for its session; then set the " +
		"position behind this place and backfill the route")
	errLoadStatement = errors.New("LOAD DATA was logged as a statement (binlog_format is not ROW), and the log does not hold its rows. Run " +
		"SET GLOBAL binlog_format = ROW; then set the position behind this place and backfill the routes")
	errIncident = errors.New("the server reports an incident: its log is not complete here. Set the position behind this place and " +
		"backfill the routes")
	errSavepoint = errors.New("the transaction goes back to a savepoint that was not seen; please report this with the server's version")
)

// A stopError does not mend itself: Run ends with it.
type stopError struct{ error }

func (e *stopError) Unwrap() error { return e.error }

// A lostError says that the server cannot send what follows the saved position.
type lostError struct {
	error
	foreign bool // the server never had it; else it had it and has purged it
}

func (e *lostError) Unwrap() error { return e.error }

// stops tells whether an error ends Run.
func stops(err error) bool {
	var stop *stopError
	return errors.As(err, &stop) || errors.Is(err, ErrHalt)
}

// classify gives an error of the server or the network its place: a stopError or a lostError, or as it is, which means that it can
// come back by itself and is tried again. It is the one place that knows the servers' error numbers.
func classify(err error) error {
	if err == nil || stops(err) {
		return err
	}
	if event := (*replication.EventError)(nil); errors.As(err, &event) {
		// Its text quotes the event, rows and all.
		return &stopError{fmt.Errorf("event %s that ends at %d cannot be read: %s", event.Header.EventType, event.Header.LogPos, event.Err)}
	}
	if refused := handshake(err); refused != nil {
		return &stopError{refused}
	}
	code, message := serverError(err)
	switch code {
	case 0:
		if _, stack, panicked := strings.Cut(err.Error(), "\nstack: "); panicked { // go-mysql catches its own, and quotes their value
			return &stopError{fmt.Errorf("an event cannot be read (a fault in its decoder at %s); please report it with the server's version",
				sourceLine(stack))}
		}
		return err
	case 1236: // ER_MASTER_FATAL_ERROR_READING_BINLOG
		return classifyDump(message)
	case 4052: // MariaDB: ER_SLAVE_SAME_ID
		return clash(message)
	}
	if way, ok := waysOut()[code]; ok {
		return &stopError{fmt.Errorf("the server refuses: %s (error %d). %s", message, code, way)}
	}
	return err
}

// sourceLine is the file and line of a stack's first frame that is neither the runtime's nor go-mysql's way of catching it. Invariant 8: it
// is all that is kept of a fault, whose value may quote a row.
func sourceLine(stack string) string {
	for line := range strings.Lines(stack) {
		path, at := strings.CutPrefix(line, "\t")
		if !at {
			continue
		}
		name, _, _ := strings.Cut(strings.TrimSpace(path), " ")
		name = name[strings.LastIndexByte(name, '/')+1:]
		if file, _, ok := strings.Cut(name, ".go:"); ok && file != "panic" && file != "binlogsyncer" && file != "util" {
			return name
		}
	}
	return "an unknown place"
}

// serverError takes the number and the text out of an error that the server sent, to either of the two clients.
func serverError(err error) (code uint16, message string) {
	if e := (*mysql.MyError)(nil); errors.As(err, &e) {
		return e.Code, e.Message
	}
	if e := (*driver.MySQLError)(nil); errors.As(err, &e) {
		return e.Number, e.Message
	}
	return 0, ""
}

// waysOut says what to do about the server's answers that no waiting mends.
func waysOut() map[uint16]string {
	const (
		account = "Check source.user and source.password, that the account may come from this host, and, where it has to come " +
			"encrypted (REQUIRE SSL), that source.tls is not off."
		grants = "Grant what is missing: GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO the account (on MariaDB 10.5 and later " +
			"REPLICATION SLAVE, BINLOG MONITOR), and GRANT SELECT on the routes' tables."
	)
	return map[uint16]string{
		1044: grants,                                                                                     // ER_DBACCESS_DENIED_ERROR
		1045: account,                                                                                    // ER_ACCESS_DENIED_ERROR
		1130: account,                                                                                    // ER_HOST_NOT_PRIVILEGED
		1142: grants,                                                                                     // ER_TABLEACCESS_DENIED_ERROR
		1143: grants,                                                                                     // ER_COLUMNACCESS_DENIED_ERROR
		1227: grants,                                                                                     // ER_SPECIFIC_ACCESS_DENIED_ERROR
		1698: account,                                                                                    // ER_ACCESS_DENIED_NO_PASSWORD_ERROR
		3118: "Unlock it: ALTER USER … ACCOUNT UNLOCK.",                                                  // ER_ACCOUNT_HAS_BEEN_LOCKED
		1820: "Give the account a password of its own.",                                                  // ER_MUST_CHANGE_PASSWORD
		1862: "Give the account a new password.",                                                         // ER_MUST_CHANGE_PASSWORD_LOGIN
		3159: "Set source.tls: required.",                                                                // ER_SECURE_TRANSPORT_REQUIRED
		1381: "Switch the log on: log_bin in my.cnf.",                                                    // ER_NO_BINARY_LOGGING
		1129: "Unblock this host: mariadb-admin flush-hosts, or TRUNCATE performance_schema.host_cache.", // ER_HOST_IS_BLOCKED
	}
}

// classifyDump sorts what the server answers to the request for its log. It has one number for everything; the texts are those of
// sql/sql_repl.cc (MariaDB) and sql/rpl_binlog_sender.cc (MySQL).
func classifyDump(message string) error {
	has := func(parts ...string) bool {
		for _, part := range parts {
			if strings.Contains(message, part) {
				return true
			}
		}
		return false
	}
	switch {
	case has("same server_uuid/server_id"):
		return clash(message)
	case has("have been purged", "has purged", "purged required binary logs", "Could not find first log file name", "could not find next log"):
		return &lostError{fmt.Errorf("the server no longer has the log behind the saved position: %s", message), false}
	case has("which is not in the master's binlog", "more GTIDs than the", "impossible position", "position > file size"):
		return &lostError{fmt.Errorf("the saved position is not one of this server's: %s", message), true}
	case has("max_allowed_packet"):
		return &stopError{fmt.Errorf("an event is larger than the server sends: %s. Raise max_allowed_packet on the server", message)}
	default:
		return &stopError{fmt.Errorf("the server cannot read its own log: %s. Look into its error log; then set the position behind the "+
			"damage and backfill the routes", message)}
	}
}

func clash(message string) error {
	return &stopError{&clashError{fmt.Errorf("another replica uses our server id: %s. Set source.server_id to a number of its own, or end "+
		"the other bridge", message)}}
}

// A clashError says that another replica has our server id.
type clashError struct{ error }

func (e *clashError) Unwrap() error { return e.error }

// reachable puts a network error into words that name the address and what to look at.
func reachable(addr string, err error) error {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &dns):
		return fmt.Errorf("the host of source.addr (%s) is not known: %w. Check the name and the machine's DNS", addr, err)
	case errors.As(err, &op) && op.Op == "dial", errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the server at source.addr (%s) cannot be reached: %w. Check address, port, firewall and that the server runs "+
			"and listens there (bind-address, skip-networking)", addr, err)
	default:
		return err
	}
}
