package certificate

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/cmd/snorkyd/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// source is a certificate that a test changes.
type source struct {
	mu      sync.Mutex
	pair    config.TLSPair
	err     error
	version int
	reads   int
	begins  time.Time // of what put puts
}

func (s *source) Read() (config.TLSPair, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	return s.pair, s.err
}

func (s *source) Version() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version
}

// put has the source hold a certificate that ends after so long, or nothing that could be used.
func (s *source) put(t *testing.T, lasts time.Duration, err error) {
	t.Helper()
	s.touch(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pair = config.TLSPair{Certificate: tls.Certificate{Leaf: &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: s.begins, NotAfter: time.Now().Add(lasts), DNSNames: []string{"*.example.com", "a.example.com"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}}}
	s.err = err
}

// touch changes the version, and nothing else.
func (s *source) touch(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
}

func (s *source) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// take returns what was logged since the last time.
func (l *log) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}

// run tests a keeper of s while its time passes.
func run(t *testing.T, s *source, lasts, every time.Duration, test func(t *testing.T, k *Keeper, l *log)) {
	synctest.Test(t, func(t *testing.T) {
		var l log
		s.put(t, lasts, nil)
		k, err := Open(s, zerolog.New(&l))
		if err != nil {
			t.Fatal(err)
		}
		k.every = every
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { k.Run(ctx) })
		synctest.Wait()
		test(t, k, &l)
		cancel()
		running.Wait()
	})
}

// pass lets time pass.
func pass(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
	synctest.Wait()
}

// Files are read when they have changed and then been left alone, and not otherwise.
func TestChanges(t *testing.T) {
	s := new(source)
	run(t, s, 365*24*time.Hour, Interval, func(t *testing.T, k *Keeper, l *log) {
		pass(time.Hour)
		if s.count() != 1 {
			t.Errorf("%d reads of what does not change", s.count())
		}
		before := k.now.Load()
		for range 5 { // they are being written
			s.put(t, 100*24*time.Hour, nil)
			pass(Interval)
		}
		if s.count() != 1 || k.now.Load() != before {
			t.Error("read while it changes")
		}
		pass(Interval)
		if s.count() != 2 || k.now.Load() == before {
			t.Errorf("not read after it has changed, %d reads", s.count())
		}
		if got := l.take(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "the certificate was read") {
			t.Errorf("the log says %s", got)
		}
		if got, err := k.Config().GetConfigForClient(nil); got != k.now.Load() || err != nil {
			t.Error("handshakes get another one")
		}
	})
}

// What cannot be used changes nothing and is told once; what comes after it is used.
func TestBadChanges(t *testing.T) {
	s := new(source)
	run(t, s, 365*24*time.Hour, Interval, func(t *testing.T, k *Keeper, l *log) {
		before := k.now.Load()
		s.put(t, 0, errors.New("they do not match"))
		pass(time.Minute)
		if k.now.Load() != before {
			t.Error("it is used")
		}
		if got := l.take(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "they do not match") || !strings.Contains(got, `"level":"error"`) {
			t.Errorf("the log says %s", got)
		}
		if _, err := k.Load(); err == nil {
			t.Error("loaded")
		}
		s.put(t, 100*24*time.Hour, nil)
		pass(time.Minute)
		if k.now.Load() == before {
			t.Error("what is good again is not used")
		}
	})
}

// What could not be read is used once it can be, although the files look the same; each reason is told once.
func TestMendedWithoutATrace(t *testing.T) {
	s := new(source)
	fail := func(err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.err = err
	}
	run(t, s, 365*24*time.Hour, Interval, func(t *testing.T, k *Keeper, l *log) {
		before := k.now.Load()
		s.put(t, 100*24*time.Hour, errors.New("others may access it"))
		pass(time.Minute)
		fail(errors.New("permission denied"))
		pass(time.Minute)
		if got := l.take(); strings.Count(got, "\n") != 2 || strings.Count(got, "others may access it") != 1 || strings.Count(got, "permission denied") != 1 {
			t.Errorf("the log says %s", got)
		}
		fail(nil)
		pass(2 * Interval)
		if k.now.Load() == before || !strings.Contains(l.take(), "the certificate was read") {
			t.Error("what was mended is not used")
		}
		reads := s.count()
		pass(time.Minute)
		if s.count() != reads {
			t.Error("what is in use is read again")
		}
	})
}

