package actors

import (
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"
	cmap "github.com/orcaman/concurrent-map"
	"github.com/rs/zerolog"
)

// newActorSystem starts a protoactor system that logs through zerolog, and only what is wrong: its dead letters would
// otherwise put strangers' payloads into the log.
func newActorSystem(logger zerolog.Logger) *actor.ActorSystem {
	handler := zerolog.NewSlogHandler(logger.Level(max(zerolog.WarnLevel, logger.GetLevel())))
	system := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(handler)
	}))
	fold(system.ProcessRegistry)
	return system
}

// fold puts the table of all actors into fewer maps. protoactor spreads it over 32,768, each of which has room for eight
// actors as soon as it has had one: nine megabytes, to whatever broker runs long enough. The table is touched only when
// an actor begins and ends.
func fold(registry *actor.ProcessRegistryValue) {
	const buckets = 4 // of 32 maps each
	folded := &actor.SliceMap{}
	for range buckets {
		folded.LocalPIDs = append(folded.LocalPIDs, cmap.New())
	}
	for _, bucket := range registry.LocalPIDs.LocalPIDs {
		if bucket.IsEmpty() {
			continue
		}
		for id, process := range bucket.Items() {
			folded.GetBucket(id).Set(id, process)
		}
	}
	registry.LocalPIDs = folded
}
