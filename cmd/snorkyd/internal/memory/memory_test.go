package memory

import (
	"bytes"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The runtime knows all that is asked of it, and an allocation shows.
func TestUsage(t *testing.T) {
	r := newReader()
	runtime.GC()
	before := r.usage()
	block := bytes.Repeat([]byte{1}, 64<<20)
	runtime.GC()
	with := r.usage()
	runtime.KeepAlive(block)
	runtime.GC()
	after := r.usage()
	if before.Held <= 0 || before.Resident < before.Held || before.cycles == 0 {
		t.Errorf("before: %+v", before)
	}
	if got := with.Held - before.Held; got < 60<<20 || got > 80<<20 {
		t.Errorf("64 MiB count as %d", got)
	}
	if got := after.Held - before.Held; got > 20<<20 || after.cycles <= with.cycles {
		t.Errorf("after: %+v, before: %+v", after, before)
	}
}

// Garbage is none of what is held, though it is resident.
func TestGarbageIsNotHeld(t *testing.T) {
	r := newReader()
	runtime.GC()
	before := r.usage()
	for range 16 {
		_ = bytes.Repeat([]byte{1}, 1<<20)
	}
	if after := r.usage(); after.cycles == before.cycles && after.Held-before.Held > 4<<20 {
		t.Errorf("before: %+v, after: %+v", before, after)
	}
}

// fake is a process whose memory is what a test says.
type fake struct {
	mu          sync.Mutex
	held, waste int64 // waste: garbage that nobody has collected
	unknown     int64 // garbage that counts as held until somebody collects
	collections int
}

func (f *fake) usage() Usage {
	f.mu.Lock()
	defer f.mu.Unlock()
	return Usage{Resident: f.held + f.waste + f.unknown, Held: f.held + f.unknown, cycles: uint64(f.collections)}
}

func (f *fake) collect() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waste, f.unknown = 0, 0
	f.collections++
}

func (f *fake) set(held, waste, unknown int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held, f.waste, f.unknown = held, waste, unknown
}

func none() int64 { return 0 }

func TestJudge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		j := &judge{usage: f.usage, collect: f.collect}
		sockets := int64(0)
		c := Ceiling{Bytes: 100, sockets: func() int64 { return sockets }}
		for i, step := range []struct {
			held, waste, unknown, sockets int64
			want                          bool
			collections                   int
		}{
			{held: 50, want: false},
			{held: 99, want: false},
			{held: 50, waste: 70, want: false, collections: 1}, // looked at, and found to be garbage
			{held: 50, unknown: 70, want: false, collections: 2},
			{held: 100, want: true, collections: 3},
			{held: 95, want: true, collections: 4}, // hysteresis
			{held: 80, unknown: 15, want: false, collections: 5},
			{held: 95, want: false, collections: 5},
			{held: 50, sockets: 49, want: false, collections: 5},
			{held: 50, sockets: 50, want: true, collections: 6},
			{held: 50, sockets: 39, want: false, collections: 7},
		} {
			<-time.After(time.Minute)
			f.set(step.held, step.waste, step.unknown)
			sockets = step.sockets
			u, full := j.look(c)
			if full != step.want || f.collections != step.collections || u.Sockets != step.sockets {
				t.Errorf("%d: %v after %d collections, %+v", i, full, f.collections, u)
			}
		}
	})
}

// The collector is not run all the time, nor where the runtime has just done so.
func TestJudgeIsModest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		j := &judge{usage: f.usage, collect: func() { <-time.After(time.Second); f.collect() }}
		f.set(200, 0, 0)
		end := time.Now().Add(time.Hour)
		for time.Now().Before(end) {
			j.look(Ceiling{Bytes: 100, sockets: none})
			<-time.After(Interval)
		}
		if f.collections < 150 || f.collections > 181 { // 20 s and the second itself
			t.Errorf("%d collections of a second each in an hour", f.collections)
		}
		before := f.collections
		for range 100 {
			<-time.After(time.Minute)
			f.mu.Lock()
			f.collections++
			f.mu.Unlock()
			j.look(Ceiling{Bytes: 100, sockets: none})
		}
		if got := f.collections - before; got != 100 {
			t.Errorf("%d collections where the runtime made 100", got)
		}
	})
}

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		f.set(50, 0, 0)
		var told []bool
		var log bytes.Buffer
		c := Ceiling{Bytes: 100, Source: "max-memory", sockets: none}
		w := start(c, &judge{usage: f.usage, collect: f.collect}, zerolog.New(&log), func(full bool) { told = append(told, full) })
		defer w.Close()
		for i, step := range []struct {
			held int64
			want []bool
		}{{50, nil}, {150, []bool{true}}, {150, []bool{true}}, {10, []bool{true, false}}, {100, []bool{true, false, true}}} {
			f.set(step.held, 0, 0)
			<-time.After(2 * Interval)
			synctest.Wait()
			if s := w.Stats(); !slices.Equal(told, step.want) || s.Full != (len(told)%2 == 1) || s.Held != step.held || s.Ceiling != 100 {
				t.Errorf("%d: told %v, %+v", i, told, s)
			}
		}
		w.SetCeiling(Ceiling{})
		<-time.After(2 * Interval)
		synctest.Wait()
		if s := w.Stats(); s.Full || s.Ceiling != 0 || len(told) != 4 {
			t.Errorf("without a ceiling: %+v, %v", s, told)
		}
		w.Close()
		if lines := strings.Count(log.String(), "\n"); lines != 4 {
			t.Errorf("%d lines:\n%s", lines, &log)
		}
	})
}

