package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/backendapi/application"
)

// What was counted stays counted while another client takes the place of one that has questions under way.
func TestCountsOfTheApplicationDoNotGoBack(t *testing.T) {
	t.Parallel()
	asked := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"allow":true}`) }))
	defer asked.Close()
	client := func() *application.Client {
		c, err := newApplication(Config{ApplicationURL: asked.URL}, "", zerolog.Nop())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	var a applications
	a.replace(client())
	ask := func(c *application.Client) error {
		_, err := c.Authorize(t.Context(), application.Question{Service: "pubsub", Channel: []byte(`"news"`)})
		return err
	}
	err := a.ask(func(old *application.Client) error {
		err := ask(old)
		a.replace(client())
		if got := a.stats(); got.Allowed != 1 {
			t.Errorf("while the last question is under way: %+v", got)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.ask(ask); err != nil {
		t.Fatal(err)
	}
	if got := a.stats(); got.Allowed != 2 || len(a.old) != 0 {
		t.Errorf("in the end %+v, and %d clients before", got, len(a.old))
	}
	a.replace(nil)
	if got := a.stats(); got.Allowed != 2 {
		t.Errorf("without an application %+v", got)
	}
}
