package faults_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/faults"
)

// caught gives what is said of the panic in f.
func caught(f func()) (kind string, frames []string) {
	defer func() { kind, frames = faults.Type(recover()), faults.Frames() }()
	f()
	return "", nil
}

func TestAPanicIsToldByTypeAndPlace(t *testing.T) {
	var none map[string]int
	empty := []int{}
	for want, f := range map[string]func(){
		"*errors.errorString":            func() { panic(errors.New("李明")) },
		"string":                         func() { panic("李明") },
		"assignment to entry in nil map": func() { none["李明"] = 1 },
		"runtime error: index out of range [7] with length 0":   func() { empty[min(7, len(want7))] = 1 },
		"runtime error: index out of range [***] with length 0": func() { empty[13800000000+len(want7)]++ },
	} {
		kind, frames := caught(f)
		require.Equal(t, want, kind)
		require.Contains(t, faults.Where(frames), "faults_test.go:")
		require.NotContains(t, kind, "李明")
	}
	require.Equal(t, "an unknown place", faults.Where([]string{"runtime.goexit asm.s:1"}))
}

const want7 = "1234567"
