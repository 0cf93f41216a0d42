package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A world is what a configuration can refer to outside of itself.
type world struct {
	lookupEnv func(name string) (string, bool)
	readFile  func(path string) ([]byte, error)
	run       func(ctx context.Context, dir, command string) ([]byte, error)
}

// commandLimit bounds how long a command of ${exec:…} may take.
const commandLimit = 10 * time.Second

// machine is the world of this process.
func machine() world {
	return world{lookupEnv: os.LookupEnv, readFile: readBounded, run: runCommand}
}

// runCommand gives what the command prints to its standard output. Its standard error may repeat a secret and goes nowhere.
func runCommand(ctx context.Context, dir, command string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "sh", "-c", command) //nolint:gosec // the operator writes the command
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that the children of sh end with it
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second // in case one of them left the group and holds the pipe open
	out := &flood{stop: cmd.Cancel}
	cmd.Stdout = out
	err := cmd.Run()
	switch {
	case out.over:
		return nil, errTooMuch
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	return out.kept.Bytes(), err
}

// A flood keeps what a command prints, up to maxValue; then it ends the command.
type flood struct {
	kept bytes.Buffer // not embedded: its ReadFrom would take everything
	stop func() error
	over bool
}

// Write implements io.Writer.
func (f *flood) Write(p []byte) (int, error) {
	if f.kept.Len()+len(p) > maxValue {
		if !f.over {
			_ = f.stop() // it may be over already
		}
		f.over = true
		return 0, errTooMuch
	}
	return f.kept.Write(p)
}

// A reference is what one ${…} yielded. problem says why there is no value.
type reference struct{ value, problem string }

// expand replaces every ${…} in text, and $${ by ${. used tells whether there was any; what they yielded is secret. A reference
// that has no value is reported through bad, with its own text.
func (w *walk) expand(text string, bad func(ref, problem string)) (expanded string, used bool) {
	var out strings.Builder
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			out.WriteString(text)
			return out.String(), used
		}
		if i > 0 && text[i-1] == '$' {
			out.WriteString(text[:i-1] + "${")
			text = text[i+2:]
			continue
		}
		out.WriteString(text[:i])
		ref := text[i : i+referenceLength(text[i:])]
		resolved := w.resolve(ref)
		if resolved.problem != "" {
			bad(ref, resolved.problem)
		}
		out.WriteString(resolved.value)
		text, used = text[i+len(ref):], true
	}
}

// referenceLength is the length of the ${…} that text begins with. A command may hold braces of its own, in pairs. Without a
// closing brace it is all of text.
func referenceLength(text string) int {
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}

// isReference tells whether text is one ${…} and nothing else.
func isReference(text string) bool {
	return strings.HasPrefix(text, "${") && strings.HasSuffix(text, "}") && referenceLength(text) == len(text)
}

// resolve looks a reference up, once however often it is used.
func (w *walk) resolve(ref string) reference {
	if known, ok := w.references[ref]; ok {
		return known
	}
	resolved := w.lookUp(ref)
	w.references[ref] = resolved
	return resolved
}

func (w *walk) lookUp(ref string) reference {
	if !strings.HasSuffix(ref, "}") {
		return reference{problem: "the reference has no closing brace; a literal ${ is written $${"}
	}
	source, argument, _ := strings.Cut(ref[2:len(ref)-1], ":")
	if argument == "" {
		source = ""
	}
	switch source {
	case "env":
		return w.fromEnvironment(argument)
	case "file":
		return w.fromFile(argument)
	case "exec":
		return w.fromCommand(argument)
	default:
		return reference{problem: "a reference is ${env:NAME}, ${file:PATH} or ${exec:COMMAND}; a literal ${ is written $${"}
	}
}

func (w *walk) fromEnvironment(name string) reference {
	value, set := w.world.lookupEnv(name)
	if !set {
		return reference{problem: fmt.Sprintf(
			"environment variable %s is not set: export it, or put the value in a file and write ${file:PATH}", name)}
	}
	return reference{value: value}
}

func (w *walk) fromFile(path string) reference {
	content, err := w.world.readFile(w.path(path))
	if err != nil {
		return reference{problem: fmt.Sprintf("file %s %s", path, fileFault(err))}
	}
	return reference{value: cutNewline(content)}
}

func (w *walk) fromCommand(command string) reference {
	ctx, cancel := context.WithTimeout(context.Background(), commandLimit)
	defer cancel()
	out, err := w.world.run(ctx, w.dir, command)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return reference{value: cutNewline(out)}
	case errors.Is(err, errTooMuch):
		return reference{problem: fmt.Sprintf("the command prints more than %d bytes, which is no setting", maxValue)}
	case errors.Is(err, context.DeadlineExceeded):
		return reference{problem: fmt.Sprintf("the command did not end within %v: run it by hand to see what it waits for", commandLimit)}
	case errors.As(err, &exit):
		return reference{problem: fmt.Sprintf("the command ended with status %d: run it by hand to see why", exit.ExitCode())}
	default:
		return reference{problem: "the command could not be started: it is run with sh -c"}
	}
}

// path resolves a path of the configuration: a relative one is looked for in the folder that the configuration lies in, wherever
// the program was started.
func (w *walk) path(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(w.dir, path)
}

// fileFault says why a file could not be read, without the path that the reader resolved.
func fileFault(err error) string {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "does not exist; a relative path begins at the configuration's folder"
	case errors.Is(err, os.ErrPermission):
		return "may not be read by this account: correct its owner or mode"
	case errors.Is(err, errNoFile):
		return "is a folder, a pipe or a device: name a file"
	case errors.Is(err, errTooMuch):
		return fmt.Sprintf("is larger than %d bytes: name another one", maxFile)
	default:
		return "cannot be read"
	}
}

func cutNewline(content []byte) string {
	return strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
}