// The end of a certificate is told once a day, from two weeks before.
func TestExpiry(t *testing.T) {
	const day = 24 * time.Hour
	s := new(source)
	run(t, s, 20*day, time.Hour, func(t *testing.T, k *Keeper, l *log) {
		pass(5 * day)
		if got := l.take(); got != "" {
			t.Errorf("15 days before: %s", got)
		}
		pass(10 * day)
		if got := l.take(); strings.Count(got, "expires soon") != 9 || strings.Count(got, "\n") != 9 || !strings.Contains(got, "a.example.com") {
			t.Errorf("5 days before: %s", got)
		}
		pass(10 * day)
		if got := l.take(); !strings.Contains(got, `"level":"error"`) || !strings.Contains(got, "has expired") || strings.Count(got, "\n") != 10 {
			t.Errorf("5 days after: %s", got)
		}
		s.put(t, 365*day, nil)
		pass(3 * time.Hour)
		_ = l.take()
		pass(30 * day)
		if got := l.take(); got != "" {
			t.Errorf("renewed: %s", got)
		}
	})
}

func TestOpenFails(t *testing.T) {
	if k, err := Open(&source{err: errors.New("no")}, zerolog.Nop()); k != nil || err == nil {
		t.Errorf("%v, %v", k, err)
	}
}

func TestConfig(t *testing.T) {
	s := new(source)
	s.put(t, time.Hour, nil)
	s.pair.ClientCAs = x509.NewCertPool()
	k, err := Open(s, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	c := k.Config()
	if c.MinVersion != tls.VersionTLS12 || len(c.NextProtos) != 1 || c.NextProtos[0] != "http/1.1" || c.CipherSuites != nil {
		t.Errorf("%+v", c)
	}
	if c.ClientAuth != tls.RequireAndVerifyClientCert || !c.SessionTicketsDisabled || c.ClientCAs != s.pair.ClientCAs {
		t.Error("clients need no certificate")
	}
	for host, want := range map[string]string{"127.0.0.1": "127.0.0.1", "::1": "a.example.com", "b.example.com": "b.example.com"} {
		if got := k.Name(host); got != want {
			t.Errorf("%s is reached as %s", host, got)
		}
	}
	s.pair.Certificate.Leaf.DNSNames = []string{"*.example.com"}
	if got := k.Name("::1"); got != "::1" {
		t.Errorf("a wildcard is the name %s", got)
	}
	if trust := k.Client("127.0.0.1"); trust.ServerName != "127.0.0.1" || trust.RootCAs == nil {
		t.Errorf("%+v", trust)
	}
}

// A certificate of a few days, as some authorities issue them, is not told to end soon from its first day on.
func TestExpiryOfAShortCertificate(t *testing.T) {
	const day = 24 * time.Hour
	s := new(source)
	s.begins = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // when synctest begins
	run(t, s, 6*day, time.Hour, func(t *testing.T, _ *Keeper, l *log) {
		pass(3 * day)
		if got := l.take(); got != "" {
			t.Errorf("3 days before: %s", got)
		}
		pass(2 * day)
		if got := l.take(); !strings.Contains(got, "expires soon") {
			t.Errorf("one day before: %s", got)
		}
	})
}

func TestCertificateThatHasNotBegun(t *testing.T) {
	const day = 24 * time.Hour
	s := new(source)
	run(t, s, 365*day, time.Hour, func(t *testing.T, _ *Keeper, l *log) {
		s.begins = time.Now().Add(36 * time.Hour)
		s.put(t, 365*day, nil)
		pass(3 * time.Hour)
		if got := l.take(); strings.Count(got, "not valid yet") != 1 || !strings.Contains(got, `"level":"error"`) {
			t.Errorf("before it begins: %s", got)
		}
		pass(40 * time.Hour)
		_ = l.take()
		pass(30 * day)
		if got := l.take(); got != "" {
			t.Errorf("after it has begun: %s", got)
		}
	})
}
