package main

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/centrifugal/centrifuge"
)

// api is what a backend calls: Centrifugo's paths, bodies and answers, as far as publishing goes.
type api struct {
	node *centrifuge.Node
	key  string
}

type publishRequest struct {
	Channel string          `json:"channel"`
	Data    json.RawMessage `json:"data"`
}

type batchRequest struct {
	Commands []struct {
		Publish *publishRequest `json:"publish"`
	} `json:"commands"`
}

const maxBody = 8 << 20

func (a api) routes(mux *http.ServeMux) {
	mux.Handle("POST /api/publish", a.guarded(a.publish))
	mux.Handle("POST /api/batch", a.guarded(a.batch))
}

// guarded checks the key, reads the body and writes the answer of do, or its error.
func (a api) guarded(do func(body []byte) ([]byte, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("X-API-Key")), []byte(a.key)) == 0 {
			http.Error(w, "Unauthorized", http.StatusUnauthorized)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			http.Error(w, "Bad Request", http.StatusBadRequest)
			return
		}
		answer, err := do(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer) // a publisher that left needs no answer
	})
}

var errNothing = errors.New("channel and data are required")

func (a api) send(p *publishRequest) error {
	if p == nil || p.Channel == "" || len(p.Data) == 0 {
		return errNothing
	}
	_, err := a.node.Publish(p.Channel, p.Data)
	return err
}

func (a api) publish(body []byte) ([]byte, error) {
	var p publishRequest
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, err
	}
	if err := a.send(&p); err != nil {
		return nil, err
	}
	return []byte(`{"result":{}}`), nil
}

// batch publishes in the order of the commands.
func (a api) batch(body []byte) ([]byte, error) {
	var b batchRequest
	if err := json.Unmarshal(body, &b); err != nil {
		return nil, err
	}
	answer := []byte(`{"replies":[`)
	for i, command := range b.Commands {
		if i > 0 {
			answer = append(answer, ',')
		}
		if err := a.send(command.Publish); err != nil {
			return nil, err
		}
		answer = append(answer, `{"publish":{}}`...)
	}
	return append(answer, "]}"...), nil
}
