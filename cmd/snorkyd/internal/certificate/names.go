package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
)

// maxNames bounds the names of a certificate that are logged.
const maxNames = 5

// names are some of those that a certificate is for.
func names(leaf *x509.Certificate) (all []string) {
	all = append(all, leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		all = append(all, ip.String())
	}
	return all[:min(len(all), maxNames)]
}

// Name is a name by which a client may reach the door: host, if the certificate is for it, or else one that it is for,
// and host if there is none.
func (k *Keeper) Name(host string) string { return nameOf(k.now.Load(), host) }

// Client is for a client on this machine that trusts this certificate and no other one.
func (k *Keeper) Client(host string) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(k.now.Load().Certificates[0].Leaf)
	return &tls.Config{RootCAs: pool, ServerName: k.Name(host), MinVersion: tls.VersionTLS12}
}

func nameOf(c *tls.Config, host string) string {
	leaf := c.Certificates[0].Leaf
	if leaf.VerifyHostname(host) == nil {
		return host
	}
	for _, name := range leaf.DNSNames {
		if !strings.Contains(name, "*") {
			return name
		}
	}
	return host
}
