package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench/peers/report"
)

// look reads what the system and the server itself tell of the process.
func (v *server) look(ctx context.Context) (s report.SoakSample) {
	status := string(v.file("status"))
	s.RSS = int64(field(status, "VmRSS:")) << 10
	s.Threads = int(field(status, "Threads:"))
	if open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", v.pid())); err == nil {
		s.Descriptors = len(open)
	}
	stat := v.file("stat")
	if i := bytes.LastIndexByte(stat, ')'); i >= 0 { // the name before it may have anything in it
		if fields := strings.Fields(string(stat[i+1:])); len(fields) > 12 {
			s.CPU = (number(fields[11]) + number(fields[12])) / 100 // ticks, user and system
		}
	}
	v.scrape(ctx, &s)
	return s
}

// scrape asks the admin address, where there is one.
func (v *server) scrape(ctx context.Context, s *report.SoakSample) {
	if v.admin == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+v.admin+"/metrics", nil)
	if err != nil {
		return
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return
	}
	defer func() { _ = answer.Body.Close() }()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		switch name {
		case "go_goroutines", "go_sched_goroutines_goroutines":
			s.Goroutines = int(number(value))
		case "go_memstats_heap_alloc_bytes", "go_memory_classes_heap_objects_bytes":
			s.Heap = int64(number(value))
		}
	}
}

func (v *server) file(name string) []byte {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", v.pid(), name))
	return text
}

// field is the number behind a name.
func field(text, name string) float64 {
	_, after, _ := strings.Cut(text, "\n"+name)
	if fields := strings.Fields(after); len(fields) > 0 {
		return number(fields[0])
	}
	return 0
}

func number(text string) float64 {
	v, _ := strconv.ParseFloat(text, 64)
	return v
}
