package setup

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A Draft is a configuration in the making.
type Draft struct {
	Addr, User, TLS string
	PasswordEnv     string // the variable that will hold the account's password
	Namespace       string
	StateURL        string // empty: a file beside the configuration
	BaseURL         string
	Listen          string
	School          string // its code; empty: not known
	Chosen          []Choice
}

// A Choice is a table for a contract.
type Choice struct {
	Contract Contract
	Table    *Table
}

// A Result is the text of a configuration and how much of it is left to decide.
type Result struct {
	YAML     string
	Decide   int // places marked DECIDE
	Fields   int // proposed with a source
	Unsure   int // of these: to be looked at
	Missing  int // required, and nothing found
	Proposal []*Proposal
}

// Write proposes a mapping for every choice and writes the configuration. db is read for the school's table of codes only.
func (d Draft) Write(ctx context.Context, db *sql.DB, tables []*Table) (*Result, error) {
	dict, err := readDictionary(ctx, db, tables)
	if err != nil {
		return nil, err
	}
	r := &Result{}
	known := map[string]string{}
	for _, c := range d.Chosen {
		r.Proposal = append(r.Proposal, propose(tables, dict, c.Contract, c.Table, d.School, known))
	}
	var b bytes.Buffer
	d.head(&b)
	b.WriteString("\nroutes:\n")
	for _, p := range r.Proposal {
		p.write(&b)
	}
	writeDicts(&b, r.Proposal)
	r.YAML = b.String()
	r.Decide = strings.Count(r.YAML, decideMark)
	for _, p := range r.Proposal {
		r.count(p.Fields)
	}
	return r, nil
}

func (r *Result) count(fields []FieldProposal) {
	for _, f := range fields {
		r.count(f.Fields)
		switch {
		case strings.HasPrefix(f.Value, `{expr: "nil"}`):
			r.Missing++
		case f.Value != "" || f.Each != "":
			r.Fields++
			if f.Decide != "" {
				r.Unsure++
			}
		}
	}
}

// decideMark begins every comment that asks for a decision, so that a person can search for it.
const decideMark = "DECIDE: "

func (d Draft) head(b *bytes.Buffer) {
	tls, state, base := d.TLS, d.StateURL, d.BaseURL
	if tls == "" {
		tls = "preferred"
	}
	if state == "" {
		state = "file:talkbridge.db"
	}
	baseNote := ""
	if base == "" {
		base, baseNote = "https://platform.example/api", "   # "+decideMark+"the platform's address, as its people gave it to you"
	}
	fmt.Fprintf(b, `# Proposed by talkbridge init config from the names, comments, types and keys of the tables: read every line before you use it.
# What is marked %[1]s needs you. Every other guess says why it was made. configs/talkbridge.yaml explains all keys.
# Next: talkbridge init sql, talkbridge check, talkbridge map --route R --all; nothing is sent before talkbridge run.

source:
  addr: %[2]s
  user: %[3]s
  password: ${env:%[4]s}
  tls: %[5]s                  # off | preferred | required | verify
  timezone: Asia/Shanghai        # what DATETIME columns mean
  start: reconcile               # the first start sends every row that is flagged already; latest: only what comes from now on

state:
  url: %[6]s       # one machine; several share a redis:// or rediss:// URL
  namespace: %[7]s
  key: ${env:TALKBRIDGE_STATE_KEY}   # yours to make, once: head -c 16 /dev/urandom | base64

platform:
  base_url: %[8]s%[9]s
  client_id: ${env:TALKBRIDGE_CLIENT_ID}
  client_secret: ${env:TALKBRIDGE_CLIENT_SECRET}
  # token: {path: /oauth2/token}  how the platform gives out tokens; talkbridge check --try-dialects finds what works
`, strings.TrimSuffix(decideMark, ": "), yamlText(d.Addr), yamlText(d.User), d.PasswordEnv, tls, yamlText(state), d.Namespace, yamlText(base), baseNote)
	if d.Listen != "" {
		fmt.Fprintf(b, "\nadmin:\n  listen: %s\n", yamlText(d.Listen))
	}
}

func (p *Proposal) write(b *bytes.Buffer) {
	fmt.Fprintf(b, "\n  - name: %s%s\n", p.Contract.Name, comment(p.Contract.Title, 0))
	fmt.Fprintf(b, "    table: %s%s\n", p.Table, comment(p.Table.Comment, 0))
	p.writeSubmit(b)
	p.writeWhere(b)
	fmt.Fprintf(b, "    endpoint: /talk-record/%s%s\n    contract: %s\n", p.Contract.Name, comment("below base_url; see the platform's document", 0), yamlText(p.Contract.Path))
	if len(p.Lookups) > 0 {
		b.WriteString("    lookups:\n")
	}
	for _, l := range p.Lookups {
		writeNote(b, "      ", l.Note)
		label := ""
		if l.Label != "" {
			label = "label: " + l.Label + ", "
		}
		if l.Many {
			label += "many: true, "
		}
		fmt.Fprintf(b, "      %s: {%squery: %s}\n", l.Name, label, yamlText(l.Query()))
	}
	b.WriteString("    fields:\n")
	writeFields(b, "      ", p.Fields)
	if len(p.Marks) > 0 {
		b.WriteString("    # The source is written only if you ask for it. To mark rows with what became of them, take the # away here:\n")
		for _, line := range p.Marks {
			b.WriteString("    # " + line + "\n")
		}
	}
}

