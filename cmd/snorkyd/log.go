package main

import (
	"io"
	"os"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/cmd/snorkyd/config"
)

// newLogger logs lines of JSON, or pretty ones for people.
func newLogger(cfg config.Config, to io.Writer, terminal bool) zerolog.Logger {
	if cfg.LogFormat == "pretty" || cfg.LogFormat == "auto" && terminal {
		to = zerolog.ConsoleWriter{Out: to, TimeFormat: "15:04:05", NoColor: !terminal}
	}
	level, err := zerolog.ParseLevel(cfg.LogLevel)
	if err != nil { // the table of settings allows no other levels
		level = zerolog.InfoLevel
	}
	return zerolog.New(to).Level(level).With().Timestamp().Logger()
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
