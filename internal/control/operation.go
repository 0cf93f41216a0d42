package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Request asks for one operation.
type Request struct {
	Name string // as in Operations
	By   string // who asks, for the audit trail: the account on the machine, or the console's user
	Args json.RawMessage
}

// Progress is how far an operation is.
type Progress struct {
	What  string `json:"what"` // what is being done, in a few words; may be empty
	Done  int    `json:"done"`
	Total int    `json:"total"` // 0: not known
}

// An Operation does what is asked for. It may call tell, from any goroutine, as often as it likes; tell is never nil. An answer beside
// an error reaches the asker too: what was done before it failed.
type Operation func(ctx context.Context, r Request, tell func(Progress)) (answer any, err error)

// Operations are what can be asked for, by name.
type Operations map[string]Operation

// An Asker has operations done: Operations in this process, a Client in a running bridge.
type Asker interface {
	Ask(ctx context.Context, r Request, tell func(Progress)) (answer json.RawMessage, err error)
}

// Do makes an Operation of a function with arguments and an answer of its own types. Arguments that it does not know are refused, so
// that a bridge of an older version never does half of what it is asked for.
func Do[A, R any](f func(ctx context.Context, by string, args A, tell func(Progress)) (R, error)) Operation {
	return func(ctx context.Context, r Request, tell func(Progress)) (any, error) {
		var args A
		if len(r.Args) > 0 {
			dec := json.NewDecoder(bytes.NewReader(r.Args))
			dec.DisallowUnknownFields()
			if err := dec.Decode(&args); err != nil {
				return nil, fmt.Errorf("what %s is asked to do cannot be read: %w", r.Name, err)
			}
		}
		return f(ctx, r.By, args, tell)
	}
}

// Ask has an operation done and reads its answer. tell may be nil.
func Ask[R any](ctx context.Context, asker Asker, name, by string, args any, tell func(Progress)) (answer R, err error) {
	text, err := json.Marshal(args)
	if err != nil {
		return answer, fmt.Errorf("ask for %s: %w", name, err)
	}
	if tell == nil {
		tell = func(Progress) {}
	}
	reply, err := asker.Ask(ctx, Request{Name: name, By: by, Args: text}, tell)
	if len(reply) > 0 {
		if bad := json.Unmarshal(reply, &answer); bad != nil {
			return answer, errors.Join(err, fmt.Errorf("read the answer to %s: %w", name, bad))
		}
	}
	return answer, err
}

// Ask implements Asker.
func (o Operations) Ask(ctx context.Context, r Request, tell func(Progress)) (json.RawMessage, error) {
	do, ok := o[r.Name]
	if !ok {
		return nil, fmt.Errorf("%w: %s; it can do %s", ErrUnknown, r.Name, strings.Join(slices.Sorted(maps.Keys(o)), ", "))
	}
	answer, err := do(ctx, r, tell)
	if answer == nil {
		return nil, err
	}
	text, bad := json.Marshal(answer)
	if bad != nil {
		return nil, errors.Join(err, fmt.Errorf("write the answer to %s: %w", r.Name, bad))
	}
	return text, err
}
