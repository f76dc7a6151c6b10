package actors

import "unicode/utf8"

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
