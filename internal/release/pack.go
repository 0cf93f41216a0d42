package release

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// pack makes an archive whose bytes depend on its files and the time only: sorted names, no owner, no name or time in the gzip header.
func pack(folder string, files map[string][]byte, o Options) ([]byte, error) {
	var out bytes.Buffer
	level := gzip.BestCompression
	if o.Fast {
		level = gzip.BestSpeed
	}
	zip, err := gzip.NewWriterLevel(&out, level)
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	archive := tar.NewWriter(zip)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		header := &tar.Header{
			Name: folder + "/" + name, Mode: 0o644, Size: int64(len(files[name])), ModTime: o.Time.UTC().Truncate(time.Second), Format: tar.FormatPAX,
		}
		if strings.HasPrefix(name, "bin/") || strings.HasSuffix(name, ".sh") {
			header.Mode = 0o755
		}
		if err := archive.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("pack %s: %w", name, err)
		}
		if _, err := archive.Write(files[name]); err != nil {
			return nil, fmt.Errorf("pack %s: %w", name, err)
		}
	}
	if err := archive.Close(); err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	if err := zip.Close(); err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	return out.Bytes(), nil
}
