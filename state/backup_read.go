package state

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// A backupReader reads one file and believes nothing in it that is not authenticated.
type backupReader struct {
	in      *bufio.Reader
	header  backupHeader
	keys    *backupKeys
	number  uint64
	set     multiset
	records int
	counted map[string]int
	bytes   int64
}

// newBackupReader reads the header.
func newBackupReader(in io.Reader, key []byte) (*backupReader, error) {
	r := &backupReader{in: bufio.NewReaderSize(in, chunkTarget), counted: map[string]int{}}
	magic := make([]byte, len(backupMagic))
	if _, err := io.ReadFull(r.in, magic); err != nil && !isEnd(err) {
		return nil, fmt.Errorf("read the backup: %w", err)
	}
	if string(magic) != backupMagic {
		return nil, fmt.Errorf("%w, or one of another version: it does not begin with %q", ErrNotBackup, backupMagic[:len(backupMagic)-1])
	}
	line, err := r.in.ReadSlice('\n')
	switch {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%w within its header", ErrTruncated)
	case err != nil || len(line) > headerLimit:
		return nil, fmt.Errorf("%w: its header is too long", ErrAltered)
	}
	line = bytes.Clone(line)
	head := line[:len(line)-1]
	if json.Unmarshal(head, &r.header) != nil {
		return nil, fmt.Errorf("%w: its header cannot be read", ErrAltered)
	}
	if keyPrintOf(key, r.header.Salt) != r.header.KeyPrint {
		return nil, fmt.Errorf("%w: the backup of namespace %q was written with another one, or its header was altered. Put the key "+
			"that the bridge had then into state.key", ErrWrongKey, r.header.Namespace)
	}
	if r.keys, err = newBackupKeys(key, head, r.header.Salt); err != nil {
		return nil, err
	}
	r.set.key = r.keys.digest
	r.keys.mac.Write([]byte(backupMagic))
	r.keys.mac.Write(line)
	r.bytes = int64(len(backupMagic) + len(line))
	return r, nil
}

func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// next gives the next chunk's kind and text. mac is the file's so far, given with the trailer only.
func (r *backupReader) next() (kind byte, text, mac []byte, err error) {
	size := make([]byte, 4)
	if _, err := io.ReadFull(r.in, size); err != nil {
		return 0, nil, nil, r.broken(err)
	}
	n := binary.BigEndian.Uint32(size)
	if n <= uint32(r.keys.aead.Overhead()) || n > chunkLimit {
		return 0, nil, nil, r.altered()
	}
	var sealed bytes.Buffer // grows by what is there, not by what a damaged length promises
	if _, err := io.CopyN(&sealed, r.in, int64(n)); err != nil {
		return 0, nil, nil, r.broken(err)
	}
	mac = r.keys.mac.Sum(nil)
	r.keys.mac.Write(size)
	r.keys.mac.Write(sealed.Bytes())
	r.bytes += int64(len(size) + sealed.Len())
	plain, err := r.keys.aead.Open(nil, chunkNonce(r.number, false), sealed.Bytes(), nil)
	if err == nil && plain[0] != chunkTrailer {
		r.number++
		return plain[0], plain[1:], nil, nil
	}
	plain, err = r.keys.aead.Open(nil, chunkNonce(r.number, true), sealed.Bytes(), nil)
	if err != nil || plain[0] != chunkTrailer {
		return 0, nil, nil, r.altered()
	}
	return chunkTrailer, plain[1:], mac, nil
}

func (r *backupReader) broken(err error) error {
	if isEnd(err) {
		return fmt.Errorf("%w after %d records: writing it did not come to its end, or a copy of it did not. Take another backup",
			ErrTruncated, r.records)
	}
	return fmt.Errorf("read the backup: %w", err)
}

func (r *backupReader) altered() error {
	return fmt.Errorf("%w: after %d records comes what was not written so. Take another copy of it", ErrAltered, r.records)
}

// all reads the file to its end. position is called first, then record for each record; what they saw counts only if all gives
// no error, for the figures are known at the end.
func (r *backupReader) all(position func(checkpoint []byte) error, record func(id string, packed []byte) error) error {
	kind, text, _, err := r.next()
	if err != nil {
		return err
	}
	if kind != chunkPosition {
		return r.altered()
	}
	if err := position(text); err != nil {
		return err
	}
	for {
		kind, text, mac, err := r.next()
		switch {
		case err != nil:
			return err
		case kind == chunkTrailer:
			return r.end(text, mac)
		case kind != chunkRecords:
			return r.altered()
		}
		if err := r.chunk(text, record); err != nil {
			return err
		}
	}
}

func (r *backupReader) chunk(text []byte, record func(id string, packed []byte) error) error {
	for len(text) > 0 {
		name, rest, err := cutText(text)
		if err != nil {
			return r.altered()
		}
		packed, rest, err := cutText(rest)
		if err != nil {
			return r.altered()
		}
		text = rest
		id := string(name)
		kept, err := decodeRec(packed)
		if err != nil {
			return r.altered()
		}
		r.set.add(id, packed)
		r.records++
		r.counted[string(kept.statusAt(kept.until))]++
		if err := record(id, packed); err != nil {
			return err
		}
	}
	return nil
}

// end compares what was read with what the trailer says.
func (r *backupReader) end(text, mac []byte) error {
	var t backupTrailer
	if json.Unmarshal(text, &t) != nil || !hmac.Equal(t.MAC, mac) || t.Records != r.records || t.Digest != r.set.String() {
		return r.altered()
	}
	if _, err := r.in.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows its end", ErrAltered)
	}
	return nil
}
