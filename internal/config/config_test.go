package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
)

const (
	specFile = "../../configs/talkbridge.yaml"
	goodKey  = "c2l4dGVlbi1ieXRlcy0xNg=="
)

// setEnvironment gives every variable that the file names a value that suits its place.
func setEnvironment(t *testing.T, src []byte) {
	t.Helper()
	for _, found := range regexp.MustCompile(`\$\{env:([^}]+)\}`).FindAllSubmatch(src, -1) {
		name := string(found[1])
		value := "canary-" + name
		if regexp.MustCompile(`(?i)state_?key`).MatchString(name) {
			value = goodKey
		}
		t.Setenv(name, value)
	}
}

func loadSpec(t *testing.T) *Config {
	t.Helper()
	src, err := os.ReadFile(specFile)
	require.NoError(t, err)
	setEnvironment(t, src)
	cfg, err := Load(specFile)
	require.NoError(t, err)
	return cfg
}

func TestEveryConfigurationUnderConfigsLoads(t *testing.T) {
	found := 0
	err := filepath.WalkDir("../../configs", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		src, err := os.ReadFile(path)
		require.NoError(t, err)
		if !regexp.MustCompile(`(?m)^(source|platform|routes):`).Match(src) {
			return nil // alert rules and the like
		}
		found++
		t.Run(path, func(t *testing.T) {
			setEnvironment(t, src)
			cfg, err := Load(path)
			require.NoError(t, err)
			require.Empty(t, cfg.Warnings, "an example should not be unwise")
		})
		return nil
	})
	require.NoError(t, err)
	require.NotZero(t, found)
}

func TestTheExampleMeansWhatItSays(t *testing.T) {
	cfg := loadSpec(t)
	dir, err := filepath.Abs("../../configs")
	require.NoError(t, err)

	require.Equal(t, Source{
		Addr: "127.0.0.1:3306", User: "talkbridge", Password: "canary-TALKBRIDGE_MYSQL_PASSWORD", Flavor: "auto", ServerID: 0,
		TLS: SourceTLS{Mode: "preferred"}, Location: cfg.Source.Location, Start: Start{Mode: "reconcile"}, OnPurged: "reconcile",
	}, cfg.Source)
	require.Equal(t, "Asia/Shanghai", cfg.Source.Location.String())
	require.Equal(t, State{URL: "redis://127.0.0.1:6379/0", Namespace: "nbufe", Key: goodKey, Retention: 400 * 24 * time.Hour}, cfg.State)
	require.Equal(t, Admin{
		Listen: "127.0.0.1:9180", AuditLog: filepath.Join(dir, "audit.log"),
	}, cfg.Admin)
	require.Equal(t, Log{Level: "info", Format: "json"}, cfg.Log)
	require.Equal(t, []Dict{
		{Name: "talk_mode", Entries: map[string]string{"MT": "01", "DH": "02", "SP": "03", "WX": "04", "QT": "99"}},
		{Name: "attention_level", Entries: map[string]string{"一般": "0", "一级": "1", "二级": "2", "三级": "3"}},
	}, cfg.Dicts)
	require.Empty(t, cfg.Warnings)
}

func TestTheExamplesPlatform(t *testing.T) {
	cfg := loadSpec(t)
	want := Platform{
		BaseURL: "https://api.zj-gxsz.cn/api", ClientID: "canary-TALKBRIDGE_CLIENT_ID",
		ClientSecret: "canary-TALKBRIDGE_CLIENT_SECRET", KeyEncoding: "auto", TLS: PlatformTLS{MinVersion: "1.2"},
		Timeout: 10 * time.Second, Concurrency: 8, Rate: 50,
		Token: Token{
			Path: "/oauth2/token", Method: "POST", Send: "form", Credentials: "body", SecretForm: "issued",
			Fields: TokenFields{GrantType: "grant_type", ClientID: "client_id", ClientSecret: "client_secret"},
			Extra:  map[string]any{}, Headers: map[string]bridge.Secret{},
			TokenAt:     []string{"access_token", "data.access_token", "data.accessToken", "data.token", "client_token", "token"},
			ExpiresAt:   []string{"expires_in", "data.expires_in", "data.expiresIn", "data.expire", "data.expiration", "expire"},
			ExpiresUnit: "auto", DefaultTTL: 300 * time.Second, Skew: 30 * time.Second, Header: "Authorization", Format: "Bearer {token}",
		},
		Request: Request{Envelope: "json", DataField: "data", Extra: map[string]any{}, Headers: map[string]bridge.Secret{}},
		Response: Response{
			CodeAt: "code", MessageAt: "msg", Success: []string{"0"},
			Reauth: Match{HTTP: []int{401, 424}, Code: []string{"401"}, Message: "token.*(过期|失效|无效|expired|invalid)"},
			Retry:  Match{HTTP: []int{408, 425, 429, 500, 502, 503, 504}, Code: []string{}},
		},
		Retry:   Retry{Initial: time.Second, Max: 10 * time.Minute, Jitter: 0.2},
		Breaker: Breaker{Failures: 10, OpenFor: 30 * time.Second},
	}
	require.Empty(t, cmp.Diff(want, cfg.Platform))
}

