package services

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// What stands in a pattern for something else than itself.
const (
	anyRun          = "*"
	identityPlace   = "{identity}"
	maxPatternBytes = 1024
)

// pattern is a pattern of channel names: literal texts, and between each two of them a gap that any run of characters
// fills, the empty one, too. Some of the gaps are places of an identity, which matters to channels that somebody owns.
type pattern struct {
	literals   []string // one more than there are gaps
	identities int      // gaps that are a place of an identity; the others come after them if the pattern has owners
	separator  string   // what an owner's identity may not have in it; empty: nothing
	unowned    error    // why no channel of the pattern has an owner
}

var (
	errNoPattern      = errors.New("is missing or empty")
	errLongPattern    = fmt.Errorf("is longer than %d bytes", maxPatternBytes)
	errPatternUTF8    = errors.New("is not UTF-8")
	errBraces         = errors.New("has braces in it; the only thing that stands in braces is {identity}")
	errNoIdentity     = errors.New("needs {identity} in the pattern")
	errStarBefore     = errors.New("takes no * in the pattern but behind the only {identity}")
	errStarNoDistance = errors.New("needs text between {identity} and *, which tells where the identity ends")
)

// newPattern reads a pattern.
func newPattern(text string) (*pattern, error) {
	switch {
	case text == "":
		return nil, errNoPattern
	case len(text) > maxPatternBytes:
		return nil, errLongPattern
	case !utf8.ValidString(text):
		return nil, errPatternUTF8
	case strings.ContainsAny(strings.ReplaceAll(text, identityPlace, ""), "{}"):
		return nil, errBraces
	}
	p := &pattern{unowned: errNoIdentity}
	stars := 0
	for literal := ""; ; {
		star, place := strings.Index(text, anyRun), strings.Index(text, identityPlace)
		switch {
		case star < 0 && place < 0:
			p.literals = append(p.literals, text)
			p.judgeOwners(stars)
			return p, nil
		case place < 0 || star >= 0 && star < place:
			literal, text = text[:star], text[star+len(anyRun):]
			stars++
		default:
			literal, text = text[:place], text[place+len(identityPlace):]
			p.identities++
			if stars > 0 {
				p.unowned = errStarBefore
			}
		}
		p.literals = append(p.literals, literal)
	}
}

// judgeOwners finds out whether each channel has one owner at most. In user:{identity}:* the channel user:a:b:c could be
// that of a, or of a:b; so there an identity may not have in it what ends it.
func (p *pattern) judgeOwners(stars int) {
	switch {
	case p.identities == 0 || p.unowned == errStarBefore: //nolint:errorlint // newPattern has put it there
	case stars == 0:
		p.unowned = nil
	case p.identities > 1:
		p.unowned = errStarBefore
	case p.literals[1] == "":
		p.unowned = errStarNoDistance
	default:
		_, size := utf8.DecodeRuneInString(p.literals[1])
		p.separator, p.unowned = p.literals[1][:size], nil
	}
}

// matches tells whether the pattern is about a channel, be it anybody's.
func (p *pattern) matches(channel string) bool {
	rest, ok := strings.CutPrefix(channel, p.literals[0])
	return ok && fits(rest, p.literals[1:])
}

// fits tells whether s is made of the literals, each behind any run of characters.
func fits(s string, literals []string) bool {
	last := len(literals) - 1
	if last < 0 {
		return s == ""
	}
	for _, literal := range literals[:last] {
		i := strings.Index(s, literal) // the first one leaves most for the others
		if i < 0 {
			return false
		}
		s = s[i+len(literal):]
	}
	return strings.HasSuffix(s, literals[last])
}

// ownedBy tells whether a channel is the pattern with the identity put in. Nothing in an identity has a meaning: its
// stars and braces are characters like any others.
func (p *pattern) ownedBy(identity, channel string) bool {
	if p.unowned != nil || p.separator != "" && strings.Contains(identity, p.separator) {
		return false
	}
	rest, ok := strings.CutPrefix(channel, p.literals[0])
	for _, literal := range p.literals[1 : 1+p.identities] {
		if !ok {
			return false
		}
		if rest, ok = strings.CutPrefix(rest, identity); ok {
			rest, ok = strings.CutPrefix(rest, literal)
		}
	}
	return ok && fits(rest, p.literals[1+p.identities:])
}
