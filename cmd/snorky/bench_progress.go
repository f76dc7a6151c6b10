package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench"
)

// progress chooses how to tell how it goes: on one line of a terminal, or in lines of their own every other second. done
// is to be called when it is over.
func (a *app) progress(b *benchmark) (report bench.Report, done func()) {
	const plainEvery = 2 * time.Second
	nothing := func() {}
	switch {
	case a.report.quiet:
		return nil, nothing
	case b.progress:
		var last time.Time
		return func(p bench.Progress) {
			if time.Since(last) >= plainEvery {
				last = time.Now()
				a.report.note(progressNote(p, b))
			}
		}, nothing
	case !a.report.json && isTerminalOutput(a.report.w):
		return live(a.report.w, b)
	}
	return nil, nothing
}

// live tells it on one line, which each report writes anew.
func live(w io.Writer, b *benchmark) (report bench.Report, done func()) {
	const toTheBeginning, clearBehind = "\r", "\x1b[K"
	told := false
	return func(p bench.Progress) {
			told = true
			_, _ = io.WriteString(w, toTheBeginning+progressNote(p, b).Text+clearBehind)
		}, func() {
			if told {
				_, _ = io.WriteString(w, toTheBeginning+clearBehind)
			}
		}
}

func isTerminalOutput(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}

func progressNote(p bench.Progress, b *benchmark) noteLine {
	text := fmt.Sprintf("%s %.1f s: ", p.Phase, p.Elapsed.Seconds())
	switch {
	case p.Phase == bench.PhaseConnecting:
		text += fmt.Sprintf("%d of %d connected", p.Connected, b.Subscribers+b.Beside)
	case b.mode == "churn":
		text += fmt.Sprintf("%s cycles/s", grouped(p.PerSecond))
	case p.Phase == bench.PhaseSettling:
		text += fmt.Sprintf("%d connected", p.Connected)
	default:
		text += fmt.Sprintf("%s deliveries/s, %s in flight", grouped(p.PerSecond), grouped(float64(p.InFlight)))
	}
	return noteLine{Event: "progress", Text: fmt.Sprintf("%s, %d faults", text, p.Faults)}
}
