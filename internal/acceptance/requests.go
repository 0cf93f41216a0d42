package acceptance

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"talkbridge/pusher"
)

// requestCase looks at every request that went over the wire so far.
func requestCase(_ context.Context, t *trial) error {
	calls := t.stand.platform.noted(func(c call) bool { return strings.Contains(c.path, "/talk-record/") && c.authorization != "" })
	sealer, err := t.stand.sealer()
	if err != nil {
		return err
	}
	var post, utf8JSON, onlyData, sealed, single int
	for _, c := range calls {
		if c.method == "POST" {
			post++
		}
		if strings.EqualFold(strings.ReplaceAll(c.contentType, " ", ""), "application/json;charset=utf-8") || c.contentType == "application/json" {
			utf8JSON++
		}
		var body map[string]json.RawMessage
		var data string
		if json.Unmarshal(c.body, &body) != nil || len(body) != 1 || json.Unmarshal(body["data"], &data) != nil {
			continue
		}
		onlyData++
		if raw, err := base64.StdEncoding.DecodeString(data); err != nil || len(raw) == 0 || len(raw)%16 != 0 {
			continue
		}
		plain, err := sealer.Open(data)
		if err != nil {
			continue
		}
		sealed++
		var record struct {
			RecordID *string `json:"recordId"`
		}
		if json.Unmarshal(plain, &record) == nil && record.RecordID != nil {
			single++
		}
	}
	all := len(calls)
	for _, l := range []struct {
		what string
		n    int
	}{
		{"调用方式 POST", post},
		{"正文为 JSON（RFC 8259 规定编码为 UTF-8）", utf8JSON},
		{"请求正文只有 data 一项", onlyData},
		{"data 为 Base64，解码后是 16 字节的整数倍，用 client_secret 可解密", sealed},
		{"每个请求恰好一条谈话记录", single},
	} {
		if err := t.check(l.what, fmt.Sprintf("全部 %d 个请求", all), fmt.Sprintf("%d 个请求", l.n), all > 0 && l.n == all); err != nil {
			return err
		}
	}
	stats := t.stand.platform.Stats()
	return t.equal("同一条记录同时有两个请求在途", "0 次", fmt.Sprintf("%d 次", stats.Overlaps))
}

// sealer opens what the bridge sealed, with the secret that the platform issued.
func (s *stand) sealer() (*pusher.Sealer, error) {
	key, err := s.key()
	if err != nil {
		return nil, err
	}
	return pusher.NewSealer(key)
}

func (s *stand) key() ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(s.secrets.Client)
	if err != nil {
		return nil, fmt.Errorf("decode client_secret: %w", err)
	}
	return key, nil
}
