package main

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/snorky-go/snorky/examples/internal/browser"
)

// What the page shows, as JavaScript.
const (
	connected    = `document.querySelector("#state").textContent === "Connected"`
	reconnecting = `/^Reconnecting in \d+ s$/.test(document.querySelector(".badge").innerText.trim())`
	shown        = `document.querySelectorAll("#feed li").length`
	newest       = `document.querySelector("#feed li .words")?.textContent`
)

func listeners(number string) string {
	return `!document.querySelector("#audience").hidden && document.querySelector("#listeners").textContent === "` + number + `"`
}

// send presses the button by the keyboard: while the page reconnects, what it says moves the button away from a pointer.
var send = chromedp.SendKeys(chromedp.ID("send"), kb.Enter)

// write fills in the form and sends it.
func write(b *browser.Tab, text, from string) {
	b.Do(
		chromedp.Evaluate[chromedp.Void](`document.querySelector("#form").reset()`),
		chromedp.SendKeys(chromedp.ID("from"), from),
		chromedp.SendKeys(chromedp.ID("text"), text),
		send,
	)
}

func TestPage(t *testing.T) {
	d := start(t, "127.0.0.1:0")
	first := browser.Open(t, browser.Start(t))
	first.Do(chromedp.Navigate(d.page))
	first.Until(connected)
	first.Until(listeners("1"))

	// A line in a terminal makes a message appear.
	d.paste()
	first.Until(newest + ` === "Hello!"`)

	// So does the form, on all pages.
	second := first.Beside()
	second.Do(chromedp.Navigate(d.page))
	second.Until(connected)
	first.Until(listeners("2"))
	second.Until(listeners("2"))
	write(first, "The ferry leaves at nine", "Ada")
	for _, b := range []*browser.Tab{first, second} {
		b.Until(newest + ` === "The ferry leaves at nine"`)
		b.Until(`document.querySelector("#feed li b").textContent === "Ada"`)
	}
	first.Until(`document.querySelector("#text").value === ""`)

	// What is published is text, whatever it looks like.
	const markup = `<img src=x onerror="alert(1)"><b>not bold</b>`
	write(second, markup, "<i>Eve</i>")
	first.Until(newest + " === `" + markup + "`")
	if n := browser.Evaluate[int](first, `document.querySelectorAll("#feed img, #feed i, #feed .words *").length`); n != 0 {
		t.Errorf("%d elements came in with a message", n)
	}

	second.Do(chromedp.Navigate("about:blank"))
	first.Until(listeners("1"))
	first.ExpectQuiet()
	second.ExpectQuiet()
}

func TestPageSurvivesTheServer(t *testing.T) {
	d := start(t, "127.0.0.1:0")
	b := browser.Open(t, browser.Start(t))
	b.Do(chromedp.Navigate(d.page), chromedp.Evaluate[chromedp.Void](`window.loadedOnce = true`))
	b.Until(connected)
	d.paste()
	b.Until(newest + ` === "Hello!"`)

	d.process.Kill()
	b.Until(reconnecting)
	b.Until(`document.querySelector("#audience").hidden`)
	b.Show(browser.Screen{Name: "waiting", Width: 390, Height: 844, Phone: true})
	b.Picture("reconnecting")
	write(b, "Is anybody there?", "")
	b.Until(`document.querySelector("#problem").textContent.includes("cannot be reached")`)
	if text := browser.Evaluate[string](b, `document.querySelector("#text").value`); text != "Is anybody there?" {
		t.Errorf("of what was written, %q is left", text)
	}

	again := start(t, d.address())
	b.Until(connected)
	b.Until(listeners("1"))
	again.paste()
	b.Until(shown + ` === 2`)
	b.Do(send)
	b.Until(newest + ` === "Is anybody there?"`)
	if !browser.Evaluate[bool](b, `window.loadedOnce === true && document.querySelector("#problem").textContent === ""`) {
		t.Error("the page was loaded again, or still shows the problem")
	}
	// Browsers note failures to connect whatever a page does about them.
	b.ExpectQuiet("WebSocket connection to 'ws://localhost:", "net::ERR_CONNECTION_REFUSED")
}
