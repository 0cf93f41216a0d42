package state

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/emmansun/gmsm/sm3"
	"github.com/emmansun/gmsm/sm4"
)

// A backup is one file:
//
//	talkbridge backup 1\n
//	{"namespace":…,"created_at":…,"salt":…,"key_print":…}\n
//	chunk, chunk, … , last chunk
//
// Each chunk is its length (u32, big-endian) and a text sealed with SM4-GCM under a key of this file's own, derived from state.key,
// the salt and the header. Its nonce is the chunk's number and whether it is the last (the STREAM construction, as in age), so a
// chunk that is changed, moved, repeated or missing does not open, and a file that ends before its last chunk is known as such.
// The first chunk is the position, the last one is the trailer: the figures, and a MAC (HMAC-SM3) over every byte before it.
//
// A chunk of records is many of: length, id, length, packed record. The content in a packed record stays sealed as the store had
// it, once more inside the chunk. The token is not in a backup, nor is who leads.
const (
	backupMagic   = "talkbridge backup 1\n"
	purposeBackup = "state backup 1"

	chunkPosition = 'p'
	chunkRecords  = 'r'
	chunkTrailer  = 't'

	chunkTarget = 256 << 10 // a record that is larger has a chunk of its own
	chunkLimit  = MaxBatchBytes + 1<<20
	headerLimit = 4 << 10
)

// backupHeader is in the open, so that a person sees whose backup it is.
type backupHeader struct {
	Namespace string    `json:"namespace"`
	CreatedAt time.Time `json:"created_at"`
	Salt      []byte    `json:"salt"`
	KeyPrint  string    `json:"key_print"` // tells a foreign key from a damaged file
}

// backupTrailer ends a backup.
type backupTrailer struct {
	Records  int            `json:"records"`
	Statuses map[string]int `json:"statuses"`
	Digest   string         `json:"digest"`
	MAC      []byte         `json:"mac"`
}

// backupKeys are the keys of one file.
type backupKeys struct {
	aead   cipher.AEAD
	mac    hash.Hash // over every byte of the file but the last chunk
	digest []byte    // of every backup under this state.key: digests of two files can be compared
}

// keyPrintOf recognises the key that a header was written under.
func keyPrintOf(key, salt []byte) string {
	h := hmac.New(sm3.New, key)
	h.Write([]byte("key print"))
	h.Write(salt)
	return hex.EncodeToString(h.Sum(nil)[:8])
}

