package main

import (
	"encoding/json"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/snorky-go/snorky/examples/internal/browser"
)

// fill publishes enough to look at.
func fill(t *testing.T, b *browser.Tab) {
	t.Helper()
	for i, said := range []struct{ text, from string }{
		{"Good morning! The harbour is open.", "Harbour office"},
		{"Number 7 to the counter, please.", "Ticket desk"},
		{"There is a seal on the slipway. Please keep your distance, it is only resting, and it looks as if it intends to " +
			"stay there until the tide is in.", "Mo"},
		{"https://example.com/a/very/long/address/that/does/not/want/to/break/anywhere/at/all/because/it/has/no/blanks", ""},
		{"The ferry leaves at nine.", "Ada"},
	} {
		write(b, said.text, said.from)
		text, err := json.Marshal(said.text)
		if err != nil {
			t.Fatal(err)
		}
		b.Until(shown + " === " + string(rune('1'+i)) + " && " + newest + " === " + string(text))
	}
}

func TestLooks(t *testing.T) {
	d := start(t, "127.0.0.1:0")
	b := browser.Open(t, browser.Start(t))
	b.Do(chromedp.Navigate(d.page))
	b.Until(connected)
	b.Until(listeners("1"))
	for _, s := range []browser.Screen{
		{Name: "empty-light", Width: 1200, Height: 850},
		{Name: "empty-phone-dark", Width: 360, Height: 740, Dark: true, Phone: true},
	} {
		b.Show(s)
		b.Picture(s.Name)
	}
	fill(t, b)
	d.paste()
	b.Until(shown + " === 6")
	b.CheckLooks(t, "")
	b.ExpectQuiet()
}
