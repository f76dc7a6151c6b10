package outlet_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/cmd/snorkyd/internal/outlet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLinesComeOutInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got strings.Builder
		o := outlet.New(&got)
		var want strings.Builder
		for i := range 1000 {
			line := fmt.Sprintf("line %d\n", i)
			want.WriteString(line)
			if n, err := o.Write([]byte(line)); n != len(line) || err != nil {
				t.Fatalf("%d, %v", n, err)
			}
		}
		o.Close(time.Second)
		if got.String() != want.String() {
			t.Errorf("got %d bytes, want %d", got.Len(), want.Len())
		}
	})
}

// gate is a writer that is stuck until the test lets it through.
type gate struct {
	mu    sync.Mutex
	lines strings.Builder
	open  chan struct{}
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.lines.Write(p)
}

func TestStuckWriterHoldsUpNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stuck := &gate{open: make(chan struct{})}
		o := outlet.New(stuck)
		o.OnLoss(func(writes int) { fmt.Fprintf(o, "lost %d\n", writes) })
		line := []byte(strings.Repeat("x", 1023) + "\n")
		_, _ = o.Write(line)
		synctest.Wait() // it is stuck with the first line
		const more = outlet.MaxQueuedBytes/1024 + 50
		for range more {
			_, _ = o.Write(line)
		}
		close(stuck.open)
		synctest.Wait()
		o.Close(time.Second)
		got := stuck.lines.String()
		if want := 1 + outlet.MaxQueuedBytes/1024; strings.Count(got, "x\n") != want {
			t.Errorf("%d lines, want %d", strings.Count(got, "x\n"), want)
		}
		if !strings.HasSuffix(got, "\nlost 50\n") {
			t.Errorf("the loss is not told at the end: %q", got[len(got)-20:])
		}
	})
}

func TestCloseDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stuck := &gate{open: make(chan struct{})}
		o := outlet.New(stuck)
		_, _ = o.Write([]byte("a line\n"))
		began := time.Now()
		o.Close(time.Second)
		if took := time.Since(began); took != time.Second {
			t.Errorf("Close took %v", took)
		}
		if _, err := o.Write([]byte("too late\n")); err != nil {
			t.Errorf("late write: %v", err)
		}
		close(stuck.open)
		synctest.Wait()
		if got := stuck.lines.String(); got != "a line\n" {
			t.Errorf("got %q", got)
		}
	})
}

type failing struct{ io.Writer }

func (failing) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestFailuresAreNobodysConcern(t *testing.T) {
	t.Parallel()
	o := outlet.New(failing{})
	for range 3 {
		if n, err := o.Write([]byte("a line\n")); n != 7 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	o.Close(time.Minute)
}
