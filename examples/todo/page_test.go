package main

import (
	"testing"

	"github.com/snorky-go/snorky/examples/internal/browser"
	"github.com/snorky-go/snorky/examples/internal/tasks/pagetest"
)

const reconnecting = `document.querySelector("#state").textContent === "Reconnecting"`

func TestPage(t *testing.T) {
	w := newWorld(t, postgres(t))
	pagetest.Run(t, browser.Open(t, browser.Start(t)), w.address())
	w.app.Interrupt()
}

// two opens the page for two visitors, one of whom sees only what is open.
func two(t *testing.T, w *world) (ada, bob pagetest.Page) {
	t.Helper()
	ada = pagetest.Open(browser.Open(t, browser.Start(t)), w.address())
	ada.Call("Ada")
	bob = pagetest.Open(ada.Stranger(), w.address()+"#open")
	return ada, bob
}

// Snorky is killed. The list can be changed all the same, and who changes it sees it. When Snorky is back all pages show
// what has happened meanwhile, and follow again.
func TestSnorkyIsKilled(t *testing.T) {
	w := newWorld(t, postgres(t))
	ada, bob := two(t, w)
	for _, title := range []string{"a", "b", "c"} {
		ada.Add(title)
	}
	bob.Shows("a", "b", "c")

	w.snorky.Kill()
	ada.Until(reconnecting)
	bob.Until(reconnecting)
	ada.Add("d")
	ada.Shows("a", "b", "c", "d")
	ada.Tick("b")
	ada.Tool("c", "up")
	ada.Shows("a", "c", "✓b", "d")
	ada.Tool("a", "remove")
	ada.Shows("c", "✓b", "d")
	bob.Rename("c", "C")
	bob.Shows("C", "d")

	// Who comes now sees the list, too.
	late := pagetest.Page{Tab: ada.Stranger()}
	late.Go(w.address())
	late.Shows("C", "✓b", "d")

	w.startSnorky()
	for _, p := range []pagetest.Page{ada, bob, late} {
		p.Live()
	}
	ada.Shows("C", "✓b", "d")
	bob.Shows("C", "d")
	bob.Tick("d")
	ada.Shows("C", "✓b", "✓d")
	late.Shows("C", "✓b", "✓d")
	bob.Shows("C")
}

// The list cannot reach Snorky for a while, but the pages can: they are told all of it afterwards, in its order.
func TestSnorkyIsOutOfReach(t *testing.T) {
	w := newWorld(t, postgres(t))
	ada, bob := two(t, w)
	ada.Add("a")
	bob.Shows("a")
	bob.Watch()

	w.way.cut.Store(true)
	ada.Add("b")
	ada.Rename("a", "A")
	ada.Tick("A") // this page knows what it has done itself
	ada.Add("c")
	ada.Shows("✓A", "b", "c")
	w.app.Logged("changes wait to be published")

	// The list itself is killed, too, and what waits is in its database.
	w.app.Kill()
	w.startApp()
	w.way.cut.Store(false)
	bob.Shows("b", "c")
	ada.Shows("✓A", "b", "c")
	bob.Saw("a", "a b", "A b", "b", "b c")
	ada.Add("d")
	bob.Shows("b", "c", "d")
	for _, p := range []pagetest.Page{ada, bob} {
		p.Until(`document.querySelector("#state").textContent === "Connected"`)
	}
}

// The list is killed and comes back. Pages that are open go on.
func TestListIsKilled(t *testing.T) {
	w := newWorld(t, postgres(t))
	ada, bob := two(t, w)
	ada.Add("a")
	bob.Shows("a")
	w.app.Kill()
	ada.Tick("a")
	ada.Problem("cannot be reached")
	ada.Shows("a")
	w.startApp()
	ada.Tick("a")
	ada.Shows("✓a")
	bob.Shows()
}

func TestLooks(t *testing.T) {
	w := newWorld(t, postgres(t))
	ada, bob := two(t, w)
	bob.Call("Bartholomew of the harbour office")
	ada.Picture("todo-empty")
	for _, title := range []string{
		"Rinse the wetsuit", "Fill the bottles",
		"Ask the harbour office whether the seal on the slipway is going to stay there until the tide is in, and for how long",
		"https://example.com/a/very/long/address/that/does/not/want/to/break/anywhere/at/all/because/it/has/no/blanks",
	} {
		ada.Add(title)
	}
	bob.Add("Mend the net")
	ada.Tick("Fill the bottles")
	bob.Shows("Rinse the wetsuit",
		"Ask the harbour office whether the seal on the slipway is going to stay there until the tide is in, and for how long",
		"https://example.com/a/very/long/address/that/does/not/want/to/break/anywhere/at/all/because/it/has/no/blanks", "Mend the net")
	ada.CheckLooks(t, "todo-")
	ada.ExpectQuiet()
}
