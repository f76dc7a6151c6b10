package server_test

import (
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

// The metrics tell of the certificates, and of whom a door turned out before a request, which nothing else counts.
func TestEntrancesAreCounted(t *testing.T) {
	t.Parallel()
	a := trial.NewAuthority(t)
	var certFile string
	s := watched(t, func(c *server.Config) {
		with := secured(t, a)
		c.TLSCertFile, c.TLSKeyFile = with.TLSCertFile, with.TLSKeyFile
		certFile = with.TLSCertFile
	})
	text := scrape(t, s)
	hasLines(t, text, `snorky_entrance_failures_total{door="frontend"} 0`, `snorky_entrance_failures_total{door="backend"} 0`,
		`snorky_tls_certificate_last_load_successful{door="frontend"} 1`)
	if !strings.Contains(text, `snorky_tls_certificate_not_after_timestamp_seconds{door="frontend"} `) || strings.Contains(text, `snorky_tls_certificate_last_load_successful{door="backend"}`) {
		t.Error("the certificate of the frontend is not shown, or one that the backend does not have")
	}
	for _, sent := range []string{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "rubbish", ""} {
		conn, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, sent)
		if sent != "" {
			_, _ = io.ReadAll(conn)
		}
		_ = conn.Close()
	}
	if status := trial.Status(t, "http://"+s.BackendAddr()+"/"); status != http.StatusNotFound {
		t.Errorf("status %d", status)
	}
	trial.Eventually(t, "both are counted", func() bool {
		return strings.Contains(scrape(t, s), `snorky_entrance_failures_total{door="frontend"} 2`)
	})
	if err := os.WriteFile(certFile, []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Reload(s.Config()); err == nil {
		t.Error("rubbish is taken for a certificate")
	}
	hasLines(t, scrape(t, s), `snorky_tls_certificate_last_load_successful{door="frontend"} 0`, `snorky_entrance_failures_total{door="backend"} 0`)
}
