package tasks

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxBody  = 4 << 10 // bytes
	maxTitle = 200     // characters
	maxName  = 40
)

// read fills a form with the JSON object of a request. It counts as something that the visitor does.
func (a *Application) read(w http.ResponseWriter, r *http.Request, form any) error {
	if !a.visitors.Take(r.RemoteAddr) {
		return errOften
	}
	// Scripts of other sites cannot send this type without asking the browser for leave first.
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return errNotJSON
	}
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	body.DisallowUnknownFields()
	err := body.Decode(form)
	if err == nil {
		if _, err = body.Token(); err == io.EOF {
			return nil
		}
	}
	if _, long := errors.AsType[*http.MaxBytesError](err); long {
		return errTooLong
	}
	return errNotForm
}

// clean trims a text of one line and looks at what is left of it. PostgreSQL, for one, keeps no U+0000.
func clean(text string, most int, empty error) (string, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", empty
	case utf8.RuneCountInString(text) > most:
		return "", errTooLong
	case strings.ContainsFunc(text, unicode.IsControl):
		return "", errControl
	}
	return text, nil
}
