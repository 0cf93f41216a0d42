package testserver

import (
	"fmt"
	"os"
	"path/filepath"
)

// PluginDir gives the option for MariaDB's program with which it finds the plugin (auth_ed25519.so) that Debian keeps in another package than
// the server: where the server's own folder has it, or install.sh unpacked it for this very version. It is ErrMissing where nobody did.
func (s Source) PluginDir(plugin string) (option string, err error) {
	folders := []string{filepath.Join(s.install.root, "/usr/lib/mysql/plugin")}
	if cache, err := os.UserCacheDir(); err == nil && s.install.root == "" {
		folders = append(folders, filepath.Join(cache, "talkbridge", "mariadb-plugins", s.Version))
	}
	for _, folder := range folders {
		if _, err := os.Stat(filepath.Join(folder, plugin)); err == nil {
			return "--plugin-dir=" + folder, nil
		}
	}
	return "", fmt.Errorf("%w: %s of %s", ErrMissing, plugin, s.Name)
}
