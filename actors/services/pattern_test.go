package services

import (
	"strings"
	"testing"
)

// No channel has two owners, whatever the pattern and whatever is in an identity.
func FuzzOwners(f *testing.F) {
	for _, pattern := range []string{"user:{identity}", "{identity}", "{identity}{identity}", "a{identity}a*", "u:{identity}:*:x*", "*{identity}"} {
		f.Add(pattern, "a", "a:b", ":b:x")
		f.Add(pattern, "aa", "a", "a")
		f.Add(pattern, "*", "{identity}", "")
	}
	f.Fuzz(func(t *testing.T, text, one, other, filling string) {
		p, err := newPattern(text)
		if err != nil || one == other {
			return
		}
		for _, channel := range []string{
			text, strings.ReplaceAll(text, identityPlace, one),
			strings.ReplaceAll(strings.ReplaceAll(text, identityPlace, one), anyRun, filling),
			strings.ReplaceAll(strings.ReplaceAll(text, identityPlace, other), anyRun, filling),
		} {
			ones, others := p.ownedBy(one, channel), p.ownedBy(other, channel)
			if ones && others {
				t.Errorf("%q of %q belongs to %q and %q", channel, text, one, other)
			}
			if (ones || others) && !p.matches(channel) {
				t.Errorf("%q has an owner, but is not of %q", channel, text)
			}
		}
		if p.unowned == nil && p.separator == "" && !p.ownedBy(one, strings.ReplaceAll(text, identityPlace, one)) {
			t.Errorf("%q owns nothing in %q", one, text)
		}
	})
}
