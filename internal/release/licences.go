package release

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A module is one whose code is in the programs.
type module struct{ Path, Version, Dir string }

// addLicences puts the licence of every module whose code is in a bundle into it, and a table of them. A module without a licence file
// is an error: nobody may hand its code over.
func addLicences(files map[string][]byte, modules map[string]module) (kindsOf map[string][]string, err error) {
	kindsOf = map[string][]string{}
	var table bytes.Buffer
	table.WriteString("# 第三方软件许可证\n\n程序中含有下列模块的代码。许可证全文在各自的文件夹中。\n\n| 模块 | 版本 | 许可证 |\n|---|---|---|\n")
	for _, path := range slices.Sorted(maps.Keys(modules)) {
		m := modules[path]
		texts, err := licenceFiles(m.Dir)
		if err != nil {
			return nil, fmt.Errorf("licences of %s: %w", m.Path, err)
		}
		kinds := map[string]bool{}
		for name, text := range texts {
			files["licenses/"+m.Path+"@"+m.Version+"/"+name] = text
			if kind := licenceKind(text); kind != "" {
				kinds[kind] = true
			}
		}
		named := slices.Sorted(maps.Keys(kinds))
		kindsOf[path] = named
		if len(named) == 0 {
			named = []string{"见全文"}
		}
		fmt.Fprintf(&table, "| %s | %s | %s |\n", m.Path, m.Version, strings.Join(named, "、"))
	}
	files["licenses/README.md"] = table.Bytes()
	return kindsOf, nil
}

// modulesOf asks the compiler which modules' packages are in the programs, for every architecture.
func modulesOf(ctx context.Context, source string, archs []string) (map[string]module, error) {
	modules := map[string]module{}
	for _, arch := range archs {
		cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-json=Module", "./cmd/talkbridge", "./cmd/platformsim")
		cmd.Dir, cmd.Env = source, append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("list the modules: %w", err)
		}
		for dec := json.NewDecoder(bytes.NewReader(out)); ; {
			var p struct {
				Module *struct {
					module

					Main bool
				}
			}
			if err := dec.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, fmt.Errorf("list the modules: %w", err)
			}
			if p.Module != nil && !p.Module.Main {
				modules[p.Module.Path] = p.Module.module
			}
		}
	}
	goroot, err := exec.CommandContext(ctx, "go", "env", "GOROOT", "GOVERSION").Output()
	if err != nil {
		return nil, fmt.Errorf("find Go: %w", err)
	}
	lines := strings.Fields(string(goroot))
	if len(lines) == 2 { // the standard library is in the programs too
		modules["std"] = module{Path: "std", Version: lines[1], Dir: lines[0]}
	}
	return modules, nil
}

var licenceName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([.-].*)?$`)

func licenceFiles(dir string) (map[string][]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller names the module
	}
	texts := map[string][]byte{}
	for _, e := range entries {
		if e.IsDir() || !licenceName.MatchString(e.Name()) {
			continue
		}
		if texts[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil { //nolint:gosec // a module's own folder
			return nil, err //nolint:wrapcheck // likewise
		}
	}
	if len(texts) == 0 {
		return nil, errors.New("there is no licence file in " + dir)
	}
	return texts, nil
}

// licenceKind names a licence by words that only its text has.
func licenceKind(text []byte) string {
	t := strings.Join(strings.Fields(string(text)), " ")
	for _, k := range [][2]string{
		{"Apache License Version 2.0", "Apache-2.0"},
		{"Mozilla Public License Version 2.0", "MPL-2.0"},
		{"Mozilla Public License, version 2.0", "MPL-2.0"},
		{"GNU AFFERO GENERAL PUBLIC LICENSE", "AGPL"},
		{"GNU LESSER GENERAL PUBLIC LICENSE", "LGPL"},
		{"GNU GENERAL PUBLIC LICENSE", "GPL"},
		{"Permission is hereby granted, free of charge", "MIT"},
		{"Neither the name", "BSD-3-Clause"},
		{"names of its contributors may", "BSD-3-Clause"},
		{"Redistribution and use in source and binary forms", "BSD-2-Clause"},
		{"Permission to use, copy, modify, and/or distribute", "ISC"},
	} {
		if strings.Contains(t, k[0]) {
			return k[1]
		}
	}
	return ""
}
