package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares with a file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; see what -update writes. Got:\n%s", file, got)
	}
}

// sample is a session in which every kind of row occurs: one that was measured, one with faults, noise and repetitions,
// one that failed and one that could not be had. The figures of a server differ from round to round.
func sample() Records {
	peers := []Peer{
		{Name: "snorky", Title: "Snorky", Setup: "defaults", Version: thisTree},
		{Name: "snorky-portable", Title: "Snorky, portable", Setup: "`-portable`", Version: thisTree},
		{Name: "centrifuge", Title: "centrifuge", Setup: "Centrifugo's defaults", Version: "0.40.1"},
		{Name: "centrifuge-tuned", Title: "centrifuge, tuned", Setup: "collects", Version: "0.40.1"},
		{Name: "nchan", Title: "nchan, 1 worker", Setup: "buffers", Version: "1.3.6 (nginx 1.22.1)"},
		{Name: "socketio", Title: "socket.io", Setup: "WebSocket only", LeftOut: "there is no npm:\nnothing | at all"},
		{Name: "limit-coalesce", Title: "limit, coalescing", Setup: "one write", Version: thisTree, Floor: true},
	}
	var names []string
	for _, p := range peers {
		names = append(names, p.Name)
	}
	s := Session{ID: 1, CPUs: 2, System: "Linux 6.1.0", Go: "go1.26.0", Rounds: 3, Arguments: "-rounds 3", Peers: peers}
	for _, n := range []int{100, 1000, 5000} {
		s.Scenarios = append(s.Scenarios, Scenario{
			Name: fmt.Sprintf("fanout-%d", n), Mode: "fanout", Subscribers: n, Size: 128, Publishers: 8, Window: 64, Seconds: 4,
			Peers: names,
		})
	}
	for _, rate := range []float64{20, 100} {
		s.Scenarios = append(s.Scenarios, Scenario{
			Name: fmt.Sprintf("latency-%g", rate), Mode: "latency", Subscribers: 1000, Rate: rate, Size: 128, Seconds: 10, Peers: names,
		})
	}
	s.Scenarios = append(s.Scenarios, Scenario{Name: "churn", Mode: "churn", Subscribers: 16, Seconds: 5, Peers: names})
	for _, n := range []int{5_000, 10_000, 19_000} {
		taking := names[:2]
		if n == 10_000 {
			taking = names[:6]
		}
		s.Scenarios = append(s.Scenarios, Scenario{Name: fmt.Sprintf("idle-%d", n), Mode: "idle", Subscribers: n, Peers: taking})
	}
	all := Records{Sessions: []Session{s}}
	for round := range 3 {
		for _, scenario := range s.Scenarios {
			for i, name := range scenario.Peers {
				run := Run{Session: 1, Scenario: scenario.Name, Peer: name, Round: round + 1, Attempt: 1, Other: 0.01}
				switch {
				case name == "socketio":
					continue
				case name == "nchan" && scenario.Mode == "churn":
					run.Failed = "it did not become ready"
				default:
					run.Figures = sampleFigures(scenario, i, round)
				}
				if name == "centrifuge" && scenario.Name == "fanout-1000" {
					discarded := run
					discarded.Discarded, discarded.Other = "others used 20 % of the machine", 0.2
					all.Runs = append(all.Runs, discarded)
					run.Attempt, run.Noisy = 2, round == 2
				}
				all.Runs = append(all.Runs, run)
			}
		}
	}
	return all
}

// sampleFigures gets worse with each server and wavers with the rounds.
func sampleFigures(s Scenario, server, round int) *Figures {
	worse := math.Pow(1.9, []float64{0, 1, 2, 3, 4, 5, -0.5}[server])
	waver := []float64{1, 1.1, 0.9}[round]
	if s.Mode == "latency" {
		p := 0.8 * worse * waver
		return &Figures{
			Seconds: 10, Latency: &bench.Percentiles{P50: p, P90: 1.4 * p, P99: 2.2 * p, P999: 4 * p, Max: 6 * p},
			CPU: bench.CPU{ServerPerMillion: 3 * worse},
		}
	}
	f := &Figures{
		Seconds: 4, Deliveries: 1000, DeliveriesPerSecond: 2.4e6 / worse * waver, ConnectsPerSecond: 5000 / worse,
		CyclesPerSecond: 4000 / worse, CyclesPerServerCPUSecond: 9000 / worse * waver,
		Cycle: &bench.Percentiles{P50: 2, P99: 11},
		CPU:   bench.CPU{ServerPerMillion: 0.31 * worse * waver, ServerIdlePercent: 0.5},
	}
	n := float64(s.Subscribers)
	each := 1100 * worse * waver
	f.Memory = bench.Memory{
		ServerPeak: 10e6 + n*each*1.5, ServerBefore: 9e6, ServerAfter: 9e6 + n*each, PerConnection: each, PeakPerConnection: 1.5 * each,
		KernelBuffersPerConnection: 3, KernelStructuresPerConnection: 4800 + 2e6/n,
	}
	if server == 4 && round == 1 {
		f.Faults = bench.Faults{Missing: 12, Disconnected: 1, First: "it lost some"}
	}
	return f
}

func TestSectionsOfARecordedSession(t *testing.T) {
	var b strings.Builder
	for _, s := range Sections(sample()) {
		fmt.Fprintf(&b, "# %s\n\n%s\n", s.Name, s.Text)
	}
	golden(t, "sections.md", b.String())
}

