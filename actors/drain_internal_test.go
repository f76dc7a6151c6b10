package actors

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
)

// What cannot be delivered holds up the end only for a while: clients still get their close frames, in time.
func TestPublicationsThatAreNotDelivered(t *testing.T) {
	for name, test := range map[string]struct{ limit, closing, gives time.Duration }{
		"with time to close":    {10 * time.Second, 8 * time.Second, 8 * time.Second},
		"without time to close": {2 * time.Second, 0, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, err := NewBroker(Options{Portable: true})
				if err != nil {
					t.Fatal(err)
				}
				here, there := net.Pipe()
				if err := b.Attach(Attachment{Conn: there, Door: noDoor{}}); err != nil {
					t.Fatal(err)
				}
				b.publications.Load().add(1)
				synctest.Wait()
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), test.limit)
				defer cancel()
				ended := make(chan error, 1)
				go func() { ended <- b.Drain(ctx, Waves{Close: test.closing, Return: time.Minute}) }()
				head := make([]byte, 200)
				if n, err := here.Read(head); err != nil || n < 4 || head[0]&15 != wire.OpClose {
					t.Errorf("%q, %v", head[:n], err)
				}
				if took := time.Since(start); took < test.gives || took > test.gives+100*time.Millisecond {
					t.Errorf("closed after %v", took)
				}
				_ = here.Close()
				if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("ended with %v", err)
				}
			})
		})
	}
}
