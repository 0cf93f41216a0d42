package configs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Settings are the places in talkbridge.yaml that differ from machine to machine.
type Settings struct {
	SourceAddr string // source.addr
	StateURL   string // state.url
	BaseURL    string // platform.base_url
	Listen     string // admin.listen
}

// Write writes talkbridge.yaml with these settings, and the contracts beside it, into dir. It gives the file's path.
func Write(dir string, s Settings) (string, error) {
	text, err := Files.ReadFile("talkbridge.yaml")
	if err != nil {
		return "", fmt.Errorf("read the example: %w", err)
	}
	config := string(text)
	for _, r := range [][2]string{
		{"addr: 127.0.0.1:3306", "addr: " + s.SourceAddr},
		{"url: redis://127.0.0.1:6379/0", "url: " + s.StateURL},
		{"base_url: https://api.zj-gxsz.cn/api", "base_url: " + s.BaseURL},
		{"listen: 127.0.0.1:9180", "listen: " + s.Listen},
	} {
		if strings.Count(config, r[0]) != 1 {
			return "", fmt.Errorf("the example no longer says %q once", r[0])
		}
		config = strings.Replace(config, r[0], r[1], 1)
	}
	contracts, err := fs.Sub(Files, "contracts")
	if err != nil {
		return "", fmt.Errorf("read the contracts: %w", err)
	}
	if err := os.CopyFS(filepath.Join(dir, "contracts"), contracts); err != nil {
		return "", fmt.Errorf("write the contracts: %w", err)
	}
	path := filepath.Join(dir, "talkbridge.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		return "", fmt.Errorf("write the configuration: %w", err)
	}
	return path, nil
}
