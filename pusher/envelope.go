package pusher

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
)

// The envelopes of a call.
const (
	EnvelopeJSON = "json" // {"data": "…"}
	EnvelopeForm = "form" // data=…
	EnvelopeRaw  = "raw"  // the sealed text alone
)

// Envelope says what a call looks like (platform.request of the configuration).
type Envelope struct {
	Shape     string
	DataField string
	Extra     map[string]any // members beside the data: strings, numbers, booleans
	Headers   map[string]string
}

func (e Envelope) check() error {
	switch e.Shape {
	case EnvelopeJSON, EnvelopeForm, EnvelopeRaw:
	default:
		return fmt.Errorf("envelope: %q is unknown: use json, form or raw", e.Shape)
	}
	if _, clash := e.Extra[e.DataField]; clash {
		return fmt.Errorf("extra: %q is the data's own member: name it otherwise or change data_field", e.DataField)
	}
	return nil
}

const jsonType = "application/json; charset=utf-8"

// wrap puts sealed data into the envelope.
func (e Envelope) wrap(sealed string) (body []byte, contentType string, err error) {
	switch e.Shape {
	case EnvelopeRaw:
		return []byte(sealed), "text/plain; charset=utf-8", nil
	case EnvelopeForm:
		values := url.Values{e.DataField: {sealed}} // Encode escapes + / =, which a form would otherwise read as something else
		for name, value := range e.Extra {
			values.Set(name, fmt.Sprint(value))
		}
		return []byte(values.Encode()), "application/x-www-form-urlencoded", nil
	case EnvelopeJSON:
		if len(e.Extra) == 0 { // Base64 has nothing to escape, and needs no second look at its kilobytes
			name, err := json.Marshal(e.DataField)
			body = append(append(append(make([]byte, 0, len(sealed)+len(name)+len(`{:""}`)), '{'), name...), `:"`...)
			return append(append(body, sealed...), `"}`...), jsonType, err
		}
		fallthrough
	default:
		members := map[string]any{e.DataField: sealed}
		maps.Copy(members, e.Extra)
		body, err = json.Marshal(members)
		if err != nil {
			return nil, "", errors.New("request.extra: a value cannot be written as JSON")
		}
		return body, jsonType, nil
	}
}
