package supervisor

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// maxNote bounds a text in the status line, such as that of an error.
const maxNote = 300

// statusLine makes a STATUS of parts, without those that are empty.
func statusLine(parts ...string) string {
	var line strings.Builder
	line.WriteString("STATUS=")
	first := true
	for _, part := range parts {
		if part == "" {
			continue
		}
		if !first {
			line.WriteString("; ")
		}
		first = false
		line.WriteString(part)
	}
	return line.String()
}

// counts says how much there is at the moment.
func counts(b Broker) string {
	stats := b.Stats()
	return fmt.Sprintf("connections: %d, channels: %d, subscriptions: %d", stats.Connections, stats.Channels, stats.Subscriptions)
}

// note makes a text fit for a line of the protocol, which ends at a line feed and has to be UTF-8.
func note(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > maxNote {
		text = strings.ToValidUTF8(text[:maxNote], "") + "..."
	}
	return strings.TrimSpace(text)
}

func clock() string { return time.Now().UTC().Format(time.RFC3339) }
