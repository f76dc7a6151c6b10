package alerts

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/snorky-go/snorky/backendapi/client"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
	front "github.com/snorky-go/snorky/gateway/client"
	"go.uber.org/goleak"
)

const (
	deploy   = "../../../deploy/"
	patience = 30 * time.Second
)

func TestMain(m *testing.M) {
	// What the libraries of Prometheus and net/http leave behind is not ours.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// metrics are what a scrape has: for each name, the values of each label.
type metrics map[string]map[string][]string

// certificate is one for 127.0.0.1 in files: that of net/http's tests.
func certificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	pair := s.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	certFile, keyFile = filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")
	for file, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, keyFile: {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

// scrape boots a server, has it do a little of everything, and reads its metrics as Prometheus does.
func scrape(t *testing.T) metrics {
	t.Helper()
	cfg := server.Default()
	cfg.Frontend, cfg.Backend, cfg.Admin = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	cfg.TLSCertFile, cfg.TLSKeyFile = certificate(t)
	s, err := server.New(cfg, server.WithKey("a-key-for-these-tests"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = s.Shutdown(ctx)
	})
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	exercise(t, s)
	response, err := http.Get("http://" + s.AdminAddr() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return flatten(families)
}

// exercise publishes to a subscriber.
func exercise(t *testing.T, s *server.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	heard := make(chan front.Message, 1)
	c, err := front.Dial(ctx, "wss://"+s.Addr()+server.WebSocketPath, front.Options{
		TLS: &tls.Config{InsecureSkipVerify: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.Subscribe(ctx, "pubsub", "news", func(m front.Message) { heard <- m }); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Call(ctx, "pubsub", "dance", nil); err == nil {
		t.Error("there is a command that there is not")
	}
	publisher, err := client.New("http://"+s.BackendAddr()+server.BackendPath, s.Key())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(publisher.Close)
	if err := publisher.Publish(ctx, "pubsub_backend", "news", "hello"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-heard:
	case <-ctx.Done():
		t.Fatal("the publication is not heard")
	}
}

func flatten(families map[string]*dto.MetricFamily) metrics {
	all := metrics{}
	for name, family := range families {
		names := []string{name}
		labels := map[string][]string{"job": {"snorky"}, "instance": {"127.0.0.1:5802"}}
		switch family.GetType() {
		case dto.MetricType_HISTOGRAM:
			names = []string{name + "_bucket", name + "_count", name + "_sum"}
			labels["le"] = []string{"+Inf"}
		case dto.MetricType_SUMMARY:
			names = []string{name, name + "_count", name + "_sum"}
			labels["quantile"] = []string{"0.5"}
		default:
		}
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = append(labels[l.GetName()], l.GetValue())
			}
		}
		for _, name := range names {
			all[name] = labels
		}
	}
	all["up"] = map[string][]string{"job": {"snorky"}, "instance": {"127.0.0.1:5802"}}
	return all
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(deploy + name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func sorted[K ~string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
