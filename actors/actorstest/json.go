package actorstest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/snorky-go/snorky/actors/wire"
)

// JSON is a JSON text, for values that a test would rather write than marshal. Wherever this package takes any value, it
// takes one of these as it is.
type JSON = json.RawMessage

// encode makes JSON, without what json.Marshal does for the sake of HTML.
func encode(v any) (json.RawMessage, error) {
	if raw, ok := v.(json.RawMessage); ok {
		return raw, nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// same compares JSON values by PROTOCOL.md section 3. Of those longer than wire.MaxKeyBytes only identical texts are.
func same(got, want []byte) bool {
	if bytes.Equal(got, want) {
		return true
	}
	x, err := wire.CanonicalKey(got)
	if err != nil {
		return false
	}
	y, err := wire.CanonicalKey(want)
	return err == nil && x == y
}

// mostShown is how much of a text failures show, in bytes.
const mostShown = 2000

// clip is a text as failures show it.
func clip(text []byte) string {
	if len(text) <= mostShown {
		return string(text)
	}
	end := mostShown
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return fmt.Sprintf("%s... (%d bytes)", text[:end], len(text))
}