func TestPlotsOfARecordedSession(t *testing.T) {
	plots := Plots(sample())
	var names []string
	for _, p := range plots {
		names = append(names, p.File)
		golden(t, p.File, p.SVG)
		for decoder := xml.NewDecoder(strings.NewReader(p.SVG)); ; {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s is no XML: %v", p.File, err)
			}
		}
		if strings.Contains(p.SVG, "NaN") || strings.Contains(p.SVG, "Inf") {
			t.Errorf("%s has a place that is no number", p.File)
		}
	}
	if want := []string{"fanout.svg", "cost.svg", "latency.svg", "churn.svg", "idle.svg"}; !slices.Equal(names, want) {
		t.Errorf("plots %q, want %q", names, want)
	}
}

// TestAPlotWithoutFigures is what there is when no server works.
func TestAPlotWithoutFigures(t *testing.T) {
	r := sample()
	for i := range r.Runs {
		r.Runs[i].Figures, r.Runs[i].Failed = nil, "no luck"
	}
	for _, p := range Plots(r) {
		if strings.Contains(p.SVG, "NaN") || !strings.Contains(p.SVG, "not measured") {
			t.Errorf("%s: %s", p.File, p.SVG)
		}
	}
	for _, s := range Sections(r) {
		if s.Name != "setup" && !strings.Contains(s.Text, "not measured: no luck") {
			t.Errorf("%s: %s", s.Name, s.Text)
		}
	}
}

func TestRecordsSurviveAFile(t *testing.T) {
	var file, again bytes.Buffer
	if err := sample().Write(&file); err != nil {
		t.Fatal(err)
	}
	text := file.String()
	r, err := Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Write(&again); err != nil {
		t.Fatal(err)
	}
	if again.String() != text {
		t.Error("what was read is not what was written")
	}
	for _, broken := range []string{`{"run":{"session":"x"}}`, `{"other":1}`, `{"run"`} {
		if _, err := Read(strings.NewReader(broken)); err == nil {
			t.Errorf("%s was taken for records", broken)
		}
	}
}

// TestALaterSessionReplacesItsScenarios is what keeps the figures of one table in one session.
func TestALaterSessionReplacesItsScenarios(t *testing.T) {
	r := sample()
	var others []string
	for _, s := range r.Sessions[0].Scenarios {
		if s.Name != "churn" {
			others = append(others, s.Name)
		}
	}
	if left := r.Without(append(others, "churn")); len(left.Sessions) != 0 || len(left.Runs) != 0 {
		t.Errorf("of nothing there remain %d sessions and %d runs", len(left.Sessions), len(left.Runs))
	}
	left := r.Without([]string{"churn"})
	later := sample()
	session := later.Sessions[0]
	session.ID, session.CPUs = 2, 64
	left.Sessions = append(left.Sessions, session)
	for _, run := range later.Runs {
		if run.Scenario == "churn" {
			run.Session = 2
			left.Runs = append(left.Runs, run)
		}
	}
	for _, s := range Sections(left) {
		if isLater := strings.Contains(s.Text, "64 processors"); isLater != (s.Name == "churn") && s.Name != "setup" {
			t.Errorf("%s comes from the wrong session: %s", s.Name, s.Text)
		}
	}
	renumbered := left.Without(others)
	if len(renumbered.Sessions) != 1 || renumbered.Sessions[0].ID != 1 || renumbered.Sessions[0].CPUs != 64 {
		t.Errorf("got sessions %+v", renumbered.Sessions)
	}
	for _, run := range renumbered.Runs {
		if run.Session != 1 {
			t.Fatalf("a run of session %d", run.Session)
		}
	}
}

func TestFill(t *testing.T) {
	const document = "before\n<!-- peers:a -->\nold\n<!-- /peers:a -->\nbetween\n<!-- peers:b -->\n<!-- /peers:b -->\nafter\n"
	sections := []Section{{"b", "B\n"}, {"a", "A\n"}}
	const want = "before\n<!-- peers:a -->\n\nA\n\n<!-- /peers:a -->\nbetween\n<!-- peers:b -->\n\nB\n\n<!-- /peers:b -->\nafter\n"
	for range 2 { // a second time nothing changes
		got, err := Fill(document, sections)
		if err != nil || got != want {
			t.Errorf("got %v\n%s", err, got)
		}
	}
	if again, err := Fill(want, sections); err != nil || again != want {
		t.Errorf("filled twice: %v\n%s", err, again)
	}
	for _, broken := range []string{"", "<!-- peers:a -->\n", "<!-- /peers:a -->\n<!-- peers:a -->\n"} {
		if _, err := Fill(broken, sections[1:]); err == nil {
			t.Errorf("%q has a place for a section", broken)
		}
	}
}

func TestWrong(t *testing.T) {
	wrong := sample().Wrong()
	failed, faulty := 0, 0
	for _, text := range wrong {
		switch {
		case strings.Contains(text, "churn of nchan in round ") && strings.HasSuffix(text, " failed: it did not become ready"):
			failed++
		case strings.Contains(text, " of nchan in round 2: it lost some"):
			faulty++
		default:
			t.Errorf("%q is not wrong", text)
		}
	}
	if failed != 3 || faulty != 4 {
		t.Errorf("%d failed, %d had faults", failed, faulty)
	}
}

func TestDisturbedFiguresAreNotShownAsIfTheyWereNot(t *testing.T) {
	const warning = "Not to be relied on"
	r := sample()
	for _, s := range Sections(r) {
		if strings.Contains(s.Text, warning) {
			t.Errorf("%s is warned of for a run or two", s.Name)
		}
	}
	for i := range r.Runs {
		r.Runs[i].Noisy = r.Runs[i].Scenario == "churn" && r.Runs[i].Round < 3
	}
	for _, s := range Sections(r) {
		if warned := strings.Contains(s.Text, warning+":** others used too much of the machine in 10 of 15 runs."); warned != (s.Name == "churn") {
			t.Errorf("%s:\n%s", s.Name, s.Text)
		}
	}
}
