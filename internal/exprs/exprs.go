// Package exprs compiles the expressions of a configuration (a route's where, a field's expr, a rule's assert) and runs them over
// the values of a row. The language is expr-lang; it can neither loop for ever nor reach outside what it is given.
package exprs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"talkbridge/internal/bridge"
)

// A Program is a compiled expression. It is safe for concurrent use.
type Program struct {
	source  string
	program *vm.Program
	names   []string
	members map[string][]string
}

// Compile compiles an expression that gives any value.
func Compile(source string) (*Program, error) { return compile(source) }

// CompileCondition compiles an expression that has to give true or false.
func CompileCondition(source string) (*Program, error) { return compile(source, expr.AsBool()) }

// maxSource bounds an expression, in bytes. The parser calls itself for each depth, and no stack holds those of a megabyte: the program
// would end there, without a word that an operator understands.
const maxSource = 10_000

func compile(source string, options ...expr.Option) (*Program, error) {
	if len(source) > maxSource {
		return nil, fmt.Errorf("the expression %.40q… is longer than %d bytes: keep what it lists in a dictionary, or in a table that a look-up reads",
			source, maxSource)
	}
	tree, err := parser.Parse(source)
	if err != nil {
		return nil, fmt.Errorf("expression %q: %w", source, err)
	}
	names := &nameCollector{declared: map[string]bool{}, members: map[string][]string{}}
	ast.Walk(&tree.Node, names)
	options = append(options, expr.DisableBuiltin("now")) // now is a value here, not a clock
	free := names.free()
	for _, name := range free {
		if _, shadows := builtin.Index[name]; shadows && name != "now" {
			options = append(options, expr.DisableBuiltin(name)) // a column called type or duration: the name is read, not called
		}
	}
	program, err := expr.Compile(source, options...)
	if err != nil {
		return nil, fmt.Errorf("expression %q: %w", source, err)
	}
	return &Program{source: source, program: program, names: free, members: names.members}, nil
}

// String is the expression as it was written.
func (p *Program) String() string { return p.source }

// Names lists the variables that the expression reads, sorted, each once.
func (p *Program) Names() []string { return p.names }

// Members lists the members that the expression takes of a variable, as in name.member, in the order of the text.
func (p *Program) Members(name string) []string { return p.members[name] }

// Eval runs the expression over env.
func (p *Program) Eval(env map[string]any) (any, error) {
	value, err := expr.Run(p.program, env)
	if err != nil {
		return nil, fmt.Errorf("expression %q: %w", p.source, err)
	}
	return value, nil
}

// Holds runs a condition over env.
func (p *Program) Holds(env map[string]any) (bool, error) {
	value, err := p.Eval(env)
	if err != nil {
		return false, err
	}
	holds, ok := value.(bool)
	if !ok {
		return false, fmt.Errorf("expression %q gives %T, not true or false", p.source, value)
	}
	return holds, nil
}

type nameCollector struct {
	names    []string
	declared map[string]bool
	members  map[string][]string
}

// Visit implements ast.Visitor.
func (c *nameCollector) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		c.names = append(c.names, n.Value)
	case *ast.MemberNode:
		variable, ok := n.Node.(*ast.IdentifierNode)
		member, named := n.Property.(*ast.StringNode)
		if ok && named && !slices.Contains(c.members[variable.Value], member.Value) {
			c.members[variable.Value] = append(c.members[variable.Value], member.Value)
		}
	case *ast.VariableDeclaratorNode:
		c.declared[n.Name] = true
	}
}

func (c *nameCollector) free() []string {
	names := slices.DeleteFunc(c.names, func(name string) bool { return c.declared[name] || name == "$env" })
	slices.Sort(names)
	return slices.Compact(names)
}

// Native turns a column's value into what an expression computes with: nil, bool, int, float64, string, []byte, or for JSON
// whatever it holds. Integers that do not fit an int stay text, so that no digit is lost.
func Native(v bridge.Value) any {
	switch v.Kind {
	case bridge.KindNull:
		return nil
	case bridge.KindInt, bridge.KindYear, bridge.KindBits:
		if n, err := strconv.Atoi(v.Text); err == nil {
			return n
		}
		return v.Text
	case bridge.KindDecimal, bridge.KindFloat:
		if f, err := strconv.ParseFloat(v.Text, 64); err == nil {
			return f
		}
		return v.Text
	case bridge.KindBool:
		return v.Text == "1"
	case bridge.KindBinary:
		return []byte(v.Text)
	case bridge.KindJSON:
		var value any
		if json.Unmarshal([]byte(v.Text), &value) == nil {
			return value
		}
		return v.Text
	default:
		return v.Text
	}
}

// Env makes the variables of an expression from a row.
func Env(columns map[string]bridge.Value) map[string]any {
	env := make(map[string]any, len(columns))
	for name, v := range columns {
		env[name] = Native(v)
	}
	return env
}
