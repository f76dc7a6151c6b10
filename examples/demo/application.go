package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/backendapi/client"
	"github.com/snorky-go/snorky/examples/internal/quota"
)

// What the page and the application have agreed upon.
const (
	service      = "announcements_backend"
	channel      = "news"
	countChannel = "news/listeners"
)

const (
	maxBody = 4 << 10 // bytes of a form
	maxText = 280     // characters
	maxFrom = 40
)

// application is the backend that everybody who uses Snorky has: it knows who may say what, and it has the key.
type application struct {
	log      zerolog.Logger
	snorky   func() (*client.Client, error)
	visitors *quota.Quota
}

// newApplication returns an application that publishes with the client that snorky returns.
func newApplication(log zerolog.Logger, snorky func() (*client.Client, error)) *application {
	return &application{log: log, snorky: snorky, visitors: quota.New(10, 10*time.Second)}
}

// announcement is what the form sends, and what is published.
type announcement struct {
	Text string `json:"text"`
	From string `json:"from,omitempty"`
}

// refusal is what a visitor of the page gets to read when something is wrong.
type refusal struct {
	status int
	text   string
}

var (
	notJSON  = &refusal{http.StatusUnsupportedMediaType, "This takes JSON."}
	notForm  = &refusal{http.StatusBadRequest, "This is not what the form sends."}
	empty    = &refusal{http.StatusBadRequest, "Write a message first."}
	tooLong  = &refusal{http.StatusRequestEntityTooLarge, "This is too long."}
	tooOften = &refusal{http.StatusTooManyRequests, "Not so fast. Try again in a few seconds."}
	notTaken = &refusal{http.StatusBadGateway, "Snorky did not take the announcement."}
)

// announcing is the resource to which the form is posted. Pages of other sites cannot use it.
func (a *application) announcing() http.Handler {
	return http.NewCrossOriginProtection().Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := a.announce(w, r)
		if err == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if err == tooOften {
			w.Header().Set("Retry-After", "10")
		}
		w.WriteHeader(err.status)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": err.text})
	}))
}

func (a *application) announce(w http.ResponseWriter, r *http.Request) *refusal {
	if !a.visitors.Take(r.RemoteAddr) {
		return tooOften
	}
	said, refused := readForm(w, r)
	if refused != nil {
		return refused
	}
	snorky, err := a.snorky()
	if err == nil {
		err = snorky.Publish(r.Context(), service, channel, said)
	}
	if err != nil {
		a.log.Error().Err(err).Msg("an announcement was lost")
		return notTaken
	}
	return nil
}

func readForm(w http.ResponseWriter, r *http.Request) (said announcement, refused *refusal) {
	// Scripts of other sites cannot send this type without asking the browser for leave first.
	if r.Header.Get("Content-Type") != "application/json" {
		return said, notJSON
	}
	form := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	form.DisallowUnknownFields()
	err := form.Decode(&said)
	if most := (*http.MaxBytesError)(nil); errors.As(err, &most) {
		return said, tooLong
	}
	said.Text, said.From = strings.TrimSpace(said.Text), strings.TrimSpace(said.From)
	switch {
	case err != nil:
		return said, notForm
	case said.Text == "":
		return said, empty
	case utf8.RuneCountInString(said.Text) > maxText, utf8.RuneCountInString(said.From) > maxFrom:
		return said, tooLong
	}
	return said, nil
}

// count asks each second how many listen, and tells them when it has changed; and now and then when not, for those who
// came in place of others.
func (a *application) count(ctx context.Context) error {
	snorky, err := a.snorky()
	if err != nil {
		return err
	}
	defer snorky.Close()
	const reminder = 5
	last, unsaid := "", 0
	for ticker := time.NewTicker(time.Second); ; {
		select {
		case <-ctx.Done():
			ticker.Stop()
			return nil
		case <-ticker.C:
		}
		number, err := snorky.Call(ctx, service, "subscribers", map[string]string{"channel": channel})
		unsaid++
		if err != nil || string(number) == last && unsaid < reminder {
			continue // without an answer now there is one later
		}
		if snorky.Publish(ctx, service, countChannel, number) == nil {
			last, unsaid = string(number), 0
		}
	}
}
