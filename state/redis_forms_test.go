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

// In a Cluster all keys of a script have to be in one slot, and of several nodes one has it.
func TestRedisClusterOfThreeConforms(t *testing.T) {
	clusterConforms(t)
}

func clusterConforms(t *testing.T) *testserver.Cluster {
	t.Helper()
	c := testserver.StartCluster(t, 3)
	storetest.Run(t, redisWorlds(c.URL(), c.URL()))
	for i := range 8 { // namespaces on all nodes
		o := redisOptions(c.URL())
		o.Namespace = "bridge-" + number(i)
		s := openStore(t, o)
		lifeOf(t, s)
		file, sum := backupOf(t, s)
		require.Equal(t, 700, sum.Records)
		require.NotEmpty(t, file)
		require.Empty(t, s.Warnings(t.Context()))
	}
	return c
}

func TestRedisUnderSentinelConforms(t *testing.T) {
	sentinelConforms(t)
}

func sentinelConforms(t *testing.T) *testserver.Watched {
	t.Helper()
	w := testserver.StartWatched(t)
	require.NoError(t, w.Patience(time.Minute))
	storetest.Run(t, redisWorlds(w.URL(), w.Primary.URL()))
	return w
}

func TestValkeyConforms(t *testing.T) {
	testserver.EachStore(t, "Valkey", everyFormConforms)
}

// The system's own Redis may be older; what changed since is in another release's.
func TestRedis8Conforms(t *testing.T) {
	testserver.EachStore(t, "Redis-8", everyFormConforms)
}

func everyFormConforms(t *testing.T, s testserver.Store) {
	t.Helper()
	t.Run("single", func(t *testing.T) {
		r := testserver.StartRedis(t)
		says(t, s, r.Addr)
		storetest.Run(t, redisWorlds(r.URL(), r.URL()))
		require.Empty(t, openStore(t, redisOptions(r.URL())).Warnings(t.Context()))
	})
	t.Run("cluster", func(t *testing.T) {
		for _, node := range clusterConforms(t).Nodes {
			says(t, s, node.Addr)
		}
	})
	t.Run("sentinel", func(t *testing.T) {
		w := sentinelConforms(t)
		says(t, s, w.Primary.Addr)
		says(t, s, w.Replica.Addr)
		for _, sentinel := range w.Sentinels {
			says(t, s, sentinel.Addr)
		}
	})
}

// says has the server itself tell that it is the one that the test is to run on.
func says(t *testing.T, s testserver.Store, addr string) {
	t.Helper()
	info, err := rawClient(t, "redis://"+addr).Info(t.Context(), "server").Result()
	require.NoError(t, err)
	require.Contains(t, info, "\n"+s.Flavor+"_version:"+s.Version+"\r\n")
	t.Logf("%s is %s %s", addr, s.Flavor, s.Version)
}

// The rights that README and error messages name are enough for everything.
func TestRedisWithTheRightsOfAnAccountConforms(t *testing.T) {
	r := testserver.StartRedis(t)
	require.NoError(t, rawClient(t, r.URL()).Do(t.Context(), "ACL", "SETUSER", "talkbridge", "reset", "on", ">secret",
		"~talkbridge:*", "&talkbridge:*", "+@all", "-@dangerous", "+info").Err())
	storetest.Run(t, redisWorlds("redis://talkbridge:secret@"+r.Addr+"/0", r.URL()))
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
