package control

import (
	"bufio"
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// An answer is lines: the proof, a space, and JSON. The last one says so; what comes before tells that the bridge is still at it, and how
// far. A line's proof covers its number, so none can be left out, and an answer without a last line is none.

// A line is one line of an answer.
type line struct {
	Progress *Progress       `json:"progress,omitempty"`
	Answer   json.RawMessage `json:"answer,omitempty"`
	Error    string          `json:"error,omitempty"`
	Code     string          `json:"code,omitempty"` // see codes
	Last     bool            `json:"last,omitempty"`
}

const (
	// alive is how often a bridge that is at work says so, and silent after how long without a word it is given up.
	alive  = 5 * time.Second
	silent = 30 * time.Second
	// often is how often progress is told at most.
	often = 200 * time.Millisecond
	// longestLine bounds an answer, in bytes: some 500,000 records.
	longestLine = 64 << 20
)

// A lineWriter writes an answer. It may be used by several goroutines.
type lineWriter struct {
	out    io.Writer
	flush  func() error
	signer *Signer
	nonce  string

	mu   sync.Mutex // guards what follows, and out
	n    int
	told time.Time // when something was last written
	err  error     // of the first write that was refused: nobody listens any more
}

// progress tells how far the operation is, if that was not told just now.
func (w *lineWriter) progress(p Progress) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Since(w.told) < often {
		return w.err
	}
	return w.put(line{Progress: &p})
}

// stillAlive says something where nothing was said for a while.
func (w *lineWriter) stillAlive() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Since(w.told) < alive {
		return w.err
	}
	return w.put(line{})
}

// last ends the answer.
func (w *lineWriter) last(answer json.RawMessage, failure error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := line{Answer: answer, Last: true}
	if failure != nil {
		l.Error, l.Code = failure.Error(), codeOf(failure)
	}
	return w.put(l)
}

// put writes a line. The lock is held.
func (w *lineWriter) put(l line) error {
	if w.err != nil {
		return w.err
	}
	text, err := json.Marshal(l)
	if err == nil {
		_, err = fmt.Fprintf(w.out, "%s %s\n", w.signer.lineProof(w.nonce, w.n, text), text)
	}
	if err == nil {
		err = w.flush()
	}
	w.n, w.told, w.err = w.n+1, time.Now(), err
	return err
}

// errNotOurs says that what answers has not the key.
var errNotOurs = errors.New("what answers is not the bridge of this configuration")

// readLines reads an answer to its end. heard is called at each line, before it is waited for the next.
func (s *Signer) readLines(in io.Reader, nonce string, heard func(), tell func(Progress)) (json.RawMessage, error) {
	r := bufio.NewReader(in)
	for n := 0; ; n++ {
		text, err := readLine(r)
		if err != nil {
			return nil, fmt.Errorf("the running bridge's answer broke off: %w", err)
		}
		heard()
		proof, body, _ := strings.Cut(text, " ")
		if !hmac.Equal([]byte(proof), []byte(s.lineProof(nonce, n, []byte(body)))) {
			return nil, errNotOurs
		}
		var l line
		if err := json.Unmarshal([]byte(body), &l); err != nil {
			return nil, fmt.Errorf("read the running bridge's answer: %w", err)
		}
		switch {
		case l.Last && l.Error != "":
			return l.Answer, &toldError{l.Error, codes()[l.Code]}
		case l.Last:
			return l.Answer, nil
		case l.Progress != nil:
			tell(*l.Progress)
		}
	}
}

// readLine reads up to the end of a line, which it leaves out.
func readLine(r *bufio.Reader) (string, error) {
	var text strings.Builder
	for {
		part, err := r.ReadSlice('\n')
		text.Write(part)
		switch {
		case err == nil:
			return strings.TrimSuffix(text.String(), "\n"), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return "", err
		case text.Len() > longestLine:
			return "", fmt.Errorf("a line of more than %d bytes", longestLine)
		}
	}
}

// steady gives each write of a long answer as much time as the listener gives a whole one.
type steady struct {
	w       io.Writer
	control *http.ResponseController
}

func (s steady) Write(p []byte) (int, error) {
	if err := s.control.SetWriteDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return 0, err
	}
	return s.w.Write(p)
}
