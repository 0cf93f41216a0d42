package testserver

import (
	"context"
	"fmt"
	"os/exec"
)

// NoGTID are the options of a MySQL without GTIDs; StartSource and Source.New take them. MariaDB always has them.
func NoGTID() []string { return []string{"--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"} }

// mysqlFlags are what only MySQL knows. Row format is all that later versions have, and the default of those before.
func mysqlFlags() []string {
	return []string{
		"--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--mysqlx=OFF", "--secure-file-priv=NULL", "--innodb-redo-log-capacity=64M",
	}
}

// prepareMySQL makes the data folder.
func (m *SQLServer) prepareMySQL() error {
	command := m.install.command(append([]string{
		"--no-defaults", "--initialize-insecure", userFlag(), "--datadir=" + m.Data(), "--tmpdir=" + m.tmp(),
	}, m.install.folders()...)...)
	out, err := exec.CommandContext(context.Background(), command[0], command[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("initialize MySQL's data folder: %w: %s", err, out)
	}
	return nil
}
