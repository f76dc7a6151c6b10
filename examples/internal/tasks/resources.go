package tasks

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
)

// The headers by which pages ask for a subscription and get one, as the guide of DataSync has them.
const (
	askHeader   = "X-Snorky"
	askValue    = "Subscribe"
	tokenHeader = "X-Subscription-Token"
)

// list answers with the tasks of a view. To who asks for a subscription it gives a token, too: with that, Snorky tells of
// what changes after these tasks were read.
func (a *Application) list(w http.ResponseWriter, r *http.Request) (any, error) {
	view, err := viewOf(r)
	if err != nil {
		return nil, err
	}
	if r.Header.Get(askHeader) == askValue {
		// Before the database is read: what changes in between waits in the subscription. The other way round it would
		// be lost.
		token, err := a.authorize(r, view)
		if err != nil {
			return nil, err
		}
		w.Header().Set(tokenHeader, token)
	}
	list, err := a.Store.List(r.Context(), view)
	return listing{list, nameOf(r)}, err
}

// listing is a list, and who it was made for.
type listing struct {
	List
	Me string `json:"me"`
}

// viewOf returns the view that is asked for, if this visitor may see it.
func viewOf(r *http.Request) (View, error) {
	switch r.URL.Query().Get("view") {
	case "", "all":
		return View{}, nil
	case "open":
		return View{Open: true}, nil
	case "mine":
		me := nameOf(r)
		if me == "" {
			return View{}, errNoName
		}
		return View{Owner: me}, nil
	}
	return View{}, errNoView
}

func (a *Application) authorize(r *http.Request, v View) (token string, err error) {
	if !a.visitors.Take(r.RemoteAddr) {
		return "", errOften
	}
	ctx, cancel := context.WithTimeout(r.Context(), authorizing)
	defer cancel()
	snorky, err := a.Snorky()
	if err == nil {
		token, err = snorky.AuthorizeSubscription(ctx, Service, v.Item())
	}
	if err != nil {
		return "", fmt.Errorf("%w %w", errNotLive, err)
	}
	return token, nil
}

type addForm struct {
	Title string `json:"title"`
}

func (a *Application) add(w http.ResponseWriter, r *http.Request) (any, error) {
	var form addForm
	if err := a.read(w, r, &form); err != nil {
		return nil, err
	}
	title, err := clean(form.Title, maxTitle, errNoTitle)
	if err != nil {
		return nil, err
	}
	added, err := a.Store.Add(r.Context(), title, nameOf(r))
	if err != nil {
		return nil, err
	}
	a.publisher.Wake()
	w.Header().Set("Location", r.URL.Path+"/"+strconv.FormatInt(added.ID, 10))
	return added, nil
}

// updateForm is a Patch, but for the owner: one can make a task one's own, and nobody else's.
type updateForm struct {
	Title *string `json:"title"`
	Done  *bool   `json:"done"`
	Mine  *bool   `json:"mine"`
	After *int64  `json:"after"`
}

func (a *Application) update(w http.ResponseWriter, r *http.Request) (any, error) {
	var form updateForm
	if err := a.read(w, r, &form); err != nil {
		return nil, err
	}
	id, err := idOf(r)
	if err != nil {
		return nil, err
	}
	patch := Patch{Done: form.Done, After: form.After}
	if form.Title != nil {
		title, err := clean(*form.Title, maxTitle, errNoTitle)
		if err != nil {
			return nil, err
		}
		patch.Title = &title
	}
	if form.Mine != nil {
		owner := ""
		if *form.Mine {
			if owner = nameOf(r); owner == "" {
				return nil, errNoName
			}
		}
		patch.Owner = &owner
	}
	if patch == (Patch{}) {
		return nil, errNotForm
	}
	now, err := a.Store.Update(r.Context(), id, patch)
	if err != nil {
		return nil, err
	}
	a.publisher.Wake()
	return now, nil
}

func (a *Application) remove(_ http.ResponseWriter, r *http.Request) (any, error) {
	if !a.visitors.Take(r.RemoteAddr) {
		return nil, errOften
	}
	id, err := idOf(r)
	if err != nil {
		return nil, err
	}
	removed, err := a.Store.Delete(r.Context(), id)
	if err != nil {
		return nil, err
	}
	a.publisher.Wake()
	return []Task{removed}, nil
}

// clear removes what is done. It takes "?done=true", lest somebody who only forgot the number of a task loses them all.
func (a *Application) clear(_ http.ResponseWriter, r *http.Request) (any, error) {
	if !a.visitors.Take(r.RemoteAddr) {
		return nil, errOften
	}
	if r.URL.Query().Get("done") != "true" {
		return nil, errNotForm
	}
	view, err := viewOf(r)
	if err != nil {
		return nil, err
	}
	removed, err := a.Store.ClearDone(r.Context(), view)
	if err != nil {
		return nil, err
	}
	a.publisher.Wake()
	return append([]Task{}, removed...), nil // a list, also of nothing
}

func idOf(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return 0, errGone
	}
	return id, nil
}
