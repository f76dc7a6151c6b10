package config

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/agnivade/levenshtein"
)

const maxShown = 80

// show quotes what somebody wrote, for an error: one line, no control characters, and not for ever.
func show(text string) string {
	if len(text) > maxShown {
		text = strings.ToValidUTF8(text[:maxShown], "") + "..."
	}
	return strconv.Quote(text)
}

// oneLine is for texts that others made.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	if len(text) > 4*maxShown {
		text = strings.ToValidUTF8(text[:4*maxShown], "") + "..."
	}
	return text
}

// suggest names the known name that is nearest to a wrong one, if any is near.
func suggest(wrong string, names []string, prefix string) string {
	if len(wrong) > maxShown {
		return ""
	}
	best, distance := "", 1+max(2, len(wrong)/3)
	for _, name := range names {
		d := levenshtein.ComputeDistance(normal(wrong), name)
		if len(wrong) > 2 && strings.HasPrefix(name, normal(wrong)+"-") {
			d = 1
		}
		if d < distance {
			best, distance = name, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + prefix + best + "?"
}

func normal(name string) string { return strings.ReplaceAll(strings.ToLower(name), "_", "-") }

func fileKeys() []string {
	names := tableKeys()
	for _, s := range settings {
		names = append(names, s.name)
	}
	return names
}
