package main

import (
	"encoding/json"
	"testing"

	"github.com/chromedp/chromedp"
)

// fill publishes enough to look at.
func fill(b *tab) {
	b.t.Helper()
	for i, said := range []struct{ text, from string }{
		{"Good morning! The harbour is open.", "Harbour office"},
		{"Number 7 to the counter, please.", "Ticket desk"},
		{"There is a seal on the slipway. Please keep your distance, it is only resting, and it looks as if it intends to " +
			"stay there until the tide is in.", "Mo"},
		{"https://example.com/a/very/long/address/that/does/not/want/to/break/anywhere/at/all/because/it/has/no/blanks", ""},
		{"The ferry leaves at nine.", "Ada"},
	} {
		b.write(said.text, said.from)
		text, err := json.Marshal(said.text)
		if err != nil {
			b.t.Fatal(err)
		}
		b.until(shown + " === " + string(rune('1'+i)) + " && " + newest + " === " + string(text))
	}
}

func TestLooks(t *testing.T) {
	d := start(t, "127.0.0.1:0")
	b := openTab(t, browser(t))
	b.do(chromedp.Navigate(d.page))
	b.until(connected)
	b.until(listeners("1"))
	for _, s := range []screen{
		{name: "empty-light", width: 1200, height: 850},
		{name: "empty-phone-dark", width: 360, height: 740, dark: true, phone: true},
	} {
		b.show(s)
		b.picture(s.name)
	}
	fill(b)
	d.paste()
	b.until(shown + " === 6")
	for _, s := range []screen{
		{name: "light", width: 1200, height: 850},
		{name: "dark", width: 1200, height: 850, dark: true},
		{name: "phone-light", width: 390, height: 844, phone: true},
		{name: "phone-dark", width: 390, height: 844, dark: true, phone: true},
		{name: "small-phone", width: 320, height: 568, phone: true},
	} {
		t.Run(s.name, func(t *testing.T) {
			b := &tab{t: t, ctx: b.ctx, console: b.console}
			b.show(s)
			if brightness := b.picture(s.name); s.dark != (brightness < 0.35) || !s.dark != (brightness > 0.75) {
				t.Errorf("the mean brightness is %.2f", brightness)
			}
			if wide := evaluate[int](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); wide > 0 {
				t.Errorf("the page is %d pixels wider than the screen", wide)
			}
			if found := evaluate[[]string](b, tooSmall); len(found) > 0 {
				t.Errorf("too small to be touched: %q", found)
			}
			if found := evaluate[[]string](b, tooFaint); len(found) > 0 {
				t.Errorf("too faint to be read: %q", found)
			}
			if found := evaluate[[]string](b, unnamed); len(found) > 0 {
				t.Errorf("without a name for screen readers: %q", found)
			}
		})
	}
	b.expectQuiet()
}

// tooSmall lists what is meant to be touched and is smaller than 44 pixels in one direction.
const tooSmall = `[...document.querySelectorAll("button, input, textarea, a[href]")].filter((e) => {
	const { width, height } = e.getBoundingClientRect();
	return e.checkVisibility() && (width < 44 || height < 44);
}).map((e) => e.outerHTML.slice(0, 60))`

// unnamed lists the controls that have neither a label nor a text.
const unnamed = `[...document.querySelectorAll("button, input, textarea, a[href]")].filter((e) =>
	!(e.labels?.length || e.textContent.trim() || e.ariaLabel)).map((e) => e.outerHTML.slice(0, 60))`

// tooFaint lists texts whose contrast with what lies below them is less than 4.5 to 1 (WCAG 2, level AA). Translucent
// colours are mixed with what is below.
const tooFaint = `(() => {
	const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
	const onto = (colours) => {
		canvas.clearRect(0, 0, 1, 1);
		for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
		return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
	};
	const light = (rgb) => {
		const [r, g, b] = rgb.map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const below = (e) => e ? [...below(e.parentElement), getComputedStyle(e).backgroundColor] : [];
	const faint = [];
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (texts.nextNode()) {
		const e = texts.currentNode.parentElement;
		if (!texts.currentNode.data.trim() || !e.checkVisibility() || e.closest("noscript, script")) continue;
		const ground = below(e);
		const [a, b] = [light(onto(ground)), light(onto([...ground, getComputedStyle(e).color]))].sort((x, y) => y - x);
		const contrast = (a + 0.05) / (b + 0.05);
		if (contrast < 4.5) faint.push(texts.currentNode.data.trim().slice(0, 30) + " " + contrast.toFixed(2));
	}
	return faint;
})()`
