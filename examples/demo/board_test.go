package main

import (
	"context"
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/snorky-go/snorky/examples/internal/browser"
)

// draw visits the board on a screen that shows all of it.
func draw(tab *browser.Tab, address, name string) person {
	tab.Show(browser.Screen{Name: "drawing", Width: 1200, Height: 850})
	return visit(tab, address, name)
}

// mouse does something with the mouse at a place of the board, which is told in the board's units.
func (p person) mouse(does func(x, y float64) chromedp.Action[chromedp.Void], x, y float64) {
	at := browser.Evaluate[[]float64](p.Tab, fmt.Sprintf(`(() => {
		const { left, top, width, height } = document.querySelector("#board svg").getBoundingClientRect();
		return [left + width * %v / 1600, top + height * %v / 1000];
	})()`, x, y))
	p.Do(does(at[0], at[1]))
}

func move(x, y float64) chromedp.Action[chromedp.Void] {
	return chromedp.MouseEvent(chromedp.MouseMoved, x, y)
}

func press(x, y float64) chromedp.Action[chromedp.Void] {
	return chromedp.MouseEvent(chromedp.MousePressed, x, y, chromedp.Button("left"))
}

func release(x, y float64) chromedp.Action[chromedp.Void] {
	return chromedp.MouseEvent(chromedp.MouseReleased, x, y, chromedp.Button("left"))
}

// leave moves the mouse away from the board.
func (p person) leave() { p.Do(move(1, 1)) }

// near is a JavaScript condition: a list of coordinates is that of a place, but for what the size of the window rounds.
func near(coordinates string, x, y float64) string {
	return fmt.Sprintf(`((at) => at !== undefined && Math.hypot(at[0] - %v, at[1] - %v) < 5)(%s)`, x, y, coordinates)
}

// cursorOf is where the page shows the cursor of somebody, as JavaScript: [x, y], or undefined if it does not.
func cursorOf(name string) string {
	return `[...document.querySelectorAll(".cursor")].filter((c) => !c.hidden && c.querySelector(".name").textContent === ` + quote(name) + `)
		.map(({ style }) => [parseFloat(style.left) * 16, parseFloat(style.top) * 10])[0]`
}

// Lines that the page shows, as JavaScript: lists of coordinates.
const (
	strokes    = `[...document.querySelectorAll("#strokes polyline")].map((l) => l.getAttribute("points").split(" ").map(Number))`
	unfinished = `[...document.querySelectorAll("#unfinished polyline")].map((l) => l.getAttribute("points").split(" ").map(Number))
		.filter((points) => points.length > 1)`
)

