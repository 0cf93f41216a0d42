package canal

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"talkbridge/internal/bridge"

	"github.com/emmansun/gmsm/sm4"
)

// A pile holds the changes of one transaction until it is known how it ends: the last ones in memory, the others in a file. A
// transaction may be larger than memory, and none of it may go out before its end: a server that dies while it writes leaves one without
// an end in its log, and a savepoint may take back what came before.
//
// Invariant 8: what goes to the file is sealed under a key that is only in this process' memory, and the file has no name: it is gone
// with the process, however that ends.
type pile struct {
	tail []bridge.Change
	size int // about, in bytes, of tail

	file   *os.File
	seal   cipher.AEAD
	end    int64
	chunks []chunk
	filed  int // changes in the file
}

// A chunk is a part of a pile in its file.
type chunk struct {
	at    int64
	bytes int
	count int
}

// What a pile keeps in memory, and what goes out in one Append: the store takes no more than 20,000 changes or 128 MiB at once.
const (
	pileChanges = 2000
	pileBytes   = 2 << 20
)

func (p *pile) len() int { return p.filed + len(p.tail) }

// add appends a change.
func (p *pile) add(c bridge.Change) error {
	if len(p.tail) >= pileChanges || p.size >= pileBytes {
		if err := p.spill(); err != nil {
			return fmt.Errorf("put a large transaction aside: %w", err)
		}
	}
	p.tail, p.size = append(p.tail, c), p.size+weight(c)
	return nil
}

// weight is about how many bytes a change takes.
func weight(c bridge.Change) int {
	n := 256 + len(c.Key) + len(c.EventID)
	for name, v := range c.Columns {
		n += 64 + len(name) + len(v.Text)
	}
	return n
}

func weightOf(changes []bridge.Change) (n int) {
	for _, c := range changes {
		n += weight(c)
	}
	return n
}

// spill moves what is in memory to the file.
func (p *pile) spill() error {
	if p.file == nil {
		if err := p.open(); err != nil {
			return err
		}
	}
	text, err := json.Marshal(p.tail)
	if err != nil {
		return err
	}
	sealed := p.seal.Seal(nil, nonce(len(p.chunks), p.end), text, nil)
	if _, err := p.file.WriteAt(sealed, p.end); err != nil {
		return err
	}
	p.chunks = append(p.chunks, chunk{p.end, len(sealed), len(p.tail)})
	p.end, p.filed = p.end+int64(len(sealed)), p.filed+len(p.tail)
	p.tail, p.size = nil, 0
	return nil
}

// nonce is made of the chunk's place in the file: the file only grows, so none is used twice under the key.
func nonce(number int, at int64) []byte {
	out := make([]byte, 12)
	binary.BigEndian.PutUint64(out, uint64(at))
	binary.BigEndian.PutUint32(out[8:], uint32(number))
	return out
}

func (p *pile) open() error {
	key := make([]byte, 16)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	block, err := sm4.NewCipher(key)
	if err != nil {
		return err
	}
	if p.seal, err = cipher.NewGCM(block); err != nil {
		return err
	}
	if p.file, err = os.CreateTemp("", "talkbridge-*"); err != nil {
		return err
	}
	return os.Remove(p.file.Name())
}

// load reads a chunk.
func (p *pile) load(i int) ([]bridge.Change, error) {
	c := p.chunks[i]
	sealed := make([]byte, c.bytes)
	if _, err := p.file.ReadAt(sealed, c.at); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	text, err := p.seal.Open(nil, nonce(i, c.at), sealed, nil)
	if err != nil {
		return nil, err
	}
	var changes []bridge.Change
	return changes, json.Unmarshal(text, &changes)
}

// cut drops all but the first n changes.
func (p *pile) cut(n int) error {
	for n < p.filed {
		last := len(p.chunks) - 1
		changes, err := p.load(last)
		if err != nil {
			return fmt.Errorf("take back a part of a large transaction: %w", err)
		}
		p.filed -= p.chunks[last].count
		p.chunks = p.chunks[:last] // its place in the file is not used again
		p.tail = changes
	}
	p.tail = p.tail[:n-p.filed]
	p.size = weightOf(p.tail)
	return nil
}

// each gives the parts in the file, one after the other.
func (p *pile) each(visit func([]bridge.Change) error) error {
	for i := range p.chunks {
		changes, err := p.load(i)
		if err != nil {
			return fmt.Errorf("read back a large transaction: %w", err)
		}
		if err := visit(changes); err != nil {
			return err
		}
	}
	return nil
}

// drop forgets everything.
func (p *pile) drop() {
	if p.file != nil {
		_ = p.file.Close()
	}
	*p = pile{}
}
