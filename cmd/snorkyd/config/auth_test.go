package config

import (
	"slices"
	"testing"
)

// Rules that nobody can ever meet are told of, unless there is a way to have an identity.
func TestServicesOutOfReach(t *testing.T) {
	t.Parallel()
	c := Default()
	if got := c.OutOfReach(); got != nil {
		t.Errorf("of the defaults %q", got)
	}
	c.PubSub = []PubSub{
		{Name: "open", Subscribe: Everybody, Publish: Nobody},
		{Name: "asked", Subscribe: Application, Publish: Application},
		{Name: "members", Subscribe: Everybody, Publish: "authenticated"},
		{Name: "own", Subscribe: Everybody, Publish: Nobody, Channels: []Channel{{Pattern: "user:{identity}", Subscribe: "own"}}},
		{Name: "claims", Subscribe: "claim:staff", Publish: Nobody},
	}
	c.Chat, c.Cursors = []Plain{{Name: "chat"}}, []Plain{{Name: "cursors"}}
	if got, want := c.OutOfReach(), []string{"members", "own", "claims", "chat", "cursors"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	asking, signed := c, c
	asking.ApplicationConnect = true
	signed.TokenJWKSURL = "https://app.example/keys"
	for _, reached := range []Config{asking, signed} {
		if got := reached.OutOfReach(); got != nil {
			t.Errorf("got %q", got)
		}
	}
}
