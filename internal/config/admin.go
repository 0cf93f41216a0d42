package config

import "net"

func (c *Admin) read(b *block) {
	listen := b.may("listen")
	listen.text(&c.Listen, hostPort)
	b.may("tls").block(c.TLS.read)
	b.may("users").list(c.readUser)
	b.may("audit_log").newFile(&c.AuditLog)
	c.checkReach(listen)
}

// checkReach keeps the pages off the network while nobody has to log in.
func (c *Admin) checkReach(listen *setting) {
	host, _, err := net.SplitHostPort(c.Listen)
	switch {
	case err != nil || isLoopback(host):
	case len(c.Users) == 0:
		listen.problem("without users only a loopback address may be listened on: add users, or listen on 127.0.0.1")
	case c.TLS.Cert == "":
		listen.warn("without tls the passwords cross the network in clear")
	}
}

func (c *AdminTLS) read(b *block) {
	cert, key := b.may("cert"), b.may("key")
	cert.file(&c.Cert)
	key.file(&c.Key)
	if c.Cert != "" && c.Key == "" {
		key.problem("is needed with cert")
	}
	if c.Key != "" && c.Cert == "" {
		cert.problem("is needed with key")
	}
}

func (c *Admin) readUser(s *setting) {
	var u User
	s.block(func(b *block) {
		name := b.need("name")
		name.text(&u.Name, notEmpty)
		b.need("password").hash(&u.Password)
		b.need("role").text(&u.Role, oneOf("viewer", "operator", "auditor"))
		for _, other := range c.Users {
			if other.Name == u.Name && u.Name != "" {
				name.problem("another user has this name")
			}
		}
	})
	c.Users = append(c.Users, u)
}

func (c *Log) read(b *block) {
	b.may("level").text(&c.Level, oneOf("debug", "info", "warn", "error"))
	b.may("format").text(&c.Format, oneOf("json", "console"))
}
