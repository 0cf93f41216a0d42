package control

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
)

// pinned is a TLS configuration that takes the certificate in a file and no other. The bridge is on this machine and listens by address,
// so names and authorities say nothing; the file is the one that it serves.
func pinned(file string) (*tls.Config, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the operator's own admin.tls.cert
	if err != nil {
		return nil, fmt.Errorf("admin.tls.cert: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("admin.tls.cert: %s holds no certificate", file)
	}
	want, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("admin.tls.cert: %w", err)
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection is stricter
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 || !s.PeerCertificates[0].Equal(want) {
				return errors.New("what answers does not serve the certificate of admin.tls.cert; where that was renewed, restart the bridge")
			}
			return nil
		},
	}, nil
}
