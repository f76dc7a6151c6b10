package main

import (
	"strings"
	"testing"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/actorstest"
	"github.com/snorky-go/snorky/actors/services"
)

// Secrets of two visitors, and the ids that come of them.
const (
	adasSecret = "the-secret-of-ada"
	adasID     = "7eefcb2f588543c6"
	bobsSecret = "the-secret-of-bob"
)

func enter(c *actorstest.Client, name, secret string) identity {
	var who identity
	c.Call("visitor", "enter", enterParams{Name: name, Secret: secret}).Data(&who)
	return who
}

func TestNames(t *testing.T) {
	actorstest.Run(t, actors.Options{}, func(t *testing.T, b *actorstest.Broker) {
		b.Frontend("visitor", visitor{})
		ann := b.Client("ann")
		for _, c := range []struct{ name, want, refused string }{
			{name: "Ada", want: "Ada"},
			{name: " Ada Lovelace\n", want: "Ada Lovelace"},
			{name: "O'Neill <b>", want: "O'Neill <b>"},
			{name: "李小龍", want: "李小龍"},
			{name: "نرگس\u200cها", want: "نرگس\u200cها"},
			{name: "👩\u200d🚀", want: "👩\u200d🚀"},
			{name: strings.Repeat("é", 40), want: strings.Repeat("é", 40)},
			{name: strings.Repeat("é", 41), refused: "This name is too long."},
			{name: "", refused: "Write your name first."},
			{name: " \t ", refused: "Write your name first."},
			{name: "A\nB", refused: "There are characters in this name that cannot be shown."},
			{name: "A\x00", refused: "There are characters in this name that cannot be shown."},
			{name: "\u202eadA", refused: "There are characters in this name that cannot be shown."},
			{name: "\u200b", refused: "There are characters in this name that cannot be shown."},
		} {
			answer := ann.Call("visitor", "enter", enterParams{Name: c.name, Secret: adasSecret})
			if c.refused != "" {
				answer.WantError(c.refused)
				continue
			}
			answer.Want(identity{ID: adasID, Name: c.want})
		}
	})
}

func TestSecrets(t *testing.T) {
	actorstest.Run(t, actors.Options{}, func(t *testing.T, b *actorstest.Broker) {
		b.Frontend("visitor", visitor{})
		tab, otherTab, stranger := b.Client("tab"), b.Client("other tab"), b.Client("stranger")
		if ada, again := enter(tab, "Ada", adasSecret), enter(otherTab, "Ada", adasSecret); ada != again {
			t.Errorf("two tabs of one visitor are %v and %v", ada, again)
		}
		if other := enter(stranger, "Ada", bobsSecret); other.ID == adasID || len(other.ID) != len(adasID) {
			t.Errorf("a stranger of the same name has the id %s", other.ID)
		}
		for _, secret := range []string{"", "short", strings.Repeat("x", 65)} {
			tab.Call("visitor", "enter", enterParams{Name: "Ada", Secret: secret}).WantError("Invalid params")
		}
		tab.Call("visitor", "enter", map[string]any{"name": "Ada"}).WantError("Invalid params")
		tab.Call("visitor", "enter", map[string]any{"name": 1, "secret": adasSecret}).WantError("Invalid params")
	})
}

// What the page does: it says who it is, and joins. All tabs of a visitor are one person to the others.
func TestPresence(t *testing.T) {
	actorstest.Run(t, actors.Options{}, func(t *testing.T, b *actorstest.Broker) {
		b.Frontend("visitor", visitor{})
		b.Frontend("chat", services.NewChat())
		pier := map[string]any{"channel": "pier"}
		tab, otherTab, bob := b.Client("tab"), b.Client("other tab"), b.Client("bob")
		bob.Call("chat", "join", pier).WantError("Not authenticated")
		bobIs := enter(bob, "Bob", bobsSecret)
		bob.Call("chat", "join", pier).Want(map[string]any{"members": []any{bobIs}})

		adaIs := enter(tab, "Ada", adasSecret)
		tab.Call("chat", "join", pier)
		enter(otherTab, "Ada", adasSecret)
		otherTab.Call("chat", "join", pier)
		presence := func(status string) {
			t.Helper()
			var told struct {
				From   identity
				Status string
			}
			if bob.Next().Decode(&told); told.From != adaIs || told.Status != status {
				t.Errorf("Bob hears %+v, not that Ada has %s", told, status)
			}
			bob.Quiet()
		}
		presence("joined")
		tab.Close()
		bob.Quiet()
		otherTab.Close()
		presence("left")
	})
}