func newBackupKeys(key []byte, header []byte, salt []byte) (*backupKeys, error) {
	derive := func(what string, size int) ([]byte, error) {
		k, err := hkdf.Key(sm3.New, key, salt, what+"\x00"+string(header), size)
		if err != nil {
			return nil, fmt.Errorf("derive a key of the backup: %w", err)
		}
		return k, nil
	}
	sealKey, err := derive("seal", 16)
	if err != nil {
		return nil, err
	}
	macKey, err := derive("mac", sm3.Size)
	if err != nil {
		return nil, err
	}
	digestKey, err := hkdf.Key(sm3.New, key, nil, "digest", sm3.Size)
	if err != nil {
		return nil, fmt.Errorf("derive a key of the backup: %w", err)
	}
	block, err := sm4.NewCipher(sealKey)
	if err != nil {
		return nil, fmt.Errorf("set up SM4: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("set up SM4-GCM: %w", err)
	}
	return &backupKeys{aead: aead, mac: hmac.New(sm3.New, macKey), digest: digestKey}, nil
}

// chunkNonce never repeats within a file, and no two files have a key in common.
func chunkNonce(number uint64, last bool) []byte {
	nonce := make([]byte, nonceSize)
	binary.BigEndian.PutUint64(nonce[3:], number)
	if last {
		nonce[nonceSize-1] = 1
	}
	return nonce
}

// A multiset sums up records whatever their order, so that backups of two back ends can be compared.
type multiset struct {
	key []byte
	sum [sm3.Size]byte
}

func (m *multiset) add(id string, packed []byte) {
	h := hmac.New(sm3.New, m.key)
	h.Write(binary.AppendUvarint(nil, uint64(len(id))))
	h.Write([]byte(id))
	h.Write(packed)
	for i, b := range h.Sum(nil) { // no id comes twice, so nothing cancels out
		m.sum[i] ^= b
	}
}

func (m *multiset) String() string { return hex.EncodeToString(m.sum[:]) }

// keyPrint tells ids apart in a set.
func keyPrint(id string) [16]byte {
	sum := sm3.Sum([]byte(id))
	return [16]byte(sum[:16])
}

// A backupWriter writes one file.
type backupWriter struct {
	out     io.Writer
	keys    *backupKeys
	number  uint64 // of the next chunk
	buffer  []byte // the chunk of records that grows
	set     multiset
	trailer backupTrailer
	bytes   int64
}

func newBackupWriter(out io.Writer, key []byte, namespace string, now time.Time) (*backupWriter, backupHeader, error) {
	h := backupHeader{Namespace: namespace, CreatedAt: now.UTC().Truncate(time.Second), Salt: make([]byte, 16)}
	if _, err := rand.Read(h.Salt); err != nil {
		return nil, h, fmt.Errorf("draw a salt: %w", err)
	}
	h.KeyPrint = keyPrintOf(key, h.Salt)
	line, err := json.Marshal(h)
	if err != nil {
		return nil, h, fmt.Errorf("encode the header: %w", err)
	}
	keys, err := newBackupKeys(key, line, h.Salt)
	if err != nil {
		return nil, h, err
	}
	w := &backupWriter{
		out: out, keys: keys, buffer: []byte{chunkRecords}, set: multiset{key: keys.digest},
		trailer: backupTrailer{Statuses: map[string]int{}},
	}
	return w, h, w.write([]byte(backupMagic + string(line) + "\n"))
}

func (w *backupWriter) write(b []byte) error {
	w.keys.mac.Write(b)
	w.bytes += int64(len(b))
	_, err := w.out.Write(b)
	return err
}

func (w *backupWriter) chunk(plain []byte, last bool) error {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(plain)+w.keys.aead.Overhead()))
	out = w.keys.aead.Seal(out, chunkNonce(w.number, last), plain, nil)
	w.number++
	return w.write(out)
}

// position writes the first chunk; nil: none is saved.
func (w *backupWriter) position(checkpoint []byte) error {
	return w.chunk(append([]byte{chunkPosition}, checkpoint...), false)
}

// record adds a packed record without a lease.
func (w *backupWriter) record(id string, r *rec) error {
	packed := r.encode()
	w.set.add(id, packed)
	w.trailer.Records++
	w.trailer.Statuses[string(r.statusAt(r.until))]++ // its lease is void
	w.buffer = binary.AppendUvarint(w.buffer, uint64(len(id)))
	w.buffer = append(w.buffer, id...)
	w.buffer = binary.AppendUvarint(w.buffer, uint64(len(packed)))
	w.buffer = append(w.buffer, packed...)
	if len(w.buffer) < chunkTarget {
		return nil
	}
	return w.flush()
}

func (w *backupWriter) flush() error {
	if len(w.buffer) == 1 {
		return nil
	}
	err := w.chunk(w.buffer, false)
	w.buffer = w.buffer[:1]
	return err
}

func (w *backupWriter) end() error {
	if err := w.flush(); err != nil {
		return err
	}
	w.trailer.Digest, w.trailer.MAC = w.set.String(), w.keys.mac.Sum(nil)
	text, err := json.Marshal(w.trailer)
	if err != nil {
		return fmt.Errorf("encode the trailer: %w", err)
	}
	return w.chunk(append([]byte{chunkTrailer}, text...), true)
}
