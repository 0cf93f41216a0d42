// Package canal is the listener: it reads a MySQL or MariaDB server's binary log as a replica would, and turns the submissions in
// it into Changes. What comes in is the server's log and, where there is no position to resume from, one consistent read of the
// tables; what goes out is Outbox.Append: changes together with the position that covers them, in one write.
//
// The road of an event: the syncer (go-mysql) hands it raw to a reader (stream.go) in the goroutine that read it from the network; its
// opener (opener.go) passes the rows of tables that nobody watches and decodes the rest. The reader keeps the place in the log
// (position.go) and the transaction that is open (transaction.go), builds the columns of each watched table from the TABLE_MAP event
// (table.go), asks each route's trigger whether a row is a submission (trigger.go), and turns the columns that the route uses into
// Values (value.go, charset.go). A finished transaction goes over a short queue to the writer (writer.go), which appends it.
// Everything that goes wrong is sorted in errors.go: what can come back by itself is tried again, the rest ends Run with the way out.
//
// It never writes to the server, never guesses a column's name, type or character set, never moves the position to anywhere but the
// end of a transaction, and puts no row content into an error or a log line.
package canal
