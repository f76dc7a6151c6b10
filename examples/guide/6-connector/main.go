// Command 6-connector does what the two steps before do, with the Go client for backends. Its argument is the command;
// "publish" works, any other is an error of the service. BACKEND_URL and BACKEND_KEY are as before.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/snorky-go/snorky/backendapi/client"
)

func main() {
	command := "publish"
	if len(os.Args) > 1 {
		command = os.Args[1]
	}
	if err := run(context.Background(), os.Getenv("BACKEND_URL"), os.Getenv("BACKEND_KEY"), command); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, url, key, command string) error {
	backend, err := client.New(url, key)
	if err != nil {
		return err
	}
	defer backend.Close()
	data, err := backend.Call(ctx, "pubsub_backend", command, map[string]any{
		"channel": "timetable",
		"message": map[string]any{"train": "IC 612", "delay": 5, "by": "the Go connector"},
	})
	if refused := (*client.Error)(nil); errors.As(err, &refused) {
		return fmt.Errorf("the service refused: %s", refused.Text)
	}
	if refused := (*client.StatusError)(nil); errors.As(err, &refused) {
		return fmt.Errorf("the door refused: %d", refused.Status)
	}
	if err != nil {
		return err
	}
	fmt.Printf("the service returned %s\n", data)
	return nil
}
