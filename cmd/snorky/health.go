package main

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

const healthHelp = `Asks the frontend whether it takes clients: status 0 if it does, 4 if it does not,
because it is draining or its actors hang, 3 if it does not answer. For health
checks of containers, where there is no curl.

  snorky health
  snorky health --url snorky.example.com:5800 --timeout 2s`

// healthPath is where a server says how it is, on the frontend.
const healthPath = "/healthz"

// maxHealth bounds what is shown of its answer.
const maxHealth = 200

func (a *app) healthCommand(ctx context.Context) *cobra.Command {
	var c connecting
	cmd := &cobra.Command{
		Use:                   "health [flags]",
		Short:                 "Ask whether the server takes clients",
		Long:                  healthHelp,
		Args:                  arguments(0, 0, "no arguments"),
		ValidArgsFunction:     cobra.NoFileCompletions,
		DisableFlagsInUseLine: true,
		RunE: func(*cobra.Command, []string) error {
			if err := c.check(); err != nil {
				return err
			}
			return a.health(ctx, c)
		},
	}
	c.frontFlags(cmd)
	return cmd
}

func (a *app) health(ctx context.Context, c connecting) error {
	socket, err := c.frontAddress()
	if err != nil {
		return err
	}
	at, err := url.Parse(socket)
	if err != nil {
		return err
	}
	// A wss becomes https, a ws http.
	at.Scheme, at.Path, at.RawQuery = strings.Replace(at.Scheme, "ws", "http", 1), healthPath, ""
	status, said, err := ask(ctx, c, at.String())
	switch {
	case ctx.Err() != nil:
		return stopped()
	case err != nil:
		return cannotConnect(at.String(), "url", envURL, err)
	case status != http.StatusOK:
		return failed(exitRefused, "the server at "+at.String()+" is not well: status "+strconv.Itoa(status)+", "+excerpt(said), "")
	}
	if a.report.json {
		return a.object(healthLine{said})
	}
	return a.line([]byte(said))
}

type healthLine struct {
	Health string `json:"health"`
}

// ask makes one request on a connection of its own.
func ask(ctx context.Context, c connecting, address string) (status int, said string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, "", err
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxHealth))
	return response.StatusCode, strings.TrimSpace(string(text)), err
}
