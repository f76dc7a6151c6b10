package outlet_test

import (
	"errors"
	"fmt"
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

// broken is a writer that takes so many bytes of each batch while it is broken.
type broken struct {
	mu    sync.Mutex
	whole bool
	takes int
	lines strings.Builder
}

func (b *broken) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.whole {
		return b.lines.Write(p)
	}
	return min(b.takes, len(p)), errors.New("no space left on device")
}

func (b *broken) mend() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.whole = true
}

// What cannot be written fails nobody, but is counted, and told once there is room again.
func TestFailedWritesAreLost(t *testing.T) {
	t.Parallel()
	for takes, want := range map[int]uint64{0: 3, 9: 2} { // the second line of three is cut in two
		synctest.Test(t, func(t *testing.T) {
			to := &broken{takes: takes}
			o := outlet.New(to)
			o.OnLoss(func(lines int) { fmt.Fprintf(o, "lost %d\n", lines) })
			if n, err := o.Write([]byte("line 1\nline 2\nline 3\n")); n != 21 || err != nil {
				t.Errorf("%d, %v", n, err)
			}
			synctest.Wait()
			if got := o.Lost(); got != want {
				t.Errorf("of three lines, with room for %d bytes, %d were lost, want %d", takes, got, want)
			}
			to.mend()
			_, _ = o.Write([]byte("room again\n"))
			synctest.Wait()
			o.Close(time.Second)
			if got, tells := to.lines.String(), fmt.Sprintf("room again\nlost %d\n", want); got != tells {
				t.Errorf("got %q, want %q", got, tells)
			}
		})
	}
}
