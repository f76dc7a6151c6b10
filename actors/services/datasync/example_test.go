package datasync_test

import (
	"encoding/json"
	"fmt"

	"github.com/snorky-go/snorky/actors/services/datasync"
)

// byTag is for articles with several tags, of which a subscription asks for one.
type byTag struct{}

func (byTag) Name() string  { return "ArticlesByTag" }
func (byTag) Model() string { return "Article" }

// Accept takes any query: what has the key matches.
func (byTag) Accept(json.RawMessage) (datasync.Matcher, error) { return nil, nil }

func (byTag) QueryKey(query json.RawMessage) (json.RawMessage, error) { return query, nil }

func (byTag) DataKeys(data json.RawMessage) []json.RawMessage {
	var article struct{ Tags []json.RawMessage }
	if json.Unmarshal(data, &article) != nil {
		return nil
	}
	return article.Tags
}

// A dealer written in Go stands beside the ready-made ones. As a Keyer it finds its items by hash.
func ExampleKeyer() {
	service := datasync.New(datasync.Options{}, datasync.Filter("FilteredArticles", "Article"), byTag{})
	// It is registered like any other service:
	//	broker.Frontend().Register("datasync", service)
	//	broker.Backend().Register("datasync_backend", datasync.NewBackend(service))
	_ = service

	fmt.Printf("%s\n", byTag{}.DataKeys(json.RawMessage(`{"title": "Snorky", "tags": ["go", "actors"]}`)))
	// Output: ["go" "actors"]
}
