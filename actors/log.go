package actors

import (
	"log/slog"
	"unicode/utf8"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"
)

// newActorSystem starts a protoactor system that logs through zerolog, and only what is wrong: its dead letters would
// otherwise put strangers' payloads into the log.
func newActorSystem(logger zerolog.Logger) *actor.ActorSystem {
	handler := zerolog.NewSlogHandler(logger.Level(max(zerolog.WarnLevel, logger.GetLevel())))
	return actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(handler)
	}))
}

// maxLoggedName bounds what one name chosen by a stranger takes in a log line, in bytes.
const maxLoggedName = 100

// clip shortens a stranger's name for the log, at the edge of a character. zerolog escapes what is left.
func clip(name string) string {
	if len(name) <= maxLoggedName {
		return name
	}
	end := maxLoggedName
	for end > 0 && !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end] + "..."
}
