package app_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"talkbridge/internal/platformsim"
	"talkbridge/internal/testserver"
)

// The canaries: invented people and secrets that stand nowhere else in this repository.
const (
	leakStudent   = "欧阳卜佳怡"
	leakCounselor = "慕容筱月华"
	leakParent    = "司徒望北川"
	leakID        = "330000200409176216"
	leakBadID     = "330000200409176215" // its check digit is wrong
	leakPhone     = "19912340987"
	leakBadPhone  = "1991234098765"
	leakNumber    = "2024998877"
	leakTitle     = "宿舍夜半争执之记录"
	leakPlace     = "栖霞楼北侧三零七室"
	leakType      = "密谈秘语"
	leakContent   = "近两周彻夜难眠总想着离开这里不再回来她说父亲酗酒成性并且动手打人"
	leakMeasure   = "建议转介至专科门诊并且通知监护人"
	leakSecret    = "p+7v/Kx3Qm2Zr9TbLw5Y4g=="
	leakKey       = "kZ8/Wn+Q4rTj6LsVb1Xc9w=="
	leakMySQL     = "Maria&Callas+1923"
	leakRedis     = "Rosa-Luxemburg/1871"
	leakConsole   = "Hildegard von Bingen 1098"
	leakWrong     = "Wrong-Turandot/1926+x" // in place of each password in turn
	leakWrongKey  = "Yt5/Gh+R2wSd8KmPz3Vn7Q=="
)

func newLeakCanaries() []canary {
	list := []canary{
		{"the student's name", leakStudent, false},
		{"the counselor's name", leakCounselor, false},
		{"the parent's name", leakParent, false},
		{"the ID number", leakID, false},
		{"most of the ID number", leakID[:14], false},
		{"the wrong ID number", leakBadID, false},
		{"the phone number", leakPhone, false},
		{"the wrong phone number", leakBadPhone, false},
		{"the student's number", leakNumber, false},
		{"the title", leakTitle, false},
		{"the place", leakPlace, false},
		{"the kind of talk", leakType, false},
		{"the measure", leakMeasure, false},
		{"the password of MySQL", leakMySQL, true},
		{"the password of Redis", leakRedis, true},
		{"the password of the console", leakConsole, true},
		{"a wrong password", leakWrong, true},
	}
	content := []rune(leakContent)
	for i := 0; i+8 <= len(content); i += 8 { // a piece is a leak as well
		list = append(list, canary{fmt.Sprintf("the content from character %d", i), string(content[i : i+8]), false})
	}
	for name, text := range map[string]string{"client_secret": leakSecret, "the state key": leakKey, "a wrong client_secret": leakWrongKey} {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			panic(err)
		}
		list = append(list, canary{name, text, true}, canary{name + ", decoded", string(raw), true})
	}
	return list
}

// A leakCollege is a college in which everything that happens touches canaries.
type leakCollege struct {
	*college

	store    string // embedded, redis
	redis    *testserver.Redis
	hash     string
	sessions []string // cookies of the console

	mu     sync.Mutex // guards what follows
	tokens map[string]bool
}

func newLeakCollege(t *testing.T, store string) *leakCollege {
	t.Helper()
	l := &leakCollege{store: store, tokens: map[string]bool{}}
	stateURL := "file:talkbridge.db"
	if store == "redis" {
		l.redis = testserver.StartRedis(t, "--appendfsync", "always", "--rdbcompression", "no")
		client := redis.NewClient(&redis.Options{Addr: l.redis.Addr})
		defer client.Close()
		require.NoError(t, client.ConfigSet(t.Context(), "requirepass", leakRedis).Err())
		stateURL = `"redis://:${exec:cat secrets/redis}@` + l.redis.Addr + `/0"`
	}
	l.college = newCollege(t, stateURL)
	l.rows(t)
	l.secrets(t)
	l.exec(t, "ALTER USER talkbridge@'127.0.0.1' IDENTIFIED BY '"+leakMySQL+"'")
	sim, err := platformsim.New(platformsim.Options{ClientID: clientID, ClientSecret: leakSecret})
	require.NoError(t, err)
	server := httptest.NewServer(l.overhears(sim))
	t.Cleanup(func() { sim.Close(); server.Close() })
	l.edit(t, l.simURL, server.URL)
	l.sim, l.simURL = sim, server.URL
	l.quick(t)
	l.edit(t, "level: info", "level: debug")
	l.edit(t, "failures: 5", "failures: 1000") // each kind of record is to be tried
	return l
}

// overhears remembers the tokens that calls carry.
func (l *leakCollege) overhears(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
			l.mu.Lock()
			l.tokens[token] = true
			l.mu.Unlock()
		}
		next.ServeHTTP(w, r)
	})
}

// platformTokenRefusal is a no to a token that repeats what it was asked with.
func platformTokenRefusal() platformsim.Fault {
	return platformsim.Fault{
		Kind: platformsim.FaultStatus, Endpoint: "token", Status: http.StatusBadRequest, Code: 400,
		Msg: "client_secret " + leakSecret + " of " + leakID + " is wrong", Times: 1,
	}
}

