package canal

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"talkbridge/internal/testserver"
)

// certificates makes an authority and a certificate for the server: for talks.example and 127.0.0.1.
func certificates(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	write := func(name, kind string, der []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	}
	issue := func(name string, template, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		if signer == nil {
			parent, signer = template, key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
		require.NoError(t, err)
		raw, err := x509.MarshalPKCS8PrivateKey(key)
		require.NoError(t, err)
		write(name+".pem", "CERTIFICATE", der)
		write(name+"-key.pem", "PRIVATE KEY", raw)
		made, err := x509.ParseCertificate(der)
		require.NoError(t, err)
		return made, key
	}
	life := func(c *x509.Certificate) *x509.Certificate {
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		return c
	}
	authority := func(serial int64, name string) *x509.Certificate {
		return life(&x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
			KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		})
	}
	ca, signer := issue("ca", authority(1, "college"), nil, nil)
	issue("other", authority(2, "another"), nil, nil)
	issue("server", life(&x509.Certificate{
		SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "talks"}, DNSNames: []string{"talks.example"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}), ca, signer)
	return dir
}

// Both clients, that of the questions and that of the log, encrypt and verify alike.
func TestTLSToTheServer(t *testing.T) {
	certs := certificates(t)
	file := func(name string) string { return filepath.Join(certs, name) }
	testserver.Sources(t, func(t *testing.T, s testserver.Source) {
		t.Helper()
		m := s.Start(t, "--ssl-ca="+file("ca.pem"), "--ssl-cert="+file("server.pem"), "--ssl-key="+file("server-key.pem"))
		schema := database(t, m, talks)
		for _, c := range []struct {
			name      string
			tls       TLSOptions
			encrypted bool
			want      string // of the error
		}{
			{"off", TLSOptions{Mode: TLSOff}, false, ""},
			{"preferred", TLSOptions{Mode: TLSPreferred}, true, ""},
			{"required", TLSOptions{Mode: TLSRequired}, true, ""},
			{"required, verified where a CA is given", TLSOptions{Mode: TLSRequired, CA: file("ca.pem")}, true, ""},
			{"required, wrong CA", TLSOptions{Mode: TLSRequired, CA: file("other.pem")}, false, "source.tls.ca"},
			{"preferred, wrong CA", TLSOptions{Mode: TLSPreferred, CA: file("other.pem")}, false, "source.tls.ca"},
			{"verify by address", TLSOptions{Mode: TLSVerify, CA: file("ca.pem")}, true, ""},
			{"verify by name", TLSOptions{Mode: TLSVerify, CA: file("ca.pem"), ServerName: "talks.example"}, true, ""},
			{"verify, wrong name", TLSOptions{Mode: TLSVerify, CA: file("ca.pem"), ServerName: "elsewhere.example"}, false, "source.tls.server_name"},
			{"verify, the system's CAs", TLSOptions{Mode: TLSVerify}, false, "source.tls.ca"},
		} {
			t.Run(c.name, func(t *testing.T) {
				out := &memory{}
				o := options(t, m, out, talkRoute(schema))
				o.TLS = c.tls
				err := preflight(t, o)
				if c.want != "" {
					require.ErrorContains(t, err, c.want)
					require.ErrorContains(t, startRun(t, o).wait(), c.want, "no amount of trying mends it")
					return
				}
				require.NoError(t, err)
				logger, logs := observed()
				o.Logger = logger
				r := startRun(t, o).connected()
				execOn(t, m, schema, "REPLACE INTO talk (id, flag) VALUES (1, '0')", "UPDATE talk SET flag='1'")
				changes(t, out, 1)
				require.NoError(t, r.end())
				said := logs.FilterMessage("the server sends its log").All()
				require.Equal(t, c.encrypted, said[0].ContextMap()["encrypted"])
			})
		}
	})
}

// An account that has to come encrypted, and a bridge that does not.
func TestServerThatInsistsOnTLS(t *testing.T) {
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, talks)
		require.NoError(t, m.Exec("DROP USER IF EXISTS tls@'127.0.0.1'; CREATE USER tls@'127.0.0.1' IDENTIFIED BY 'x' REQUIRE SSL"))
		o := options(t, m, &memory{}, talkRoute(schema))
		o.User, o.Password, o.TLS.Mode = "tls", "x", TLSOff
		require.ErrorContains(t, preflight(t, o), "source.tls")
	})
}

// accounts are the ways to prove a password that the servers have.
func accounts(flavor string) map[string]string {
	if flavor == "mysql" {
		return map[string]string{"caching_sha2_password": "IDENTIFIED WITH caching_sha2_password BY 'p=\"ass'", "sha256_password": "IDENTIFIED WITH sha256_password BY 'p=\"ass'"}
	}
	return map[string]string{"mysql_native_password": "IDENTIFIED BY 'p=\"ass'", "ed25519": "IDENTIFIED VIA ed25519 USING PASSWORD('p=\"ass')"}
}