func TestStartsAndEnds(t *testing.T) {
	full := make(chan bool, 10)
	w := Start(Ceiling{Bytes: 1, sockets: none}, zerolog.Nop(), func(f bool) { full <- f })
	if !<-full {
		t.Error("a process has less than a byte")
	}
	w.Close()
	w.Close()
}

func TestFindCeiling(t *testing.T) {
	const noLimit = math.MaxInt64
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	v2 := fstest.MapFS{
		"proc/self/cgroup": file("0::/system.slice/snorkyd.service\n"),
		"sys/fs/cgroup/system.slice/snorkyd.service/memory.max":  file("max\n"),
		"sys/fs/cgroup/system.slice/snorkyd.service/memory.high": file("1000\n"),
		"sys/fs/cgroup/system.slice/snorkyd.service/memory.stat": file("anon 5\nsock 77\nshmem 1\n"),
		"sys/fs/cgroup/system.slice/memory.max":                  file("2000\n"),
	}
	v1 := fstest.MapFS{
		"proc/self/cgroup":                                          file("5:cpu:/x\n4:memory:/box/1\n0::/\nrubbish\n"),
		"sys/fs/cgroup/unified/cgroup.procs":                        file(""),
		"sys/fs/cgroup/memory/box/1/memory.limit_in_bytes":          file("9223372036854771712\n"),
		"sys/fs/cgroup/memory/box/1/memory.kmem.tcp.usage_in_bytes": file("88\n"),
		"sys/fs/cgroup/memory/box/memory.limit_in_bytes":            file("3000\n"),
	}
	container := fstest.MapFS{ // the name of the group is one of the outside
		"proc/self/cgroup":         file("0::/docker/abc\n"),
		"sys/fs/cgroup/memory.max": file("4000\n"),
	}
	for name, test := range map[string]struct {
		configured, limit int64
		root              fstest.MapFS
		want              string
	}{
		"nothing":          {0, noLimit, fstest.MapFS{}, "0 , sockets 0"},
		"configured":       {500, 600, v2, "500 max-memory, sockets 77"},
		"of the runtime":   {0, 600, v2, "540 GOMEMLIMIT, sockets 0"},
		"version 2":        {0, noLimit, v2, "900 cgroup, sockets 77"},
		"version 1":        {0, noLimit, v1, "2700 cgroup, sockets 88"},
		"in a container":   {0, noLimit, container, "3600 cgroup, sockets 0"},
		"group of nothing": {0, noLimit, fstest.MapFS{"proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("rubbish")}, "0 , sockets 0"},
		"a way out":        {0, noLimit, fstest.MapFS{"proc/self/cgroup": file("0::/../../x\n"), "sys/fs/cgroup/memory.max": file("10")}, "9 cgroup, sockets 0"},
	} {
		c := findCeiling(test.configured, test.limit, test.root)
		if got := fmt.Sprintf("%d %s, sockets %d", c.Bytes, c.Source, c.sockets()); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
	for want, b := range map[Bound]Bound{
		{}:                          findBound(noLimit, fstest.MapFS{}),
		{600, "GOMEMLIMIT"}:         findBound(600, v2),
		{1000, "the control group"}: findBound(2000, v2),
		{4000, "the control group"}: findBound(noLimit, container),
	} {
		if b != want {
			t.Errorf("got %+v, want %+v", b, want)
		}
	}
	if c := FindCeiling(1 << 20); c.Bytes != 1<<20 || c.sockets() < 0 {
		t.Errorf("on this machine: %+v", c)
	}
}