// canaries are those that are known before, and the tokens and sessions that came about.
func (l *leakCollege) canaries() []canary {
	list := append(newLeakCanaries(), canary{"the hash of the console's password", l.hash, true})
	for _, s := range l.sessions {
		list = append(list, canary{"a session of the console", s, true})
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for token := range l.tokens {
		list = append(list, canary{"a token", token, true})
	}
	return list
}

// rows puts canaries into every record that is submitted.
func (l *leakCollege) rows(t *testing.T) {
	t.Helper()
	for _, statement := range []string{
		"UPDATE xl_gzth SET bt = '" + leakTitle + "', dd = '" + leakPlace + "', thnr = '<p>" + leakContent + "</p>', xsfk = '" + leakContent + "', clyj = '" + leakMeasure + "'",
		"UPDATE xg_xsxx SET xm = '" + leakStudent + "', sfzjh = '" + leakID + "', sjh = '" + leakPhone + "'",
		"UPDATE xg_fdyxx SET xm = '" + leakCounselor + "', sjh = '" + leakPhone + "', sfzjh = '" + leakID + "'",
		"UPDATE xg_jtcy SET xm = '" + leakParent + "', sjh = '" + leakPhone + "'",
		"INSERT INTO xg_xsxx (xh, xm, sfzjh, sjh) VALUES ('" + leakNumber + "', '" + leakStudent + "', '" + leakBadID + "', '" + leakBadPhone + "')",
		"INSERT INTO xl_gzdx (id, xh) VALUES (777, '" + leakNumber + "')",
		"UPDATE xl_gzth SET gzdx_id = 777, th_zt = '" + leakType + "', th_fs = '" + leakType + "', bt = REPEAT('" + leakTitle + "', 20) WHERE id = 1012",
	} {
		l.exec(t, statement)
	}
	l.exec(t, `CREATE TRIGGER tell BEFORE UPDATE ON xl_gzth FOR EACH ROW
		IF NEW.id = 1016 AND NEW.tj_zt = '3' THEN
			SET @said = CONCAT('not ', LEFT(NEW.thnr, 20), NEW.bt, (SELECT MAX(xm) FROM xg_xsxx), (SELECT MAX(sfzjh) FROM xg_xsxx));
			SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = @said;
		END IF`)
}

// secrets puts the secrets into files, and a user of each role.
func (l *leakCollege) secrets(t *testing.T) {
	t.Helper()
	dir := filepath.Join(filepath.Dir(l.config), "secrets")
	require.NoError(t, os.Mkdir(dir, 0o700))
	for name, text := range map[string]string{"key": leakKey, "client": leakSecret, "mysql": leakMySQL, "redis": url.PathEscape(leakRedis)} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o600))
	}
	l.edit(t, "key: ${env:TALKBRIDGE_STATE_KEY}", "key: ${file:secrets/key}")
	l.edit(t, "${env:TALKBRIDGE_CLIENT_SECRET}", "${file:secrets/client}")
	l.edit(t, "${env:TALKBRIDGE_MYSQL_PASSWORD}", "${exec:cat secrets/mysql}")
	hash, err := bcrypt.GenerateFromPassword([]byte(leakConsole), bcrypt.MinCost)
	require.NoError(t, err)
	l.hash = string(hash)
	var users []string
	for _, role := range []string{"viewer", "operator", "auditor"} {
		users = append(users, fmt.Sprintf("{name: %s, password: %q, role: %s}", role, hash, role))
	}
	l.edit(t, "users: []", "users: ["+strings.Join(users, ", ")+"]")
}

// wrong writes the configuration once more, with one secret replaced, and gives its path.
func (l *leakCollege) wrong(t *testing.T, secret, text string) string {
	t.Helper()
	dir := filepath.Join(l.dir, "wrong-"+secret)
	if secret == "redis" { // it is part of an address
		text = url.PathEscape(text)
	}
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Dir(l.config))))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "secrets", secret), []byte(text), 0o600))
	return filepath.Join(dir, "talkbridge.yaml")
}

// panickingDir is where buildPanicking works, for TestMain to remove; empty: it was not called.
var panickingDir string

// buildPanicking builds the program with one line more: the delivery of record 1015 panics, and the panic's value is the payload.
var buildPanicking = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "talkbridge-panicking")
	if err != nil {
		return "", err
	}
	panickingDir = dir
	source, err := filepath.Abs("../../pusher/client.go")
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(source)
	if err != nil {
		return "", err
	}
	const begins = "\taddress, err := join(c.baseURL, endpoint)\n"
	if strings.Count(string(text), begins) != 1 {
		return "", fmt.Errorf("Push no longer begins with %q", begins)
	}
	changed := strings.Replace(string(text), begins, "\tif bytes.Contains(payload, []byte(`\"1015\"`)) {\n\t\tpanic(string(payload))\n\t}\n"+begins, 1)
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{source: filepath.Join(dir, "client.go")}})
	if err != nil {
		return "", err
	}
	for name, content := range map[string][]byte{"client.go": []byte(changed), "overlay.json": overlay} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return "", err
		}
	}
	path := filepath.Join(dir, "talkbridge")
	out, err := exec.Command("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", path, "talkbridge/cmd/talkbridge").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w: %s", err, out)
	}
	return path, nil
})

func panicking(t *testing.T) string {
	t.Helper()
	path, err := buildPanicking()
	require.NoError(t, err)
	return path
}
