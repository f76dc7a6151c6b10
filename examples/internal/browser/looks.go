package browser

import "testing"

// Screens are those on which every page has to look right.
var Screens = []Screen{
	{Name: "light", Width: 1200, Height: 850},
	{Name: "dark", Width: 1200, Height: 850, Dark: true},
	{Name: "phone-light", Width: 390, Height: 844, Phone: true},
	{Name: "phone-dark", Width: 390, Height: 844, Dark: true, Phone: true},
	{Name: "small-phone", Width: 320, Height: 568, Phone: true},
}

// CheckLooks shows the page on all Screens: nothing may be wider than the screen, too small to be touched, too faint to
// be read, or without a name for screen readers. The pictures get the name in front.
func (b *Tab) CheckLooks(t *testing.T, name string) {
	for _, s := range Screens {
		t.Run(s.Name, func(t *testing.T) {
			b := b.For(t)
			b.Show(s)
			if brightness := b.Picture(name + s.Name); s.Dark != (brightness < 0.35) || !s.Dark != (brightness > 0.75) {
				t.Errorf("the mean brightness is %.2f", brightness)
			}
			if wide := Evaluate[int](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); wide > 0 {
				t.Errorf("the page is %d pixels wider than the screen", wide)
			}
			if found := Evaluate[[]string](b, tooSmall); len(found) > 0 {
				t.Errorf("too small to be touched: %q", found)
			}
			if found := Evaluate[[]string](b, tooFaint); len(found) > 0 {
				t.Errorf("too faint to be read: %q", found)
			}
			if found := Evaluate[[]string](b, unnamed); len(found) > 0 {
				t.Errorf("without a name for screen readers: %q", found)
			}
		})
	}
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
