package main

import (
	"io"
	"os"
	"sync/atomic"

	"github.com/coreos/go-systemd/v22/journal"
	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/cmd/snorkyd/config"
)

const (
	formatAuto    = "auto"
	formatPretty  = "pretty"
	formatJournal = "journal"
)

// newLogger logs lines of JSON, with a priority for the journal, or pretty ones for people.
func newLogger(cfg config.Config, to io.Writer, terminal, toJournal bool, least *logLevel) zerolog.Logger {
	auto := cfg.LogFormat == formatAuto
	switch {
	case cfg.LogFormat == formatPretty || auto && terminal:
		to = zerolog.ConsoleWriter{Out: to, TimeFormat: "15:04:05", NoColor: !terminal}
	case cfg.LogFormat == formatJournal || auto && toJournal:
		to = journalWriter{to: to, plain: journal.PriInfo}
	}
	least.set(cfg.LogLevel)
	return zerolog.New(to).Hook(least).With().Timestamp().Logger()
}

// logLevel is the least important level that is logged. It may change at any time, for all loggers that were made of one.
type logLevel struct{ atomic.Int32 }

func (l *logLevel) set(name string) {
	level, err := zerolog.ParseLevel(name)
	if err != nil { // the table of settings allows no other levels
		level = zerolog.InfoLevel
	}
	l.Store(int32(level))
}

// Run implements zerolog.Hook. A line that is not wanted was made in vain, of which there are few.
func (l *logLevel) Run(e *zerolog.Event, level zerolog.Level, _ string) {
	if level < zerolog.Level(l.Load()) {
		e.Discard()
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// isJournal tells whether what is written there goes to the journal of systemd, as systemd says by JOURNAL_STREAM. That
// variable is inherited by whoever is started from here, with another standard error, so the file has to be the one.
func isJournal(w io.Writer) bool {
	if f, ok := w.(*os.File); !ok || f != os.Stderr {
		return false
	}
	is, err := journal.StderrIsJournalStream()
	return is && err == nil
}

// journalWriter puts in front of each line the priority by which journalctl -p finds it (sd-daemon(3)).
type journalWriter struct {
	to    io.Writer
	plain journal.Priority // of lines without a level
}

// Write takes whole lines, one at a time.
func (w journalWriter) Write(line []byte) (int, error) { return w.write(w.plain, line) }

// WriteLevel implements zerolog.LevelWriter.
func (w journalWriter) WriteLevel(level zerolog.Level, line []byte) (int, error) {
	return w.write(w.priority(level), line)
}

func (w journalWriter) priority(level zerolog.Level) journal.Priority {
	switch level {
	case zerolog.TraceLevel, zerolog.DebugLevel:
		return journal.PriDebug
	case zerolog.InfoLevel:
		return journal.PriInfo
	case zerolog.WarnLevel:
		return journal.PriWarning
	case zerolog.ErrorLevel:
		return journal.PriErr
	case zerolog.FatalLevel, zerolog.PanicLevel:
		return journal.PriCrit
	default:
		return w.plain
	}
}

// write makes one call of it, so that a line stays whole.
func (w journalWriter) write(p journal.Priority, line []byte) (int, error) {
	whole := append([]byte{'<', '0' + byte(p), '>'}, line...)
	if _, err := w.to.Write(whole); err != nil {
		return 0, err
	}
	return len(line), nil
}
