package check

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/bridge"
	"talkbridge/pusher"
)

// issued is a certificate that signs itself, for the loopback address unless it names a host, until then; and the file to trust it by.
func issued(t *testing.T, host string, until time.Time) (cert tls.Certificate, ca string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	c := x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: until.AddDate(-1, 0, 0), NotAfter: until,
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	if c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}; host != "" {
		c.IPAddresses, c.DNSNames = nil, []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, &c, &c, key.Public(), key)
	require.NoError(t, err)
	ca = filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, ca
}

// tlsPlatform serves tokens under a certificate, or in the open where there is none.
func tlsPlatform(t *testing.T, cert *tls.Certificate, ca string, loopback bool) PlatformInput {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"access_token": "t", "expires_in": 300}`)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if cert == nil {
		server.Start()
	} else {
		server.TLS = &tls.Config{Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS12}
		server.StartTLS()
	}
	t.Cleanup(server.Close)
	client, err := pusher.New(pusher.Options{
		BaseURL: server.URL, ClientID: "c", ClientSecret: "ASNFZ4mrze/+3LqYdlQyEA==", Cache: NewPrivateCache(bridge.Token{}, false),
		Response: pusher.Rules{CodeAt: "code", Success: []string{"0"}}, TLS: pusher.TLSOptions{CA: ca},
	})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return PlatformInput{Client: client, BaseURL: server.URL, Loopback: func(url string) bool { return loopback && url == server.URL }}
}

// What is said of the way to the platform: in the open, under a certificate that holds, that will not hold much longer, and that does not.
func TestTheCertificateOfThePlatform(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		open, loopback, unknown bool
		host                    string
		until                   time.Time
		level                   Level
		what, detail, fix       string
	}{
		"http over a network":   {open: true, level: Warn, what: "the way to the platform is not encrypted", detail: "travel in the open", fix: "https://"},
		"http on this machine":  {open: true, loopback: true, level: Pass, what: "not encrypted, on this machine only"},
		"good":                  {until: now.AddDate(0, 6, 0), level: Pass, what: "TLS 1.3, certificate verified, valid until " + now.UTC().AddDate(0, 6, 0).Format(time.DateOnly)},
		"just over a month":     {until: now.Add(30*24*time.Hour + time.Hour), level: Pass, what: "certificate verified"},
		"ends soon":             {until: now.Add(10*24*time.Hour + time.Hour), level: Warn, what: "the platform's certificate ends in 10 days", detail: "certificate verified", fix: "renew"},
		"out of date":           {until: now.AddDate(0, 0, -1), level: Fail, what: "the platform's certificate is not accepted", detail: "expired", fix: "renew"},
		"of another host":       {host: "elsewhere.example", until: now.AddDate(0, 6, 0), level: Fail, what: "the platform's certificate is not accepted", detail: "127.0.0.1", fix: "platform.base_url"},
		"of nobody's authority": {unknown: true, until: now.AddDate(0, 6, 0), level: Fail, what: "the platform's certificate is not accepted", detail: "unknown authority", fix: "platform.tls.ca"},
	} {
		t.Run(name, func(t *testing.T) {
			var in PlatformInput
			if c.open {
				in = tlsPlatform(t, nil, "", c.loopback)
			} else {
				cert, ca := issued(t, c.host, c.until)
				if c.unknown {
					ca = ""
				}
				in = tlsPlatform(t, &cert, ca, false)
			}
			items := Platform(t.Context(), in)
			var found []Item
			for _, i := range items {
				if i.ID == "platform.tls" {
					found = append(found, i)
				}
			}
			require.Len(t, found, 1, "%+v", items)
			require.Equal(t, c.level, found[0].Level, "%+v", found)
			require.Contains(t, found[0].What, c.what)
			require.Contains(t, found[0].Detail, c.detail)
			require.Contains(t, found[0].Fix, c.fix)
			require.Equal(t, c.level == Fail, Failed(items), "%+v", items)
			require.Equal(t, c.level == Pass, found[0].Fix == "", "what is well needs no mending")
			if c.level == Fail {
				require.Len(t, items, 1, "no token is asked for under a certificate that is not accepted")
				require.NotContains(t, found[0].Fix, "firewall")
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		in := platform(t, 0)
		client, err := pusher.New(pusher.Options{
			BaseURL: "https://127.0.0.1:1", ClientID: "c", ClientSecret: "ASNFZ4mrze/+3LqYdlQyEA==", Cache: NewPrivateCache(bridge.Token{}, false),
			Response: pusher.Rules{CodeAt: "code", Success: []string{"0"}},
		})
		require.NoError(t, err)
		t.Cleanup(client.Close)
		in.Client = client
		items := Platform(t.Context(), in)
		require.Len(t, items, 1)
		require.Equal(t, "platform.reach", items[0].ID)
		require.Equal(t, Fail, items[0].Level)
		require.Contains(t, items[0].Fix, "firewall")
	})
}
