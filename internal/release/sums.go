package release

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/emmansun/gmsm/sm3"
)

// A File is something that is handed over.
type File struct {
	Name   string
	Bytes  int
	SHA256 string
	SM3    string
}

func fileOf(name string, text []byte) File {
	a, b := sha256.Sum256(text), sm3.Sum(text)
	return File{Name: name, Bytes: len(text), SHA256: hex.EncodeToString(a[:]), SM3: hex.EncodeToString(b[:])}
}

func listOf(files map[string][]byte) (out []File) {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		out = append(out, fileOf(name, files[name]))
	}
	return out
}

// sumFiles writes the sums as sha256sum -c reads them; SM3 in the same form.
func sumFiles(files []File) (sha, sm []byte) {
	var a, b bytes.Buffer
	for _, f := range files {
		fmt.Fprintf(&a, "%s  %s\n", f.SHA256, f.Name)
		fmt.Fprintf(&b, "%s  %s\n", f.SM3, f.Name)
	}
	return a.Bytes(), b.Bytes()
}
