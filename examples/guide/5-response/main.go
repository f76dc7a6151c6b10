// Command 5-response calls a command of the service pubsub_backend and says what became of it. Its argument is the
// command; "publish" works, any other is an error of the service. BACKEND_URL and BACKEND_KEY are as before.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

// answer is what a service says, in the packet it comes in.
type answer struct {
	Message struct {
		Type    string          `json:"type"`
		Data    json.RawMessage `json:"data"`    // of a "response": what the command returned
		Message string          `json:"message"` // of an "error": which one
	} `json:"message"`
}

func main() {
	command := "publish"
	if len(os.Args) > 1 {
		command = os.Args[1]
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	data, err := call(ctx, os.Getenv("BACKEND_URL"), os.Getenv("BACKEND_KEY"), command)
	cancel()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("the service returned %s\n", data)
}

func call(ctx context.Context, url, key, command string) (json.RawMessage, error) {
	body, err := json.Marshal(map[string]any{
		"service": "pubsub_backend",
		"message": map[string]any{
			"command": command,
			"params":  map[string]any{"channel": "timetable", "message": "read by Go"},
		},
	})
	if err != nil {
		return nil, err
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	post.Header.Set("X-Backend-Key", key)
	response, err := http.DefaultClient.Do(post)
	if err != nil {
		return nil, fmt.Errorf("no answer: %w", err)
	}
	defer response.Body.Close()
	return read(response)
}

// read tells the three outcomes apart: the door refused, the service refused, or the command has run.
func read(response *http.Response) (json.RawMessage, error) {
	if response.StatusCode != http.StatusOK {
		return nil, errors.New("the door refused: " + response.Status)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("half an answer: %w", err)
	}
	var a answer
	if err := json.Unmarshal(text, &a); err != nil {
		return nil, fmt.Errorf("no JSON: %w", err)
	}
	switch a.Message.Type {
	case "response":
		return a.Message.Data, nil
	case "error":
		return nil, errors.New("the service refused: " + a.Message.Message)
	default:
		return nil, fmt.Errorf("neither response nor error: %s", text)
	}
}