func TestTheExamplesRoutes(t *testing.T) {
	cfg := loadSpec(t)
	require.Len(t, cfg.Routes, 3)
	one, multi, patriarch := cfg.Routes[0], cfg.Routes[1], cfg.Routes[2]
	require.Equal(t, []string{"one", "multi", "patriarch"}, []string{one.Name, multi.Name, patriarch.Name})
	for _, r := range cfg.Routes {
		require.Equal(t, TableName{"xgxt_demo", "xl_gzth"}, r.Table)
		require.Equal(t, Submit{Column: "tj_zt", Mode: "becomes", Values: []string{"1"}}, r.Submit)
		require.Equal(t, "/talk-record/"+r.Name, r.Endpoint)
		require.True(t, filepath.IsAbs(r.Contract.Path))
		onDisk, err := os.ReadFile("../../configs/contracts/" + r.Name + ".schema.json")
		require.NoError(t, err)
		require.Equal(t, string(onDisk), string(r.Contract.Schema))
	}
	require.Equal(t, `th_lx == "1" && scbz == "0"`, one.Where)
	require.Equal(t, []Lookup{
		{Name: "counselor", Query: "SELECT xm, sfzjh FROM xgxt_demo.xg_fdyxx WHERE gh = :gh"},
		{Name: "concern", Query: "SELECT xh, gzdj FROM xgxt_demo.xl_gzdx WHERE id = :gzdx_id AND scbz = '0'"},
		{Name: "student", Query: "SELECT xh, xm, sfzjh, sjh, xymc, zymc, bjmc, nj FROM xgxt_demo.xg_xsxx WHERE xh = :concern.xh AND scbz = '0'"},
	}, one.Lookups)
	require.Equal(t, []Rule{
		{Assert: "endTime == nil || endTime >= talkTime", Message: "结束时间早于开始时间"},
		{Assert: "talkTime <= now", Message: "谈话时间不能晚于现在"},
	}, one.Rules)
	require.Equal(t, Writeback{
		Delivered: map[string]string{"tj_zt": "3", "sb_xx": ""}, Rejected: map[string]string{"tj_zt": "4", "sb_xx": "{message}"},
	}, one.Writeback)
	require.Equal(t, Writeback{}, multi.Writeback)
	require.Equal(t, Lookup{
		Name: "participants", Many: true,
		Query: "SELECT s.xh, s.xm, s.sfzjh, s.bjmc FROM xgxt_demo.xl_gzth_cy c JOIN xgxt_demo.xg_xsxx s ON s.xh = c.xh " +
			"COLLATE utf8mb4_unicode_ci AND s.scbz = '0' WHERE c.th_id = :id AND c.scbz = '0' ORDER BY c.sx",
	}, multi.Lookups[1])
}

func TestTheExamplesFields(t *testing.T) {
	cfg := loadSpec(t)
	const layout = "yyyy-MM-dd HH:mm:ss"
	require.Equal(t, []Field{
		{Name: "recordId", From: "id"},
		{Name: "schoolCode", Value: "13001", HasValue: true},
		{Name: "counselorNo", From: "gh", Trim: true},
		{Name: "counselorName", From: "counselor.xm"},
		{Name: "counselorIdCard", From: "counselor.sfzjh", Check: "id_card", Optional: true},
		{Name: "talkType", From: "th_zt"},
		{Name: "talkMode", From: "th_fs", Dict: "talk_mode"},
		{Name: "talkTime", From: "kssj", Time: layout},
		{Name: "endTime", From: "jssj", Time: layout, Optional: true},
		{Name: "duration", From: "sc", Type: "integer", Optional: true},
		{Name: "talkPlace", From: "dd", Optional: true},
		{Name: "talkTitle", From: "bt", Max: 100},
		{Name: "talkContent", From: "thnr", Text: "html", Max: 2000, Overflow: "reject"},
		{Name: "measure", From: "clyj", Text: "html", Max: 1000, Optional: true},
		{Name: "studentNo", From: "student.xh"},
		{Name: "studentName", From: "student.xm"},
		{Name: "studentIdCard", From: "student.sfzjh", Check: "id_card", Optional: true},
		{Name: "studentPhone", From: "student.sjh", Check: "mobile", Optional: true},
		{Name: "collegeName", From: "student.xymc", Optional: true},
		{Name: "attentionLevel", From: "concern.gzdj", Dict: "attention_level"},
	}, cfg.Routes[0].Fields)
	require.Equal(t, []Field{
		{Name: "participantCount", Expr: "len(participants)"},
		{Name: "students", Each: "participants", Fields: []Field{
			{Name: "studentNo", From: "xh"},
			{Name: "studentName", From: "xm"},
			{Name: "studentIdCard", From: "sfzjh", Check: "id_card", Optional: true},
			{Name: "className", From: "bjmc", Optional: true},
		}},
	}, cfg.Routes[1].Fields[8:])
	require.Len(t, cfg.Routes[2].Fields, 14)
	require.Equal(t, Field{Name: "patriarchPhone", From: "parent.sjh", Check: "phone", Optional: true}, cfg.Routes[2].Fields[12])
}

func TestAFileThatIsNotThereSaysWhatToDo(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "talkbridge.yaml"))
	require.ErrorContains(t, err, "name one with -c")
}
