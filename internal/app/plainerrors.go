package app

import (
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// plainErrors writes an error as its text and nothing else. Some libraries' errors carry the stack of where they were made, which
// zap would add as errorVerbose: forty lines that tell an operator nothing.
type plainErrors struct{ zapcore.Core }

// With implements zapcore.Core.
func (p plainErrors) With(fields []zapcore.Field) zapcore.Core {
	return plainErrors{p.Core.With(plain(fields))}
}

// Check implements zapcore.Core.
func (p plainErrors) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if p.Enabled(e.Level) {
		return checked.AddCore(e, p)
	}
	return checked
}

// Write implements zapcore.Core.
func (p plainErrors) Write(e zapcore.Entry, fields []zapcore.Field) error {
	return p.Core.Write(e, plain(fields)) //nolint:wrapcheck // it is the core's own
}

func plain(fields []zapcore.Field) []zapcore.Field {
	out := make([]zapcore.Field, len(fields))
	for i, f := range fields {
		out[i] = f
		if err, ok := f.Interface.(error); ok && f.Type == zapcore.ErrorType {
			out[i] = zap.String(f.Key, err.Error())
		}
	}
	return out
}
