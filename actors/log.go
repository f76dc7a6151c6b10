package actors

import "unicode/utf8"

// cutLines bounds the lines a second about clients that are cut off, of which strangers can cause as many as they like.
const cutLines = 30

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
