package tasks_test

import (
	"testing"

	"github.com/snorky-go/snorky/examples/internal/site"
	"github.com/snorky-go/snorky/examples/internal/site/sitetest"
	"github.com/snorky-go/snorky/examples/internal/tasks"
)

func TestPage(t *testing.T) {
	for _, path := range []string{"/", "/todo/"} {
		app := tasks.New(tasks.Options{Site: site.Options{Links: []site.Link{{Path: path, Title: "Here"}}, Here: path}})
		sitetest.Check(t, app.Handler(path), path,
			path+"base.css", path+"icon.svg", path+"rows.js", path+"todo.css", path+"todo.js")
	}
}
