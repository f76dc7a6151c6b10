package main

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
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
func (b *tab) write(text, from string) {
	b.t.Helper()
	b.do(
		chromedp.Evaluate[chromedp.Void](`document.querySelector("#form").reset()`),
		chromedp.SendKeys(chromedp.ID("from"), from),
		chromedp.SendKeys(chromedp.ID("text"), text),
		send,
	)
}

func TestPage(t *testing.T) {
	d := start(t, "127.0.0.1:0")
	first := openTab(t, browser(t))
	first.do(chromedp.Navigate(d.page))
	first.until(connected)
	first.until(listeners("1"))

	// A line in a terminal makes a message appear.
	d.paste()
	first.until(newest + ` === "Hello!"`)

	// So does the form, on all pages.
	second := openTab(t, first.ctx)
	second.do(chromedp.Navigate(d.page))
	second.until(connected)
	first.until(listeners("2"))
	second.until(listeners("2"))
	first.write("The ferry leaves at nine", "Ada")
	for _, b := range []*tab{first, second} {
		b.until(newest + ` === "The ferry leaves at nine"`)
		b.until(`document.querySelector("#feed li b").textContent === "Ada"`)
	}
	first.until(`document.querySelector("#text").value === ""`)

	// What is published is text, whatever it looks like.
	const markup = `<img src=x onerror="alert(1)"><b>not bold</b>`
	second.write(markup, "<i>Eve</i>")
	first.until(newest + " === `" + markup + "`")
	if n := evaluate[int](first, `document.querySelectorAll("#feed img, #feed i, #feed .words *").length`); n != 0 {
		t.Errorf("%d elements came in with a message", n)
	}

	second.do(chromedp.Navigate("about:blank"))
	first.until(listeners("1"))
	first.expectQuiet()
	second.expectQuiet()
}

func TestPageSurvivesTheServer(t *testing.T) {
	d := start(t, "127.0.0.1:0")
	b := openTab(t, browser(t))
	b.do(chromedp.Navigate(d.page), chromedp.Evaluate[chromedp.Void](`window.loadedOnce = true`))
	b.until(connected)
	d.paste()
	b.until(newest + ` === "Hello!"`)

	d.end()
	b.until(reconnecting)
	b.until(`document.querySelector("#audience").hidden`)
	b.show(screen{name: "waiting", width: 390, height: 844, phone: true})
	b.picture("reconnecting")
	b.write("Is anybody there?", "")
	b.until(`document.querySelector("#problem").textContent.includes("cannot be reached")`)
	if text := evaluate[string](b, `document.querySelector("#text").value`); text != "Is anybody there?" {
		t.Errorf("of what was written, %q is left", text)
	}

	again := start(t, d.address())
	b.until(connected)
	b.until(listeners("1"))
	again.paste()
	b.until(shown + ` === 2`)
	b.do(send)
	b.until(newest + ` === "Is anybody there?"`)
	if !evaluate[bool](b, `window.loadedOnce === true && document.querySelector("#problem").textContent === ""`) {
		t.Error("the page was loaded again, or still shows the problem")
	}
	// Browsers note failures to connect whatever a page does about them.
	b.expectQuiet("WebSocket connection to 'ws://localhost:", "net::ERR_CONNECTION_REFUSED")
}
