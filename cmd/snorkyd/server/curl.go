package server

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
)

// newcomers is the service that the first steps of the guide use.
const newcomers = "announcements_backend"

// Curl is a line for a shell on this machine that publishes a message to the channel news, with the key in it. It is
// empty if the configuration declares no service.
func (s *Server) Curl() string {
	var twins []string
	for _, p := range s.config.PubSub {
		twins = append(twins, p.Backend)
	}
	if len(twins) == 0 {
		return ""
	}
	twin := twins[0]
	if slices.Contains(twins, newcomers) {
		twin = newcomers
	}
	name, _ := json.Marshal(twin) // a string cannot fail
	const body = `{"service":%s,"message":{"command":"publish","params":{"channel":"news","message":"Hello!"},"callId":1}}`
	return fmt.Sprintf("curl %s%s -H %s -d %s", s.curlAddress(), BackendPath,
		shellQuote("X-Backend-Key: "+s.Key()), shellQuote(fmt.Sprintf(body, name)))
}

// BackendURL is where a program on this machine publishes, and what it needs to know of TLS there: it trusts the very
// certificate that the server has now. The configuration is nil for a backend that is plain.
func (s *Server) BackendURL() (url string, config *tls.Config) {
	at := dialable(s.BackendAddr())
	if s.certificates.back == nil {
		return "http://" + at + BackendPath, nil
	}
	host, _, _ := net.SplitHostPort(at)
	return "https://" + at + BackendPath, s.certificates.back.Client(host)
}

// curlAddress is where curl finds the backend, with what it has to know of its certificate: that it may be of an authority
// of nobody else, and under which name it is to be asked for.
func (s *Server) curlAddress() string {
	at := dialable(s.BackendAddr())
	k := s.certificates.back
	if k == nil {
		return "http://" + at
	}
	files := s.config.BackendTLS()
	options := "--cacert " + shellQuote(files.Cert)
	if files.ClientCA != "" {
		options += " --cert CLIENT.crt --key CLIENT.key"
	}
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		return options + " https://" + at
	}
	if name := k.Name(host); name != host {
		options += " --connect-to " + shellQuote("::"+at)
		at = net.JoinHostPort(name, port)
	}
	return options + " https://" + at
}

func shellQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// dialable replaces the address that stands for all of the machine's by the machine itself.
func dialable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
