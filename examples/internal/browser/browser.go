// Package browser drives a headless Chromium for the tests of the examples' pages.
package browser

import (
	"bytes"
	"context"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Patience is how long a test waits for what must come.
const Patience = 30 * time.Second

// chromium returns the browser: $CHROMIUM, or the first of the usual names.
func chromium(t *testing.T) string {
	t.Helper()
	names := []string{
		"chromium", "chromium-browser", "google-chrome", "google-chrome-stable",
		"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium",
	}
	if name := os.Getenv("CHROMIUM"); name != "" {
		names = []string{name}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("there is none of %q: \"make test\" installs Chromium, or CHROMIUM=/path/to/it names one", names)
	return ""
}

// Start starts a headless Chromium without a past, which ends with the test. The context is for Open.
func Start(t *testing.T) context.Context {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(chromium(t)),
		chromedp.NoSandbox, // it has no place in most containers, and the page is ours
		chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
	)
	allocator, release := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Errorf("closing the browser: %v", err)
		}
		cancel()
		release()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting the browser: %v", err)
	}
	return ctx
}

// Tab is a page that is open. Its methods end the test if something takes longer than Patience.
type Tab struct {
	t       *testing.T
	ctx     context.Context
	console *console
}

// Open opens a tab, which closes with the test.
func Open(t *testing.T, browser context.Context) *Tab {
	t.Helper()
	return open(t, browser)
}

func open(t *testing.T, browser context.Context, options ...chromedp.ContextOption) *Tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, options...)
	b := &Tab{t: t, ctx: ctx, console: new(console)}
	if err := chromedp.Do(ctx); err != nil {
		cancel()
		t.Fatalf("opening a tab: %v", err)
	}
	messages := chromedp.Console(ctx)
	var reader sync.WaitGroup
	reader.Go(func() {
		for message, err := range messages {
			if err != nil {
				return
			}
			b.console.note(message)
		}
	})
	t.Cleanup(func() {
		cancel()
		reader.Wait()
	})
	return b
}

// console collects what a page, or the browser because of it, complains about.
type console struct {
	mu         sync.Mutex
	complaints []string
}

func (c *console) note(m chromedp.ConsoleMessage) {
	switch m.Type {
	case chromedp.ConsoleWarning, chromedp.ConsoleError, chromedp.ConsoleException:
		c.mu.Lock()
		defer c.mu.Unlock()
		c.complaints = append(c.complaints, m.Text+" ("+m.URL+")")
	default:
	}
}

// ExpectQuiet fails if the console has complaints, those with one of the texts excepted.
func (b *Tab) ExpectQuiet(except ...string) {
	b.t.Helper()
	b.console.mu.Lock()
	defer b.console.mu.Unlock()
	for _, complaint := range b.console.complaints {
		if !slices.ContainsFunc(except, func(text string) bool { return strings.Contains(complaint, text) }) {
			b.t.Errorf("on the console: %s", complaint)
		}
	}
}

// For is the tab as a subtest uses it.
func (b *Tab) For(t *testing.T) *Tab { return &Tab{t: t, ctx: b.ctx, console: b.console} }

// Beside opens another tab for the same visitor.
func (b *Tab) Beside() *Tab {
	b.t.Helper()
	return open(b.t, b.ctx)
}

// Stranger opens a tab for another visitor, who has no cookies yet.
func (b *Tab) Stranger() *Tab {
	b.t.Helper()
	return open(b.t, b.ctx, chromedp.WithNewBrowserContext())
}

// Do does what a visitor could do.
func (b *Tab) Do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, Patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// Evaluate returns the value of a JavaScript expression.
func Evaluate[T any](b *Tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, Patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// Until waits for a JavaScript condition.
func (b *Tab) Until(condition string) {
	b.t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(Patience)
	for !Evaluate[bool](b, condition) {
		select {
		case <-ticker.C:
		case <-deadline:
			b.t.Fatalf("waited in vain for %s\nthe page says:\n%s", condition, Evaluate[string](b, "document.body.innerText"))
		}
	}
}

// Screen is a way to look at the page.
type Screen struct {
	Name          string
	Width, Height int64 // CSS pixels
	Dark, Phone   bool
}

// Show shows the page on a screen.
func (b *Tab) Show(s Screen) {
	b.t.Helper()
	scheme := "light"
	if s.Dark {
		scheme = "dark"
	}
	size := []chromedp.EmulateViewportOption{chromedp.EmulateScale(2)}
	if s.Phone {
		size = append(size, chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	b.Do(chromedp.EmulateViewport(s.Width, s.Height, size...), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: scheme},
				{Name: "prefers-reduced-motion", Value: "reduce"},
			},
		})
		return err
	}))
}

// Picture takes a screenshot into $SCREENSHOTS, or into a folder that does not last, and returns its mean brightness,
// from 0 to 1.
func (b *Tab) Picture(name string) (brightness float64) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, Patience)
	defer cancel()
	shot, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		folder = b.t.TempDir()
	}
	//nolint:gosec // whoever runs the tests names the folder
	if err := os.WriteFile(filepath.Join(folder, name+".png"), shot, 0o600); err != nil {
		b.t.Fatal(err)
	}
	pixels, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		b.t.Fatal(err)
	}
	size, count := pixels.Bounds(), 0
	for y := size.Min.Y; y < size.Max.Y; y += 8 {
		for x := size.Min.X; x < size.Max.X; x += 8 {
			red, green, blue, _ := pixels.At(x, y).RGBA()
			brightness += float64(red+green+blue) / 3 / 0xffff
			count++
		}
	}
	return brightness / float64(count)
}
