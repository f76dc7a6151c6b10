package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/snorky-go/snorky/examples/internal/browser"
)

// quote is a string as JavaScript has it.
func quote(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings cannot fail
	}
	return string(text)
}

// person is a page with people: the chat or the drawing.
type person struct{ *browser.Tab }

// visit opens a page, and says who the visitor is.
func visit(tab *browser.Tab, address, name string) person {
	p := person{tab}
	p.Do(chromedp.Navigate(address))
	p.Until(connected)
	p.Until(`document.querySelectorAll("#people li").length > 0`)
	if name != "" {
		p.call(name)
	}
	return p
}

// call changes the name of the visitor.
func (p person) call(name string) {
	p.Do(
		chromedp.Evaluate[chromedp.Void](`document.querySelector("#name").value = `+quote(name)),
		chromedp.SendKeys(chromedp.ID("name"), kb.Enter),
	)
}

// sees waits until the page shows that these people are there, the visitor first.
func (p person) sees(names ...string) {
	p.Until(fmt.Sprintf(`[...document.querySelectorAll("#people .name")].map((e) => e.textContent).join() === %s
		&& document.querySelector("#count").textContent === "(%d)"`, quote(strings.Join(names, ",")), len(names)))
}

// close leaves the page, as closing the tab does.
func (p person) close() { p.Do(chromedp.Navigate("about:blank")) }

// say sends a message by the form of the chat.
func (p person) say(text string) {
	p.Do(chromedp.SendKeys(chromedp.ID("text"), text+kb.Enter))
}

// reads waits until the last things that the chat shows are these: messages as "NAME: TEXT", events as they are.
func (p person) reads(last ...string) {
	p.Until(fmt.Sprintf(`[...document.querySelectorAll("#messages > li")].slice(-%d).map((li) =>
		li.classList.contains("message") ? li.querySelector("b").textContent + ": " + li.querySelector(".words").textContent
		: li.textContent).join("|") === %s`, len(last), quote(strings.Join(last, "|"))))
}

func TestChat(t *testing.T) {
	d := start(t, "127.0.0.1:0")
	tab := browser.Open(t, browser.Start(t))
	address := d.page + "chat"
	ada := visit(tab, address, "Ada")
	ada.sees("Ada")
	bob := visit(tab.Stranger(), address, "Bob")
	ada.sees("Ada", "Bob")
	bob.sees("Bob", "Ada")
	ada.Until(`[...document.querySelectorAll(".event")].some((e) => / is now Bob$/.test(e.textContent))`)

	ada.say("Is anybody there?")
	bob.reads("Ada: Is anybody there?")
	bob.say(`<b onclick="alert(1)">I am</b>`)
	for _, p := range []person{ada, bob} {
		p.reads("Ada: Is anybody there?", `Bob: <b onclick="alert(1)">I am</b>`)
		p.Until(`document.querySelector("#text").value === "" && document.querySelectorAll(".mine").length === 1`)
	}

	// A name that somebody has already does not make two people one.
	other := visit(tab.Stranger(), address, "Ada")
	bob.sees("Bob", "Ada", "Ada")
	other.close()
	bob.sees("Bob", "Ada")

	// Two tabs of one person are one; another name is one for both.
	second := visit(ada.Beside(), address, "")
	second.sees("Ada", "Bob")
	second.call("Ada L.")
	for _, p := range []person{ada, second} {
		p.sees("Ada L.", "Bob")
	}
	bob.sees("Bob", "Ada L.")
	bob.reads("Ada left", "Ada is now Ada L.") // the one who left was the stranger
	second.close()
	bob.say("Still there?")
	bob.reads("Ada is now Ada L.", "Bob: Still there?")
	bob.close()
	ada.sees("Ada L.")
	ada.reads("Bob: Still there?", "Bob left")

	ada.call("\u202eadA")
	ada.Until(`document.querySelector("#name-problem").textContent.includes("cannot be shown")`)
	ada.sees("Ada L.")
	for _, p := range []person{ada, bob, second, other} {
		p.ExpectQuiet()
	}
}

// looks has the page believe that somebody looks at it, or does not. A browser without a screen cannot tell.
func (p person) looks(isLooking bool) {
	p.Do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(
		`document.hasFocus = () => %v; window.dispatchEvent(new Event(%q))`, isLooking, map[bool]string{true: "focus", false: "blur"}[isLooking])))
}

// unread waits until the page shows that so many messages were not read.
func (p person) unread(number int) {
	title := "Snorky: chat"
	if number > 0 {
		title = fmt.Sprintf("(%d) %s", number, title)
	}
	p.Until(`document.title === ` + quote(title))
}

func TestReadMarks(t *testing.T) {
	d := start(t, "127.0.0.1:0")
	tab := browser.Open(t, browser.Start(t))
	address := d.page + "chat"
	ada, bob := visit(tab, address, "Ada"), visit(tab.Stranger(), address, "Bob")
	second := visit(ada.Beside(), address, "")
	second.sees("Ada", "Bob")

	ada.looks(false)
	second.looks(false)
	bob.say("One")
	bob.reads("Bob: One")
	bob.say("Two")
	for _, p := range []person{ada, second} {
		p.reads("New", "Bob: One", "Bob: Two")
		p.unread(2)
	}

	// What is read in one tab is read in the other. Where one looks, the line stays to show where to go on.
	second.looks(true)
	second.unread(0)
	second.reads("New", "Bob: One", "Bob: Two")
	ada.unread(0)
	ada.reads("Bob: One", "Bob: Two")

	// So is what arrives while somebody looks.
	bob.say("Three")
	second.reads("Bob: Two", "Bob: Three")
	ada.reads("Bob: Two", "Bob: Three")
	ada.unread(0)
	bob.unread(0)

	// What others do is seen, and what was not read, on all screens.
	bob.call("Bob, of the harbour office")
	ada.say("There is a seal on the slipway. Please keep your distance, it is only resting.")
	ada.reads("Bob is now Bob, of the harbour office", "Ada: There is a seal on the slipway. Please keep your distance, it is only resting.")
	second.looks(false)
	bob.say("I have seen it")
	ada.unread(1)
	ada.CheckLooks(t, "chat-")
	for _, p := range []person{ada, bob, second} {
		p.ExpectQuiet()
	}
}

func TestChatSurvivesTheServer(t *testing.T) {
	d := start(t, "127.0.0.1:0")
	tab := browser.Open(t, browser.Start(t))
	address := d.page + "chat"
	ada, bob := visit(tab, address, "Ada"), visit(tab.Stranger(), address, "Bob")
	both := []person{ada, bob}
	ada.sees("Ada", "Bob")

	d.process.Kill()
	for _, p := range both {
		p.Until(reconnecting)
		p.reads("The connection was lost. What is said now is missing here.")
	}
	ada.Show(browser.Screen{Name: "waiting", Width: 390, Height: 844, Phone: true})
	ada.Picture("chat-reconnecting")
	ada.say("Hello again")

	start(t, d.address())
	for _, p := range both {
		p.Until(connected)
	}
	ada.sees("Ada", "Bob")
	bob.sees("Bob", "Ada")
	// It has waited. Whether Bob was back by then is chance.
	ada.Until(`[...document.querySelectorAll(".mine .words")].map((e) => e.textContent).join() === "Hello again"`)
	bob.say("I have missed you")
	ada.reads("Bob: I have missed you")
	for _, p := range both {
		p.ExpectQuiet("WebSocket connection to 'ws://localhost:", "net::ERR_CONNECTION_REFUSED")
	}
}
