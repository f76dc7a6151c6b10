package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Change is what makes one Config of another, as far as that is possible without a restart.
type Change struct {
	// InForce is what the two come to: what is new where that takes effect at once, and what was before elsewhere.
	InForce Config
	// Live are the names of the settings and services that have changed, sorted as in the table.
	Live []string
	// Restart are the names of those that would have, if the program were started again, each with what stays in force.
	Restart []string
}

// ChangeTo compares c, which is in force, with next, which is valid by itself. The error says why the two cannot be brought
// together without a restart.
func (c Config) ChangeTo(next Config) (Change, error) {
	all := Change{InForce: next.clone()}
	for _, row := range settings {
		old, now := row.field(&c), row.field(&all.InForce)
		if old.literal() == now.literal() {
			continue
		}
		if row.when == live && !c.stays(row, next) {
			all.Live = append(all.Live, row.name)
			continue
		}
		all.Restart = append(all.Restart, fmt.Sprintf("%s (stays %s)", row.name, shown(old)))
		copyValue(old, now)
	}
	all.services(c, next)
	if err := all.InForce.Validate(); err != nil {
		return all, Errorf("together with what needs a restart (%s): %w", strings.Join(all.Restart, ", "), err)
	}
	return all, nil
}

// stays is for changes to nothing of settings that may change otherwise. Without a key file there would be a random key,
// which a start shows and nobody has yet; and without pings the kernel has to find out which clients have gone, as it is
// told when a door is opened.
func (c Config) stays(row setting, next Config) bool {
	switch row.name {
	case "key-file":
		return next.KeyFile == ""
	case "ping-interval":
		return next.PingInterval == 0
	}
	return false
}

// shown is what a field has, without what may be secret in it.
func shown(field value) string {
	if field.String() == "" {
		return orNone("")
	}
	return showValue(field, field.String())
}

// copyValue puts what is in one field into another of the same setting. It was set that way, so it can be once more.
func copyValue(from, to value) {
	if several, ok := to.(list); ok {
		*several.all() = slices.Clone(*from.(list).all())
		return
	}
	_ = to.set(from.String())
}

// services decides which declarations are in force: those that the program was started with, and of a [[pubsub]] the new
// rules.
func (a *Change) services(old, next Config) {
	a.InForce.PubSub = nil
	stay := false
	for _, was := range old.PubSub {
		i := slices.IndexFunc(next.PubSub, func(p PubSub) bool { return p.Name == was.Name && p.Backend == was.Backend })
		switch {
		case i < 0:
			stay = true
			a.InForce.PubSub = append(a.InForce.PubSub, was)
			continue
		case !next.PubSub[i].sameRules(was):
			a.Live = append(a.Live, "pubsub "+show(was.Name))
		}
		a.InForce.PubSub = append(a.InForce.PubSub, next.PubSub[i])
	}
	stay = stay || len(next.PubSub) != len(old.PubSub)
	a.keep("pubsub", stay, namesOf(old.PubSub, func(p PubSub) string { return p.Name }))
	plain := func(p Plain) string { return p.Name }
	for _, kind := range []struct {
		key       string
		old, next []Plain
		inForce   *[]Plain
	}{
		{"messaging", old.Messaging, next.Messaging, &a.InForce.Messaging},
		{"chat", old.Chat, next.Chat, &a.InForce.Chat},
		{"cursors", old.Cursors, next.Cursors, &a.InForce.Cursors},
	} {
		*kind.inForce = kind.old
		a.keep(kind.key, !slices.Equal(kind.old, kind.next), namesOf(kind.old, plain))
	}
	a.InForce.DataSync = old.DataSync
	same := slices.EqualFunc(old.DataSync, next.DataSync, func(x, y DataSync) bool { return reflect.DeepEqual(x, y) })
	a.keep("datasync", !same, namesOf(old.DataSync, func(d DataSync) string { return d.Name }))
}

func (a *Change) keep(key string, changed bool, names []string) {
	if changed {
		a.Restart = append(a.Restart, fmt.Sprintf("%s (stays %s)", key, orNone(strings.Join(names, ", "))))
	}
}

func namesOf[T any](services []T, name func(T) string) (all []string) {
	for _, s := range services {
		all = append(all, show(name(s)))
	}
	return all
}

// sameRules compares what may change of a service.
func (s PubSub) sameRules(t PubSub) bool {
	return s.Subscribe == t.Subscribe && s.Publish == t.Publish && slices.Equal(s.Channels, t.Channels)
}

// Setting is what a program may know about a row of the table.
type Setting struct {
	Name string
	Live bool // SIGHUP has it take effect
}

// Settings are all rows of the table.
func Settings() []Setting {
	all := make([]Setting, len(settings))
	for i, row := range settings {
		all[i] = Setting{Name: row.name, Live: row.when == live}
	}
	return all
}