// Every way works encrypted and, with the server's RSA key or a signature instead of the password, in the clear.
func TestPasswordPlugins(t *testing.T) {
	testserver.Sources(t, func(t *testing.T, s testserver.Source) {
		t.Helper()
		m := sharedServer(t, s)
		plugins, missing := "", error(nil)
		if s.Flavor == "mariadb" {
			if plugins, missing = s.PluginDir("auth_ed25519.so"); missing == nil {
				m = s.Start(t, plugins)
				require.NoError(t, m.Exec("INSTALL SONAME 'auth_ed25519'"))
			}
		}
		schema := database(t, m, talks)
		for plugin, identified := range accounts(s.Flavor) {
			for _, mode := range []TLSMode{TLSOff, TLSPreferred} {
				t.Run(plugin+" "+string(mode), func(t *testing.T) {
					if plugin == "ed25519" && missing != nil {
						require.NotEqual(t, "true", os.Getenv("CI"), "%v", missing)
						t.Skipf("SKIPPED, NOT TESTED: %v (make test and make test-matrix unpack it)", missing)
					}
					err := m.Exec("DROP USER IF EXISTS pw@'127.0.0.1'; CREATE USER pw@'127.0.0.1' " + identified + // a new one: nothing is cached
						"; GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO pw@'127.0.0.1'; GRANT SELECT ON " + schema + ".talk TO pw@'127.0.0.1'")
					require.NoError(t, err)
					out := &memory{}
					o := options(t, m, out, talkRoute(schema))
					o.User, o.Password, o.TLS.Mode = "pw", `p="ass`, mode
					require.NoError(t, preflight(t, o))
					r := startRun(t, o).connected()
					execOn(t, m, schema, "REPLACE INTO talk (id, flag) VALUES (1, '0')", "UPDATE talk SET flag='1'")
					changes(t, out, 1)
					require.NoError(t, r.end())
					o.Password = "wrong"
					require.ErrorContains(t, preflight(t, o), "source.password")
				})
			}
		}
	})
}

// The account of docs/source-setup.md: each grant is needed, and no other is. The statements are read from the document.
func TestLeastPrivilegeOfTheDocuments(t *testing.T) {
	grants := documented(t)
	onEvery(t, func(t *testing.T, m *testserver.SQLServer) {
		t.Helper()
		schema := database(t, m, talks+"INSERT INTO talk (id, flag) VALUES (1, '1')")
		require.NoError(t, m.Exec("DROP USER IF EXISTS talkbridge@'127.0.0.1'"))
		statements := slices.Clone(grants[m.Flavor])
		require.Len(t, statements, 3, "an account, its place as a replica, its tables")
		replace := strings.NewReplacer("'BRIDGE-HOST'", "'127.0.0.1'", "PASSWORD", "secret", "xgxt.*", schema+".*")
		for i := range statements {
			statements[i] = replace.Replace(statements[i])
		}
		out := &memory{}
		o := options(t, m, out, talkRoute(schema))
		o.User, o.Password, o.Start.Mode = "talkbridge", "secret", StartReconcile
		require.NoError(t, m.Exec(statements[0]))
		requireAll(t, preflight(t, o), "REPLICATION SLAVE", "GRANT SELECT ON")
		require.NoError(t, m.Exec(statements[1]))
		requireAll(t, preflight(t, o), "GRANT SELECT ON")
		require.NoError(t, m.Exec(statements[2]))
		require.NoError(t, preflight(t, o))
		r := startRun(t, o, surveyOften).connected()
		execOn(t, m, schema, "INSERT INTO talk (id, flag) VALUES (2, '1')", "ALTER TABLE talk ADD late INT", "INSERT INTO talk (id, flag) VALUES (3, '1')")
		require.Equal(t, []string{"1", "2", "3"}, keys(changes(t, out, 3)))
		eventually(t, func() bool { s := r.Status(); return s.LagBytes != nil && *s.LagBytes == 0 }) // the survey is allowed too
		require.NoError(t, r.end())
		require.NoError(t, m.Exec("DROP USER talkbridge@'127.0.0.1'"))
	})
}

// documented reads the SQL blocks of docs/source-setup.md that are marked with a flavor.
func documented(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../docs/source-setup.md")
	require.NoError(t, err)
	found := map[string][]string{}
	for flavor, mark := range map[string]string{"mysql": "<!-- grants: mysql -->\n", "mariadb": "<!-- grants: mariadb -->\n"} {
		_, after, ok := strings.Cut(string(text), mark)
		require.True(t, ok, mark)
		_, block, _ := strings.Cut(after, "```sql\n")
		block, _, _ = strings.Cut(block, "```")
		for statement := range strings.SplitSeq(block, ";") {
			if statement = strings.TrimSpace(statement); statement != "" {
				found[flavor] = append(found[flavor], statement)
			}
		}
	}
	return found
}
