package tasks

import (
	"net/http"
	"net/url"
	"time"
)

// nameCookie holds the name that a visitor has given himself. It stands in for a login: where there is one, the name
// comes out of a session that nobody can forge. What matters here is that it never comes out of the request for a task.
const nameCookie = "todo-name"

// nameOf is who the visitor says he is; empty: nobody.
func nameOf(r *http.Request) string {
	cookie, err := r.Cookie(nameCookie)
	if err != nil {
		return ""
	}
	name, err := url.QueryUnescape(cookie.Value)
	if err != nil {
		return ""
	}
	name, err = clean(name, maxName, errNoName)
	if err != nil {
		return ""
	}
	return name
}

type nameForm struct {
	Name string `json:"name"`
}

func (a *Application) whoAmI(_ http.ResponseWriter, r *http.Request) (any, error) {
	return nameForm{nameOf(r)}, nil
}

func (a *Application) callMe(w http.ResponseWriter, r *http.Request) (any, error) {
	var form nameForm
	if err := a.read(w, r, &form); err != nil {
		return nil, err
	}
	name, err := clean(form.Name, maxName, errNoName)
	if err != nil {
		return nil, err
	}
	//nolint:gosec // it is no secret, and examples are served without TLS
	http.SetCookie(w, &http.Cookie{
		Name: nameCookie, Value: url.QueryEscape(name), Path: r.URL.Path[:len(r.URL.Path)-len("me")],
		MaxAge: int((30 * 24 * time.Hour).Seconds()), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	return nameForm{name}, nil
}
