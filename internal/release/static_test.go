package release

import (
	"debug/elf"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// machines are the architectures of the bundles, as an executable names them.
func machines() map[string]elf.Machine {
	return map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "loong64": elf.EM_LOONGARCH}
}

// The programs want nothing of the server that they are put on but its kernel: no loader, no library, whatever distribution it has.
func TestTheProgramIsStaticOnEveryArchitecture(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED, NOT TESTED: builds for three architectures take long")
	}
	require.ElementsMatch(t, Archs(), slices.Collect(maps.Keys(machines())))
	o := Options{Source: "../..", Version: "v1.0.0"}
	for _, arch := range Archs() {
		path := filepath.Join(t.TempDir(), "talkbridge")
		require.NoError(t, o.build(t.Context(), arch, "talkbridge", path))
		requireStatic(t, path, machines()[arch])
	}
}

func requireStatic(t *testing.T, path string, machine elf.Machine) {
	t.Helper()
	f, err := elf.Open(path)
	require.NoError(t, err)
	defer f.Close()
	require.Equal(t, machine, f.Machine)
	for _, p := range f.Progs {
		require.NotEqual(t, elf.PT_INTERP, p.Type, "%s wants a loader", machine)
	}
	needed, err := f.DynString(elf.DT_NEEDED)
	require.NoError(t, err)
	require.Empty(t, needed, "%s wants libraries", machine)
}
