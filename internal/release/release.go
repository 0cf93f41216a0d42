// Package release makes what is handed over: static programs, one offline bundle for each architecture, their sums and the list of what
// is in them. The same commit gives the same bytes: nothing in a bundle depends on the machine, the clock or the user that made it.
package release

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Options of Make.
type Options struct {
	Source  string    // the root of the source tree
	Out     string    // an empty or new folder
	Version string    // as the program will say it
	Time    time.Time // of the commit; every file in a bundle bears it
	Archs   []string  // GOARCH
	SBOM    string    // a CycloneDX file; empty: one is made of the modules
	Fast    bool      // pack in less time, not as small: for tests
	Tell    func(format string, args ...any)
}

// Archs are the architectures that a college's servers have.
func Archs() []string { return []string{"amd64", "arm64", "loong64"} }

// A Bundle is one archive that was made.
type Bundle struct {
	Name  string // file
	Arch  string
	Files []File // in it
	Sums  File   // of itself
}

// Make makes the bundles and the files with their sums.
func Make(ctx context.Context, o Options) (bundles []Bundle, err error) {
	if o.Tell == nil {
		o.Tell = func(string, ...any) {}
	}
	if o.Version == "" || strings.ContainsAny(o.Version, "/ \n") {
		return nil, fmt.Errorf("version %q cannot be part of a file's name", o.Version)
	}
	if err := os.MkdirAll(o.Out, 0o755); err != nil { //nolint:gosec // what is handed over may be read
		return nil, fmt.Errorf("make the folder: %w", err)
	}
	common, err := collect(ctx, o)
	if err != nil {
		return nil, err
	}
	for _, arch := range o.Archs {
		o.Tell("linux/%s", arch)
		b, err := o.bundle(ctx, arch, common)
		if err != nil {
			return nil, fmt.Errorf("linux/%s: %w", arch, err)
		}
		bundles = append(bundles, b)
	}
	return bundles, o.writeSums(bundles)
}

// collect gathers what every bundle holds, by its name in the bundle.
func collect(ctx context.Context, o Options) (map[string][]byte, error) {
	files := map[string][]byte{"VERSION": []byte(o.Version + "\n"), "install.sh": installText, "bin/talkbridge-admin": adminText}
	for _, folder := range []string{"configs", "docs"} {
		if err := addFolder(files, o.Source, folder); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"README.md", "README.zh-CN.md"} {
		text, err := os.ReadFile(filepath.Join(o.Source, name)) //nolint:gosec // our own tree
		if err != nil {
			return nil, fmt.Errorf("collect: %w", err)
		}
		files[name] = text
	}
	if _, ok := files[unitPath]; !ok {
		return nil, fmt.Errorf("collect: there is no %s, which the installer wants", unitPath)
	}
	modules, err := modulesOf(ctx, o.Source, o.Archs)
	if err != nil {
		return nil, err
	}
	kinds, err := addLicences(files, modules)
	if err != nil {
		return nil, err
	}
	if o.SBOM == "" {
		files["sbom.cdx.json"], err = billOf(o, modules, kinds)
		return files, err
	}
	if files["sbom.cdx.json"], err = os.ReadFile(o.SBOM); err != nil {
		return nil, fmt.Errorf("collect: %w", err)
	}
	return files, nil
}

// unitPath is where the systemd unit is in a bundle.
const unitPath = "configs/systemd/talkbridge.service"

func addFolder(files map[string][]byte, root, folder string) error {
	err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) == ".go" {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(name)], err = os.ReadFile(path) //nolint:gosec // our own tree
		return err
	})
	if err != nil {
		return fmt.Errorf("collect %s: %w", folder, err)
	}
	return nil
}

// bundle builds the programs for one architecture and packs them with what is common.
func (o Options) bundle(ctx context.Context, arch string, common map[string][]byte) (b Bundle, err error) {
	dir, err := os.MkdirTemp("", "talkbridge-release-")
	if err != nil {
		return b, fmt.Errorf("make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	files := map[string][]byte{}
	maps.Copy(files, common)
	for _, program := range []string{"talkbridge", "platformsim"} {
		path := filepath.Join(dir, program)
		if err := o.build(ctx, arch, program, path); err != nil {
			return b, err
		}
		if files["bin/"+program], err = os.ReadFile(path); err != nil { //nolint:gosec // we have just built it
			return b, fmt.Errorf("read what was built: %w", err)
		}
	}
	b = Bundle{Name: "talkbridge-" + o.Version + "-linux-" + arch + ".tar.gz", Arch: arch}
	b.Files = listOf(files)
	files["SHA256SUMS"], files["SM3SUMS"] = sumFiles(b.Files)
	packed, err := pack(strings.TrimSuffix(b.Name, ".tar.gz"), files, o)
	if err != nil {
		return b, err
	}
	b.Sums = fileOf(b.Name, packed)
	if err := os.WriteFile(filepath.Join(o.Out, b.Name), packed, 0o644); err != nil { //nolint:gosec // it is handed over
		return b, fmt.Errorf("write the bundle: %w", err)
	}
	return b, nil
}

// build builds one program, static and without anything of this machine in it.
func (o Options) build(ctx context.Context, arch, program, path string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", //nolint:gosec // the compiler, on our own code
		"-ldflags", "-s -w -buildid= -X main.version="+o.Version, "-o", path, "./cmd/"+program)
	cmd.Dir = o.Source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=-mod=readonly", "GOEXPERIMENT=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w: %s", program, err, out)
	}
	return nil
}

// writeSums writes the sums of the bundles beside them, and the list of what is handed over.
func (o Options) writeSums(bundles []Bundle) error {
	var files []File
	for _, b := range bundles {
		files = append(files, b.Sums)
	}
	sha, sm := sumFiles(files)
	for name, text := range map[string][]byte{"SHA256SUMS": sha, "SM3SUMS": sm, "交付清单.md": manifest(o, bundles)} {
		if err := os.WriteFile(filepath.Join(o.Out, name), text, 0o644); err != nil { //nolint:gosec // it is handed over
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}
