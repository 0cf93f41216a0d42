package platformsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// An Answer is the platform's: code 0 is a yes.
type Answer struct {
	Code int    `json:"code"`
	Msg  string `json:"msg"`
}

// refusal is why a call was refused, for the figures.
type refusal int

const (
	refusedNot refusal = iota
	refusedToken
	refusedUnreadable
	refusedContract
)

// maxRequest bounds a request's body, in bytes.
const maxRequest = 4 << 20

// handleRecord takes one record, or does what a fault says.
func (s *Sim) handleRecord(w http.ResponseWriter, r *http.Request, endpoint string) {
	payload, recordID, readErr := s.read(r)
	defer s.store.enter(recordKey{endpoint, recordID})()
	arrival := Arrival{Endpoint: endpoint, RecordID: recordID, Payload: payload}
	ending := s.suffer(r, s.faults.fire(endpoint, recordID))
	if ending != nil {
		arrival.Fault = ending.Kind
		if !ending.Apply {
			s.store.note(arrival, refusedNot)
			s.perform(w, r, ending)
			return
		}
	}
	kind := refusedNot
	switch {
	case !s.authorized(r):
		kind, arrival.Code, arrival.Msg = refusedToken, http.StatusUnauthorized, "令牌无效或已过期"
	case readErr != nil:
		kind, arrival.Code, arrival.Msg = refusedUnreadable, http.StatusInternalServerError, readErr.Error()
	default:
		if reason := s.violation(endpoint, payload); reason != "" {
			kind, arrival.Code, arrival.Msg = refusedContract, http.StatusInternalServerError, reason
		}
	}
	arrival.Applied = kind == refusedNot
	if arrival.Applied {
		arrival.Msg = "成功"
	}
	s.store.note(arrival, kind)
	switch {
	case ending != nil:
		s.perform(w, r, ending)
	case kind == refusedToken:
		s.dialect.expired(w)
	default:
		writeJSON(w, http.StatusOK, Answer{Code: arrival.Code, Msg: arrival.Msg})
	}
}

// read takes the payload out of a request: envelope, Base64, SM4, JSON.
func (s *Sim) read(r *http.Request) (payload json.RawMessage, recordID string, err error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	if err != nil {
		return nil, "", errors.New("请求体读取失败")
	}
	sealed, err := envelope(r.Header.Get("Content-Type"), body)
	if err != nil {
		return nil, "", err
	}
	plain, err := openSealed(s.key, sealed)
	if err != nil {
		return nil, "", err
	}
	var identified struct {
		RecordID string `json:"recordId"`
	}
	if !utf8.Valid(plain) || !json.Valid(plain) {
		return nil, "", errors.New("业务数据不是UTF-8编码的JSON")
	}
	_ = json.Unmarshal(plain, &identified) // the contract says what is wrong with it
	return plain, identified.RecordID, nil
}

// envelope gives the sealed data: the member data of a JSON object, the field data of a form, or the whole body of anything else.
func envelope(contentType string, body []byte) (string, error) {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return "", errors.New("缺少Content-Type")
	}
	switch media {
	case "application/json":
		var wrapped struct {
			Data *string `json:"data"`
		}
		if json.Unmarshal(body, &wrapped) != nil || wrapped.Data == nil {
			return "", errors.New("请求体应为JSON，且含有data字段")
		}
		return *wrapped.Data, nil
	case "application/x-www-form-urlencoded":
		return formField(string(body), "data")
	default:
		return string(body), nil
	}
}

func (s *Sim) violation(endpoint string, payload json.RawMessage) string {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(payload))
	if err != nil {
		return "业务数据不是JSON"
	}
	return s.contracts[endpoint].violation(document)
}

// authorized tells whether a call carries a token that is good.
func (s *Sim) authorized(r *http.Request) bool {
	value := strings.TrimSpace(r.Header.Get(s.dialect.header))
	if s.dialect.scheme != "" {
		scheme, token, ok := strings.Cut(value, " ")
		switch {
		case ok && strings.EqualFold(scheme, s.dialect.scheme):
			value = strings.TrimSpace(token)
		case !s.dialect.schemeOptional:
			return false
		}
	}
	return s.tokens.valid(value)
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(fmt.Errorf("write an answer: %w", err)) // net/http turns it into a broken connection
	}
}