// takes chooses a pen.
func (p person) takes(pen int) {
	p.Do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.querySelector("#pens [value='%d']").click()`, pen)))
}

// draws leads the mouse from one place to the other with the button down.
func (p person) draws(fromX, fromY, toX, toY float64) {
	p.mouse(move, fromX, fromY)
	p.mouse(press, fromX, fromY)
	p.mouse(move, (fromX+toX)/2, (fromY+toY)/2)
	p.mouse(move, toX, toY)
	p.mouse(release, toX, toY)
}

// hasStroke waits until the page shows strokes of such a number, the last of which has these ends.
func (p person) hasStroke(number int, fromX, fromY, toX, toY float64) {
	p.Until(fmt.Sprintf(`((all) => all.length === %d && %s && %s)(%s)`, number,
		near("all.at(-1)", fromX, fromY), near("all.at(-1).slice(-2)", toX, toY), strokes))
}

func TestBoard(t *testing.T) {
	d := start(t, "127.0.0.1:0")
	tab := browser.Open(t, browser.Start(t))
	address := d.page + "drawing"
	ada := draw(tab, address, "Ada")
	bob := draw(tab.Stranger(), address, "Bob")
	ada.sees("Ada", "Bob")
	bob.sees("Bob", "Ada")

	// Who moves is seen where he is.
	ada.mouse(move, 400, 300)
	bob.Until(near(cursorOf("Ada"), 400, 300))
	ada.mouse(move, 1500, 900)
	bob.Until(near(cursorOf("Ada"), 1500, 900))
	ada.leave()
	bob.Until(cursorOf("Ada") + ` === undefined`)

	// So is what he draws, while he does and after.
	ada.mouse(press, 200, 100)
	ada.mouse(move, 500, 400)
	bob.Until(near(unfinished+`[0]?.slice(-2)`, 500, 400))
	bob.Until(strokes + `.length === 0`)
	ada.mouse(move, 800, 500)
	ada.mouse(release, 800, 500)
	for _, p := range []person{ada, bob} {
		p.hasStroke(1, 200, 100, 800, 500)
		p.Until(unfinished + `.length === 0`)
	}
	bob.takes(3)
	bob.draws(300, 800, 1000, 700)
	bob.draws(50, 50, 50, 50)
	late := draw(tab.Stranger(), address, "")
	for _, p := range []person{ada, bob, late} {
		p.hasStroke(3, 50, 50, 50, 50)
		p.Until(`document.querySelector("#strokes polyline:nth-child(2)").dataset.pen === "3"`)
		p.Until(`document.querySelector("#strokes polyline:nth-child(2) title").textContent === "Bob"`)
	}

	// All of it is seen on all screens: strokes, a line that is being drawn, and names at both sides of cursors.
	late.call("Carol, of the harbour office")
	ada.mouse(move, 400, 300)
	late.mouse(move, 1500, 900)
	bob.takes(2)
	bob.mouse(press, 900, 200)
	bob.mouse(move, 600, 600)
	for _, p := range []person{bob, late} {
		p.Until(near(cursorOf("Ada"), 400, 300))
	}
	ada.Until(near(cursorOf("Bob"), 600, 600) + " && " + near(cursorOf("Carol, of the harbour office"), 1500, 900))
	ada.CheckLooks(t, "drawing-")
	bob.mouse(release, 600, 600)

	// Who goes takes the cursor along, and leaves the strokes.
	bob.hasStroke(4, 900, 200, 600, 600)
	ada.close()
	bob.Until(cursorOf("Ada") + ` === undefined`)
	bob.Until(`![...document.querySelectorAll("#people .name")].some((e) => e.textContent === "Ada")`)
	bob.hasStroke(4, 900, 200, 600, 600)

	bob.Do(chromedp.Click(chromedp.ID("clear")))
	for _, p := range []person{bob, late} {
		p.Until(strokes + `.length === 0`)
		p.Until(`document.querySelector("#drawn").textContent === "Nothing is drawn yet."`)
		p.ExpectQuiet()
	}
	ada.ExpectQuiet()
}

// touch does something with a finger at a place of the board, or lifts it.
func touch(kind input.DispatchTouchEventType) func(x, y float64) chromedp.Action[chromedp.Void] {
	return func(x, y float64) chromedp.Action[chromedp.Void] {
		return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			p := input.DispatchTouchEventParams{Type: kind}
			if kind != input.DispatchTouchEventTypeTouchEnd {
				p.TouchPoints = []*input.TouchPoint{{X: x, Y: y}}
			}
			_, err := cdp.Call(ctx, t, input.DispatchTouchEvent, p)
			return err
		})
	}
}

// Drawing takes no mouse. A line may be of any length.
func TestBoardWithoutMouse(t *testing.T) {
	d := start(t, "127.0.0.1:0")
	tab := browser.Open(t, browser.Start(t))
	address := d.page + "drawing"
	ada, bob := draw(tab, address, "Ada"), draw(tab.Stranger(), address, "Bob")
	ada.sees("Ada", "Bob")

	ada.Do(chromedp.Focus(chromedp.ID("board")), chromedp.KeyEvent(kb.ArrowRight))
	for _, p := range []person{ada, bob} { // one's own, too: there is no pointer
		p.Until(near(cursorOf("Ada"), 820, 500))
	}
	ada.Do(
		chromedp.KeyEvent(" "),
		chromedp.KeyEvent(kb.ArrowDown, chromedp.KeyModifiers(chromedp.ModifierShift)),
		chromedp.KeyEvent(kb.ArrowLeft),
		chromedp.KeyEvent(" "),
	)
	for _, p := range []person{ada, bob} {
		p.hasStroke(1, 820, 500, 800, 600)
	}
	ada.Do(chromedp.KeyEvent(kb.Tab))
	for _, p := range []person{ada, bob} {
		p.Until(cursorOf("Ada") + ` === undefined`)
	}

	bob.Show(browser.Screen{Name: "finger", Width: 390, Height: 844, Phone: true})
	bob.mouse(touch(input.DispatchTouchEventTypeTouchStart), 100, 100)
	bob.mouse(touch(input.DispatchTouchEventTypeTouchMove), 800, 900)
	ada.Until(near(cursorOf("Bob"), 800, 900))
	bob.mouse(touch(input.DispatchTouchEventTypeTouchEnd), 800, 900)
	for _, p := range []person{ada, bob} {
		p.hasStroke(2, 100, 100, 800, 900)
	}
	ada.Until(cursorOf("Bob") + ` === undefined`) // a finger that is lifted is nowhere

	// A line of many points is several strokes, each of which goes on where the one before has ended.
	bob.Do(chromedp.Evaluate[chromedp.Void](`{
		const board = document.querySelector("#board");
		const key = (name) => board.dispatchEvent(new KeyboardEvent("keydown", { key: name }));
		key(" ");
		for (let i = 0; i < 900; i++) key(["ArrowUp", "ArrowRight", "ArrowDown", "ArrowLeft"][i % 4]);
		key("Escape");
	}`))
	ada.Until(fmt.Sprintf(`((all) => all.length === 7 && all.every((one) => one.length <= 400)
		&& all.slice(3).every((one, i) => one[0] === all[i + 2].at(-2) && one[1] === all[i + 2].at(-1)))(%s)`, strokes))
	for _, p := range []person{ada, bob} {
		p.Until(unfinished + `.length === 0`)
		p.ExpectQuiet()
	}
}

func TestBoardSurvivesTheServer(t *testing.T) {
	d := start(t, "127.0.0.1:0")
	tab := browser.Open(t, browser.Start(t))
	address := d.page + "drawing"
	ada, bob := draw(tab, address, "Ada"), draw(tab.Stranger(), address, "Bob")
	both := []person{ada, bob}
	ada.sees("Ada", "Bob")
	ada.draws(200, 100, 800, 500)
	bob.hasStroke(1, 200, 100, 800, 500)

	d.process.Kill()
	for _, p := range both {
		p.Until(reconnecting)
	}
	ada.draws(300, 300, 900, 900) // it waits
	start(t, d.address())
	for _, p := range both {
		p.Until(connected)
	}
	// The board was kept in memory, and is empty now, but for what has waited.
	for _, p := range both {
		p.hasStroke(1, 300, 300, 900, 900)
	}
	ada.sees("Ada", "Bob")
	bob.sees("Bob", "Ada")
	bob.Until(near(cursorOf("Ada"), 900, 900))
	bob.mouse(move, 100, 200)
	ada.Until(near(cursorOf("Bob"), 100, 200))
	for _, p := range both {
		p.ExpectQuiet("WebSocket connection to 'ws://localhost:", "net::ERR_CONNECTION_REFUSED")
	}
}
