// Package pagetest drives the page of the to-do list as people do, and tests what it has to do wherever it is served.
package pagetest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/snorky-go/snorky/examples/internal/browser"
)

// Page is the list in a tab.
type Page struct{ *browser.Tab }

// Open shows the list at an address and waits until it follows changes.
func Open(tab *browser.Tab, address string) Page {
	p := Page{tab}
	p.Go(address)
	p.Live()
	return p
}

// Go shows the list at an address, whether it follows changes or not.
func (p Page) Go(address string) { p.Do(chromedp.Navigate(address)) }

// Live waits until the page follows changes.
func (p Page) Live() { p.Until(`document.querySelector("#state").textContent === "Connected"`) }

// Add adds a task by the form.
func (p Page) Add(title string) {
	p.Do(chromedp.SendKeys(chromedp.ID("title"), title+kb.Enter))
	p.Until(`document.querySelector("#title").value === ""`)
}

// row is a JavaScript expression for the row of a task.
func row(title string) string {
	return `[...document.querySelectorAll("#tasks li")].find((li) => li.querySelector(".title").textContent === ` + quote(title) + `)`
}

// quote is a value as JavaScript has it, and as JSON.stringify writes it.
func quote(v any) string {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(err) // strings cannot fail
	}
	return strings.TrimSpace(text.String())
}

// Press presses something in the row of a task by the keyboard.
func (p Page) Press(title, selector string, key string) {
	p.Until(row(title) + ` !== undefined`)
	p.Do(chromedp.Evaluate[chromedp.Void](row(title) + `.querySelector(` + quote(selector) + `).focus()`))
	p.Do(chromedp.KeyEvent(key))
}

// Tick ticks the box of a task, or takes the tick away.
func (p Page) Tick(title string) { p.Press(title, "input[type=checkbox]", " ") }

// Tool presses a button of a task: take, up, down, edit or remove.
func (p Page) Tool(title, what string) { p.Press(title, "[data-do="+what+"]", kb.Enter) }

// Rename edits the title of a task.
func (p Page) Rename(from, to string) {
	p.Tool(from, "edit")
	p.Until(`document.activeElement.closest(".edit") !== null`)
	p.Do(chromedp.KeyEvent(to + kb.Enter)) // what was there is selected
}

// Call says who the visitor is.
func (p Page) Call(name string) {
	p.Do(
		chromedp.Evaluate[chromedp.Void](`document.querySelector("#name").value = ""`),
		chromedp.SendKeys(chromedp.ID("name"), name+kb.Enter),
	)
	p.Live()
}

// View shows another view: all, open or mine.
func (p Page) View(name string) {
	p.Do(chromedp.Evaluate[chromedp.Void](`location.hash = ` + quote(name)))
	p.Until(`document.querySelector("#views [aria-current]").hash === ` + quote("#"+name))
	p.Live()
}

// Shows waits until the page shows tasks with these titles in this order. Those that are done have a "✓" in front.
func (p Page) Shows(titles ...string) {
	want := make([]string, len(titles))
	for i, title := range titles {
		want[i] = fmt.Sprintf("%v %s", strings.HasPrefix(title, "✓"), strings.TrimPrefix(title, "✓"))
	}
	p.Until(`JSON.stringify([...document.querySelectorAll("#tasks li")].map((li) =>
		li.querySelector("input[type=checkbox]").checked + " " + li.querySelector(".title").textContent)) === ` + quote(quote(want)))
}

// Watch begins to note all that the page shows from now on.
func (p Page) Watch() {
	p.Do(chromedp.Evaluate[chromedp.Void](`{
		window.saw = [];
		const look = () => {
			const now = [...document.querySelectorAll("#tasks .title")].map((title) => title.textContent).join(" ");
			if (now !== window.saw.at(-1)) window.saw.push(now);
		};
		new MutationObserver(look).observe(document.querySelector("#tasks"), { subtree: true, childList: true, characterData: true });
		look();
	}`))
}

// Saw waits until what Watch has noted is this: the titles of each moment, with blanks between them.
func (p Page) Saw(moments ...string) {
	p.Until(`JSON.stringify(window.saw) === ` + quote(quote(moments)))
}

// Problem waits until the page shows a problem with a text in it.
func (p Page) Problem(text string) {
	p.Until(`document.querySelector("#problem").textContent.includes(` + quote(text) + `)`)
}

