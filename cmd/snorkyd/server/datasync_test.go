package server_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/snorky-go/snorky/backendapi/client"
	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
)

// Each dealer that is declared deals what it is to deal.
func TestDataSyncWithItsDealers(t *testing.T) {
	t.Parallel()
	cfg := local()
	cfg.DataSync = []config.DataSync{{
		Name: "tasks", Backend: "tasks back", TokenTimeout: time.Minute, MaxBuffered: 1 << 20, MaxBufferedTotal: 1 << 21,
		Dealers: []config.Dealer{
			{Name: "all", Model: "Task", Kind: config.ToAll},
			{Name: "mine", Model: "Task", Kind: config.ByKey, Field: "owner"},
			{Name: "some", Model: "Task", Kind: config.ByFilter},
		},
	}}
	s := boot(t, cfg)
	publisher := trial.Publisher(t, s.BackendAddr(), s.Key())
	for _, test := range []struct {
		dealer string
		query  any
		heard  []int // of the deltas below
	}{
		{"all", nil, []int{0, 1, 2}},
		{"mine", "ann", []int{0, 2}},
		{"some", []any{">", "n", 1}, []int{1, 2}},
	} {
		token, err := publisher.AuthorizeSubscription(t.Context(), "tasks back", client.Item{Dealer: test.dealer, Query: test.query})
		if err != nil {
			t.Fatal(err)
		}
		socket, status := trial.Dial(t, s.Addr())
		if status != http.StatusSwitchingProtocols {
			t.Fatal(status)
		}
		if got := socket.Call("tasks", "acquireSubscription", fmt.Sprintf(`{"token":%q}`, token)); got.Type != "response" {
			t.Fatalf("%+v", got)
		}
		deltas := []client.Delta{
			client.Insert("Task", map[string]any{"owner": "ann", "n": 1}),
			client.Insert("Task", map[string]any{"owner": "bob", "n": 2}),
			client.Insert("Task", map[string]any{"owner": "ann", "n": 3}),
		}
		if err := publisher.PublishDeltas(t.Context(), "tasks back", deltas...); err != nil {
			t.Fatal(err)
		}
		for _, i := range test.heard {
			want := fmt.Sprintf(`{"type":"insert","model":"Task","data":{"n":%d,"owner":%q}}`, i+1, []string{"ann", "bob", "ann"}[i])
			if got, code := socket.Next(); got.Type != "delta" || string(got.Delta) != want {
				t.Errorf("%s: %+v, code %d, want %s", test.dealer, got, code, want)
			}
		}
	}
}
