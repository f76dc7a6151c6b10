package server

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/certificate"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
)

// stalled are files of a certificate on a file system that hangs, after they were read once.
type stalled struct {
	config.TLSFiles
	looks   int
	looking chan struct{} // closed when it hangs
	release chan struct{}
}

func (s *stalled) Version() any {
	if s.looks++; s.looks > 1 {
		close(s.looking)
		<-s.release
	}
	return 1
}

// The end does not wait for files that hang.
func TestEndWithCertificateFilesThatHang(t *testing.T) {
	t.Parallel()
	var cfg Config
	cfg.TLSCertFile, cfg.TLSKeyFile = trial.NewAuthority(t).Issue(time.Hour)
	synctest.Test(t, func(t *testing.T) {
		files := &stalled{TLSFiles: cfg.FrontendTLS(), looking: make(chan struct{}), release: make(chan struct{})}
		keeper, err := certificate.Open(files, zerolog.Nop())
		if err != nil {
			t.Fatal(err)
		}
		c := certificates{front: keeper}
		c.watch()
		<-files.looking
		began := time.Now()
		c.close()
		if took := time.Since(began); took != lastLook {
			t.Errorf("it took %v", took)
		}
		close(files.release)
	})
}