// Run tests the page at an address, which has an empty list, with two visitors at once.
func Run(t *testing.T, tab *browser.Tab, address string) {
	ada := Open(tab, address)
	bob := Open(tab.Stranger(), address)
	ada.Call("Ada")

	ada.Do(chromedp.SendKeys(chromedp.ID("title"), " "+kb.Enter))
	ada.Problem("Write what is to be done first")
	ada.Do(chromedp.SendKeys(chromedp.ID("title"), kb.Backspace))

	// What one does, the other sees, and each of it once: who did it hears of it by the answer and by Snorky.
	ada.Watch()
	bob.Watch()
	ada.Add("Rinse the wetsuit")
	bob.Shows("Rinse the wetsuit")
	bob.Add("Fill the bottles")
	ada.Shows("Rinse the wetsuit", "Fill the bottles")
	for _, p := range []Page{ada, bob} {
		p.Saw("", "Rinse the wetsuit", "Rinse the wetsuit Fill the bottles")
	}
	ada.Tick("Fill the bottles")
	bob.Shows("Rinse the wetsuit", "✓Fill the bottles")
	bob.Tick("Fill the bottles")
	ada.Shows("Rinse the wetsuit", "Fill the bottles")
	bob.Rename("Rinse the wetsuit", "Wash the wetsuit")
	ada.Shows("Wash the wetsuit", "Fill the bottles")
	ada.Tool("Fill the bottles", "up")
	bob.Shows("Fill the bottles", "Wash the wetsuit")
	bob.Press("Fill the bottles", "[data-do=edit]", "") // only the focus
	bob.Do(chromedp.KeyEvent(kb.ArrowDown, chromedp.KeyModifiers(chromedp.ModifierAlt)))
	ada.Shows("Wash the wetsuit", "Fill the bottles")
	ada.Tool("Wash the wetsuit", "remove")
	bob.Shows("Fill the bottles")

	views(address, ada, bob)
	markup(t, ada, bob)
	editing(ada, bob)
	hurry(ada, bob)
	for _, p := range []Page{ada, bob} {
		p.ExpectQuiet()
	}
}

// views has both look at different views. A change that takes a task into a view or out of it has to show there.
func views(address string, ada, bob Page) {
	bob.View("open")
	ada.Tick("Fill the bottles")
	bob.Shows()
	ada.Add("Book a boat")
	bob.Shows("Book a boat")
	ada.Tick("Fill the bottles")
	bob.Shows("Fill the bottles", "Book a boat")

	bob.Call("Bob")
	bob.View("mine")
	bob.Shows()
	also := Open(bob.Beside(), address)
	also.Tool("Fill the bottles", "take")
	bob.Shows("Fill the bottles")
	ada.Tool("Fill the bottles", "take")
	bob.Shows()
	also.Tool("Book a boat", "take")
	ada.Tick("Book a boat")
	bob.Shows("✓Book a boat")
	ada.Do(chromedp.Click(chromedp.ID("clear")))
	bob.Shows()
	bob.View("all")
	for _, p := range []Page{ada, bob, also} {
		p.Shows("Fill the bottles")
		p.ExpectQuiet()
	}
}

// markup shows that a title is text, whatever it looks like.
func markup(t *testing.T, ada, bob Page) {
	t.Helper()
	const title = `<img src=x onerror="alert(1)"><b>bold</b>`
	bob.Add(title)
	ada.Shows("Fill the bottles", title)
	if n := browser.Evaluate[int](ada.Tab, `document.querySelectorAll("#tasks img, #tasks b").length`); n != 0 {
		t.Errorf("%d elements came in with a title", n)
	}
	ada.Tool(title, "remove")
	bob.Shows("Fill the bottles")
}

// editing goes on, whatever others do to the task meanwhile.
func editing(ada, bob Page) {
	ada.Add("Mend the net")
	bob.Shows("Fill the bottles", "Mend the net")
	ada.Tool("Fill the bottles", "edit")
	ada.Until(`document.activeElement.closest(".edit") !== null`)
	ada.Do(chromedp.KeyEvent("Fill both"))
	bob.Tool("Fill the bottles", "down")
	bob.Tick("Fill the bottles")
	ada.Shows("Mend the net", "✓Fill the bottles")
	ada.Until(`document.activeElement.closest(".edit") !== null && document.activeElement.value === "Fill both"`)
	ada.Do(chromedp.KeyEvent(kb.Enter))
	bob.Shows("Mend the net", "✓Fill both")
	bob.Tool("Mend the net", "edit")
	bob.Do(chromedp.KeyEvent("nothing" + kb.Escape))
	bob.Shows("Mend the net", "✓Fill both")
	bob.Tool("Fill both", "remove")
	bob.Tool("Mend the net", "remove")
	ada.Shows()
}

// hurry does the next thing before the last one is done: what is wrong with it stays to be read.
func hurry(ada, bob Page) {
	ada.Do(chromedp.Evaluate[chromedp.Void](`for (const title of ["Sand", "Paint", " "]) {
		document.querySelector("#title").value = title;
		document.querySelector("#add").requestSubmit();
	}`))
	ada.Shows("Sand", "Paint")
	bob.Shows("Sand", "Paint")
	ada.Problem("Write what is to be done first")
	ada.Tool("Sand", "remove")
	ada.Tool("Paint", "remove")
	bob.Shows()
}
