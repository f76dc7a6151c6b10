package main

import (
	"testing"

	"github.com/snorky-go/snorky/examples/internal/browser"
	"github.com/snorky-go/snorky/examples/internal/tasks/pagetest"
)

func TestToDo(t *testing.T) {
	d := start(t, "127.0.0.1:0")
	pagetest.Run(t, browser.Open(t, browser.Start(t)), d.page+"todo/")
}

// The demo ends well, also while a page is open that follows the list.
func TestInterrupt(t *testing.T) {
	d := start(t, "127.0.0.1:0")
	page := pagetest.Open(browser.Open(t, browser.Start(t)), d.page+"todo/")
	page.Add("Go home")
	page.Shows("Go home")
	d.process.Interrupt()
	d.process.Logged("drained")
	page.Until(`document.querySelector("#state").textContent === "Reconnecting"`)
}