func (p *Proposal) writeSubmit(b *bytes.Buffer) {
	writeNote(b, "    ", p.Submit.Note)
	mode := "changes: true"
	if p.Submit.Mode != "changes" {
		quoted := make([]string, len(p.Submit.Values))
		for i, v := range p.Submit.Values {
			quoted[i] = fmt.Sprintf("%q", v)
		}
		mode = p.Submit.Mode + ": [" + strings.Join(quoted, ", ") + "]"
	}
	fmt.Fprintf(b, "    submit: {column: %s, %s}\n", p.Submit.Column, mode)
}

func (p *Proposal) writeWhere(b *bytes.Buffer) {
	var terms, why []string
	for _, t := range p.Where {
		if t.Text != "" {
			terms = append(terms, t.Text)
			why = append(why, t.Why)
			continue
		}
		writeNote(b, "    ", t.Note)
	}
	if p.Where == nil || len(terms) == 0 {
		return
	}
	fmt.Fprintf(b, "    where: %s%s\n", yamlText(strings.Join(terms, " && ")), comment(strings.Join(why, "; "), 0))
}

func writeNote(b *bytes.Buffer, indent string, n Note) {
	if n.Why != "" {
		fmt.Fprintf(b, "%s# %s\n", indent, oneLine(n.Why))
	}
	if n.Decide != "" {
		fmt.Fprintf(b, "%s# %s%s\n", indent, decideMark, oneLine(n.Decide))
	}
}

func writeFields(b *bytes.Buffer, indent string, fields []FieldProposal) {
	width := 0
	for _, f := range fields {
		if w := len(f.Name) + len(f.Value); f.Value != "" && w < 70 {
			width = max(width, w)
		}
	}
	for _, f := range fields {
		note := oneLine(f.Why)
		if f.Decide != "" {
			note = strings.TrimSuffix(decideMark+oneLine(f.Decide)+" ("+note+")", " ()")
		}
		switch {
		case f.Each != "":
			fmt.Fprintf(b, "%s%s:%s\n%s  each: %s\n%s  fields:\n", indent, f.Name, comment(note, 1), indent, f.Each, indent)
			writeFields(b, indent+"    ", f.Fields)
		case f.Value == "":
			fmt.Fprintf(b, "%s# %s:%s\n", indent, f.Name, strings.Replace(comment(note, 1), "#", "", 1))
		default:
			fmt.Fprintf(b, "%s%s: %s%s\n", indent, f.Name, f.Value, comment(note, max(1, width-len(f.Name)-len(f.Value)+1)))
		}
	}
}

// comment is a comment at the end of a line, after at least three blanks.
func comment(text string, pad int) string {
	if text = oneLine(text); text == "" {
		return ""
	}
	return strings.Repeat(" ", pad+2) + "# " + text
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func writeDicts(b *bytes.Buffer, proposals []*Proposal) {
	var done []string
	for _, p := range proposals {
		for _, t := range p.dicts {
			if slices.Contains(done, t.name) {
				continue
			}
			if len(done) == 0 {
				b.WriteString("\ndicts:                           # a code that is in no dict is a refusal, never a silent default\n")
			}
			done = append(done, t.name)
			t.write(b)
		}
	}
}

func (t *translation) write(b *bytes.Buffer) {
	fmt.Fprintf(b, "  # %s\n", oneLine(t.why))
	if t.query != "" {
		fmt.Fprintf(b, "  %s: {query: %s}\n", t.name, yamlText(t.query))
		return
	}
	fmt.Fprintf(b, "  %s:\n", t.name)
	settled := false
	for _, e := range t.entries {
		if e.open {
			fmt.Fprintf(b, "    # %s: \"\"   # %swhich of the platform's codes is “%s”? as it is, records with it are refused\n", yamlText(e.from), decideMark, e.note)
			continue
		}
		settled = true
		fmt.Fprintf(b, "    %s: %q   # %s\n", yamlText(e.from), e.to, e.note)
	}
	if !settled {
		fmt.Fprintf(b, "    %s: \"\"   # %stranslate the school's codes; until then every record is refused\n", `"?"`, decideMark)
	}
}

var plainYAML = regexp.MustCompile(`^(?:[A-Za-z_/][A-Za-z0-9_./-]*|[A-Za-z]+:[A-Za-z0-9_./-]+|[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+:[0-9]+|https?://[A-Za-z0-9_./:-]+)$`)

// yamlText writes a text so that YAML reads the same text back.
func yamlText(text string) string {
	if plainYAML.MatchString(text) && !slices.Contains([]string{"null", "true", "false", "yes", "no", "on", "off", "y", "n"}, strings.ToLower(text)) {
		return text
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text) // a text always can be
	return strings.TrimSuffix(b.String(), "\n")
}
