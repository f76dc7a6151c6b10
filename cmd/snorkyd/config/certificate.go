package config

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"time"
)

// The largest files of certificates and of their keys, in bytes.
const (
	maxCertBytes       = 256 * kiB
	maxPrivateKeyBytes = 64 * kiB
)

// TLSFiles are the files of one door. Without a Cert it is plain.
type TLSFiles struct {
	door     string // how its settings begin
	Cert     string // PEM: the certificate, and those between it and the authority
	Key      string // PEM
	ClientCA string // PEM: authorities, one of which has to have signed the certificate of a client; empty: none is asked for
}

// FrontendTLS are the files of the frontend.
func (c *Config) FrontendTLS() TLSFiles {
	return TLSFiles{door: "tls-", Cert: c.TLSCertFile, Key: c.TLSKeyFile}
}

// BackendTLS are the files of the backend.
func (c *Config) BackendTLS() TLSFiles {
	return TLSFiles{
		door: "backend-tls-", Cert: c.BackendTLSCertFile, Key: c.BackendTLSKeyFile, ClientCA: c.BackendTLSClientCAFile,
	}
}

// TLSPair is what the files of a door hold.
type TLSPair struct {
	Certificate tls.Certificate // with its Leaf
	ClientCAs   *x509.CertPool  // nil: clients need no certificate
}

// Read reads the files and checks that they belong together. The key has to be out of reach of others than its owner and
// group. A certificate that has expired, or is not valid yet, is no error. Every error is an *Error and has nothing of the
// key in it.
func (f TLSFiles) Read() (p TLSPair, err error) {
	cert, _, err := readRegular(f.Cert, maxCertBytes)
	if err != nil {
		return p, Errorf("%scert-file %s: %w", f.door, show(f.Cert), err)
	}
	key, info, err := readRegular(f.Key, maxPrivateKeyBytes)
	if err == nil {
		err = checkMode(info)
	}
	if err != nil {
		return p, Errorf("%skey-file %s: %w", f.door, showSecretFile(f.Key, err), err)
	}
	if p.Certificate, err = tls.X509KeyPair(cert, key); err != nil {
		return p, Errorf("%scert-file %s and %skey-file %s: %s", f.door, show(f.Cert), f.door, show(f.Key), oneLine(err.Error()))
	}
	if f.ClientCA == "" {
		return p, nil
	}
	authorities, _, err := readRegular(f.ClientCA, maxCertBytes)
	if err == nil {
		p.ClientCAs = x509.NewCertPool()
		if len(bytes.TrimSpace(authorities)) == 0 {
			err = errEmpty
		} else if !p.ClientCAs.AppendCertsFromPEM(authorities) {
			err = errors.New("has no certificate in it")
		}
	}
	if err != nil {
		return p, Errorf("%sclient-ca-file %s: %w", f.door, show(f.ClientCA), err)
	}
	return p, nil
}

type fileVersion struct {
	id       string // which file it is, where the system tells
	modified time.Time
	size     int64
}

// Version is what changes when one of the files does: another file under the same name, or other contents. It can be
// compared. The files are not read; one that is not there has a version, too.
func (f TLSFiles) Version() any {
	var v [3]fileVersion
	for i, name := range [...]string{f.Cert, f.Key, f.ClientCA} {
		if info, err := os.Stat(name); err == nil {
			v[i] = fileVersion{fileID(info), info.ModTime(), info.Size()}
		}
	}
	return v
}

// validateTLS refuses halves.
func (c *Config) validateTLS() error {
	for _, f := range []TLSFiles{c.FrontendTLS(), c.BackendTLS()} {
		switch {
		case f.Cert == "" && f.Key != "":
			return Errorf("%skey-file: needs %scert-file", f.door, f.door)
		case f.Cert != "" && f.Key == "":
			return Errorf("%scert-file: needs %skey-file", f.door, f.door)
		case f.Cert == "" && f.ClientCA != "":
			return Errorf("%sclient-ca-file: needs %scert-file and %skey-file", f.door, f.door, f.door)
		}
	}
	return nil
}
