package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gdamore/tcell/v2"
	"github.com/spf13/cobra"

	"github.com/snorky-go/snorky/cmd/internal/overview"
)

const topHelp = `Shows what goes on in a server, again and again: its doors, how much flows and how
late, its event loops, the busiest channels and the slowest connections. It asks the
admin address of the server, by default http://127.0.0.1:5802, or what SNORKY_ADMIN
names: a URL, or an address as snorkyd takes it in the variable of that name.

  q, Esc or Ctrl-C  leave
  space             ask now

Where standard output is no terminal, the same is written as text, once each interval;
with --once only once, after one interval, since rates need two looks. With --json each
look is a line with the counts as the server has them, and with --once the first one.

  snorky top
  snorky top http://10.0.0.7:5802 --interval 5s
  snorky top --once --json | jq .connections`

const (
	envAdmin     = "SNORKY_ADMIN"
	defaultAdmin = "http://" + overview.DefaultAddress
	noAdmin      = "none" // how snorkyd is told to have no admin address
	topRows      = 20
	maxTopRows   = 200
	maxOverview  = 4 << 20 // bytes
	leastLook    = 100 * time.Millisecond
)

// top are the settings of "snorky top".
type top struct {
	app       *app
	address   string
	interval  time.Duration
	timeout   time.Duration
	rows      int
	once      bool
	http      *http.Client
	newScreen func() (tcell.Screen, error)
}

func (a *app) topCommand(ctx context.Context) *cobra.Command {
	t := &top{app: a, http: &http.Client{CheckRedirect: neverRedirect}, newScreen: tcell.NewScreen}
	cmd := &cobra.Command{
		Use:                   "top [ADMIN-URL]",
		Short:                 "Show what goes on in a server, live",
		Long:                  topHelp,
		Args:                  arguments(0, 1, "the admin address of a server, or nothing"),
		ValidArgsFunction:     cobra.NoFileCompletions,
		DisableFlagsInUseLine: true,
		RunE: func(_ *cobra.Command, args []string) error {
			if err := t.check(strings.Join(args, "")); err != nil {
				return err
			}
			defer t.http.CloseIdleConnections()
			return t.run(ctx)
		},
	}
	cmd.Flags().DurationVar(&t.interval, "interval", 2*time.Second, "time between two looks")
	cmd.Flags().DurationVar(&t.timeout, "timeout", defaultTimeout, "how long to wait for an answer")
	cmd.Flags().IntVar(&t.rows, "rows", topRows, "`number` of channels and connections, at most")
	cmd.Flags().BoolVar(&t.once, "once", false, "look once, and end")
	noFiles(cmd, "interval")
	noFiles(cmd, "timeout")
	noFiles(cmd, "rows")
	return cmd
}

// neverRedirect leaves a redirect as it is: there is none at an admin address.
func neverRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func (t *top) check(given string) (err error) {
	text, source := setting("", given, envAdmin, defaultAdmin)
	if given != "" {
		source = "ADMIN-URL"
	}
	switch {
	case strings.TrimSpace(text) == noAdmin:
		return misused(source+" is "+noAdmin+": for snorkyd that means no admin address, so there is nothing to ask", "Name the one of another server.")
	case t.interval < leastLook:
		return misused("--interval has to be at least "+leastLook.String(), "Write a number with a unit, such as 500ms or 2s.")
	case t.timeout <= 0:
		return misused("--timeout has to be more than 0", "Write a number with a unit, such as 500ms or 10s.")
	case t.rows < 0 || t.rows > maxTopRows:
		return misused("--rows has to be from 0 to "+strconv.Itoa(maxTopRows), "")
	}
	t.address, err = address(strings.TrimSuffix(text, "/"), source, overview.Path, defaultAdmin, map[string]string{"http": "http", "https": "https"})
	return err
}

func (t *top) run(ctx context.Context) error {
	switch {
	case t.app.report.json:
		return t.each(ctx, t.once, func(l look) error {
			if l.err != nil {
				return l.err
			}
			return t.app.value(l.raw)
		})
	case !t.once && isTerminalOutput(t.app.stdout):
		if screen, err := t.newScreen(); err == nil {
			return t.live(ctx, screen)
		}
		// A terminal that tcell does not know gets plain text.
	}
	var v view
	looks := 0
	return t.each(ctx, false, func(l look) error {
		if l.err != nil {
			return l.err
		}
		v.take(l.overview)
		if looks++; looks == 1 {
			return nil
		}
		if err := t.app.line([]byte(v.plain() + "\n")); err != nil || t.once {
			return orEnough(err)
		}
		return nil
	})
}

// errEnough ends each without being an error.
var errEnough = failed(exitOK, "", "")

func orEnough(err error) error {
	if err != nil {
		return err
	}
	return errEnough
}

// each has f see one look each interval, or the first only.
func (t *top) each(ctx context.Context, once bool, f func(look) error) error {
	again := time.NewTicker(t.interval)
	defer again.Stop()
	for {
		l := t.look(ctx)
		if ctx.Err() != nil {
			return stopped()
		}
		if err := f(l); err != nil || once {
			if errors.Is(err, errEnough) {
				return nil
			}
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return stopped()
		}
	}
}

// look is what the server says at one moment.
type look struct {
	raw      json.RawMessage
	overview overview.Overview
	err      error // a *failure
}

// look asks the server. It blocks until there is an answer, the time is over or ctx ends.
func (t *top) look(ctx context.Context) (l look) {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, t.address+"?n="+strconv.Itoa(t.rows), nil)
	if err != nil {
		return look{err: misused("the address of the server cannot be used", "It has to look like "+defaultAdmin+".")}
	}
	response, err := t.http.Do(request)
	if err != nil {
		return look{err: t.unreachable(err)}
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxOverview))
	switch {
	case err != nil:
		return look{err: t.unreachable(err)}
	case response.StatusCode != http.StatusOK:
		said, _, _ := strings.Cut(string(body[:min(len(body), 200)]), "\n")
		return look{err: failed(exitRefused, shown(t.address)+" answers with status "+strconv.Itoa(response.StatusCode)+": "+said,
			"It should be the admin address of a snorkyd; see its setting admin.")}
	}
	if err := json.Unmarshal(body, &l.overview); err != nil || len(l.overview.Doors) == 0 {
		return look{err: failed(exitOther, shown(t.address)+" does not answer as a snorkyd does",
			"It should be the admin address of a snorkyd; see its setting admin.")}
	}
	l.raw = body
	return l
}

func (t *top) unreachable(err error) error {
	return failed(exitUnreachable, "cannot connect to "+shown(t.address)+": "+reason(err),
		"Is snorkyd running there, with an admin address? Another one is given as argument or by "+envAdmin+".")
}
