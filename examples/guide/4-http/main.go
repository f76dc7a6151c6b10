// Command 4-http publishes with what every HTTP library can do: POST a JSON text. BACKEND_URL and BACKEND_KEY say where
// and with which key.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"time"
)

// packet names a service of the backend's registry and holds a request for it.
type packet struct {
	Service string  `json:"service"`
	Message request `json:"message"`
}

type request struct {
	Command string         `json:"command"`
	Params  map[string]any `json:"params"`
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	err := publish(ctx, os.Getenv("BACKEND_URL"), os.Getenv("BACKEND_KEY"))
	cancel()
	if err != nil {
		log.Fatal(err)
	}
}

func publish(ctx context.Context, url, key string) error {
	body, err := json.Marshal(packet{"pubsub_backend", request{"publish", map[string]any{
		"channel": "timetable",
		"message": map[string]any{"train": "IC 612", "delay": 5, "by": "Go"},
	}}})
	if err != nil {
		return err
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	post.Header.Set("X-Backend-Key", key)
	post.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(post)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	return nil
}
