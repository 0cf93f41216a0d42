package acceptance

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"talkbridge/configs"
	"talkbridge/internal/bridge"
	"talkbridge/internal/platformsim"
	"talkbridge/internal/rig"
	"talkbridge/internal/testserver"
)

// tokenLife is short, so that a run sees tokens being replaced before they end. It is longer than platform.token.skew, 30 s.
const tokenLife = 35 * time.Second

// patience is how long what takes milliseconds may take on a machine that is busy.
const patience = 30 * time.Second

// A stand is a whole installation of its own, with invented people.
type stand struct {
	dir      string
	mariadb  *testserver.MariaDB
	db       *sql.DB // as the student-affairs system
	platform *platform
	secrets  rig.Secrets
	bridge   *rig.Bridge
	next     int // the number of the next talk that is made
}

func newStand(ctx context.Context, program, dir string) (s *stand, err error) {
	s = &stand{dir: dir, secrets: rig.NewSecrets(), next: 7001}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.mariadb, err = testserver.NewMariaDB(dir); err != nil {
		if errors.Is(err, testserver.ErrMissing) {
			err = fmt.Errorf("%w: the acceptance plan needs a private MariaDB. Install the server program (Debian: mariadb-server-core "+
				"mariadb-client-core), or run the plan against a configuration with -c", err)
		}
		return s, err
	}
	if err := rig.Fill(s.mariadb); err != nil {
		return s, err
	}
	s.db = s.mariadb.DB(rig.Database)
	if s.platform, err = newPlatform(ctx, platformsim.Options{
		ClientID: rig.PlatformAccount, ClientSecret: s.secrets.Client, TokenTTL: tokenLife,
	}); err != nil {
		return s, err
	}
	settings := configs.Settings{SourceAddr: s.mariadb.Addr, StateURL: "file:talkbridge.db", BaseURL: s.platform.url()}
	if s.bridge, err = rig.NewBridge(filepath.Dir(program), dir, "bridge", settings, s.secrets, rig.Impatient(2*time.Second)...); err != nil {
		return s, err
	}
	s.bridge.Path = program
	if err := s.bridge.Start(ctx); err != nil {
		return s, fmt.Errorf("%w\n%s", err, s.logTail())
	}
	return s, nil
}

// close ends everything in the order in which a machine is shut down: the bridge first, the source last.
func (s *stand) close() {
	if s.bridge != nil {
		_ = s.bridge.Stop()
	}
	if s.platform != nil {
		s.platform.Close()
		s.platform.unplug()
	}
	if s.db != nil {
		_ = s.db.Close()
	}
	if s.mariadb != nil {
		s.mariadb.Stop()
	}
}

func (s *stand) log() string {
	text, _ := os.ReadFile(s.bridge.Log)
	return string(text)
}

func (s *stand) logTail() string {
	lines := strings.Split(strings.TrimSpace(s.log()), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}

func (s *stand) exec(ctx context.Context, query string, args ...any) error {
	if _, err := s.db.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("as the student-affairs system: %w", err)
	}
	return nil
}

// talk makes a talk that nobody has submitted yet, as a copy of the college's 1001. It gives its key.
func (s *stand) talk(ctx context.Context) (key string, err error) {
	key = strconv.Itoa(s.next)
	s.next++
	return key, s.exec(ctx, `INSERT INTO xl_gzth (id, gzdx_id, th_lx, th_fs, th_zt, bt, kssj, jssj, sc, dd, thnr, clyj, gh, jtcy_id, tj_zt)
		SELECT ?, gzdx_id, th_lx, th_fs, th_zt, bt, kssj, jssj, sc, dd, thnr, clyj, gh, jtcy_id, '0' FROM xl_gzth WHERE id = 1001`, key)
}

// press does what the button 递交 does.
func (s *stand) press(ctx context.Context, key string) error {
	return s.exec(ctx, "UPDATE xl_gzth SET tj_zt = '1', tjsj = NOW() WHERE id = ?", key)
}

// mark is what the row says of its submission.
func (s *stand) mark(ctx context.Context, key string) (flag, message string, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT tj_zt, COALESCE(sb_xx, '') FROM xl_gzth WHERE id = ?", key).Scan(&flag, &message)
	if err != nil {
		return "", "", fmt.Errorf("read the row's mark: %w", err)
	}
	return flag, message, nil
}

// record is what the bridge keeps of a submission.
func (s *stand) record(ctx context.Context, id string) (r bridge.Record, err error) {
	return r, rig.GetJSON(ctx, s.bridge.Admin+"/api/v1/records/"+id, &r)
}

// status is what the bridge says of itself.
func (s *stand) status(ctx context.Context) (st struct {
	Records map[bridge.Status]int `json:"records"`
	Paused  *json.RawMessage      `json:"paused"`
}, err error,
) {
	return st, rig.GetJSON(ctx, s.bridge.Admin+"/api/v1/status", &st)
}

// page reads a page of the bridge.
func (s *stand) page(ctx context.Context, path string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.bridge.Admin+path, nil)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	if resp.StatusCode != http.StatusOK {
		return string(text), fmt.Errorf("%s: %s", path, resp.Status)
	}
	return string(text), nil
}
