package state_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/testserver"
	"talkbridge/state"
	"talkbridge/state/storetest"
)

// A Cluster of one node checks what any Cluster checks: that all keys of a script are in one slot.
func TestRedisClusterConforms(t *testing.T) {
	r := testserver.StartRedis(t, "--cluster-enabled", "yes")
	raw := rawClient(t, r.URL())
	require.NoError(t, raw.Do(t.Context(), "CLUSTER", "ADDSLOTSRANGE", 0, 16383).Err())
	require.Eventually(t, func() bool { return raw.Set(t.Context(), "up", "1", 0).Err() == nil }, time.Minute, 20*time.Millisecond)
	url := "redis+cluster://" + r.Addr
	storetest.Run(t, redisWorlds(url, r.URL()))
	s := openStore(t, redisOptions(url))
	require.Empty(t, s.Warnings(t.Context()))
}

func TestRedisOverTLSConforms(t *testing.T) {
	port, err := testserver.FreePort()
	require.NoError(t, err)
	cert, key := certificate(t)
	r := testserver.StartRedis(t, "--tls-port", number(port), "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert,
		"--tls-auth-clients", "no")
	secure := "rediss://127.0.0.1:" + number(port) + "/0"
	trusted := secure + "?ca=" + url.QueryEscape(cert)
	storetest.Run(t, redisWorlds(trusted, r.URL()))

	_, err = state.Open(t.Context(), redisOptions(secure))
	require.ErrorContains(t, err, "?ca=FILE", "a certificate is always verified")
	_, err = state.Open(t.Context(), redisOptions(trusted+"&server_name=other"))
	require.ErrorContains(t, err, "?server_name=NAME")
}

// certificate makes a certificate for 127.0.0.1 that is its own authority.
func certificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	secret, err := x509.MarshalECPrivateKey(key)
	require.NoError(t, err)
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "EC PRIVATE KEY", secret)
}
