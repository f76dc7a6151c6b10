package main

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strconv"
	"syscall"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/cmd/snorky/internal/bench"
	front "github.com/snorky-go/snorky/gateway/client"
)

// target is the service to publish to.
func (b *benchmark) target() string {
	return (&publish{via: viaBackend, service: b.service, backendService: b.backendService}).target()
}

// peer is the server, which nothing has been sent to yet.
func (b *benchmark) peer() (*bench.Snorky, error) {
	o := bench.SnorkyOptions{Service: b.service, BackendService: b.target(), Wait: b.timeout}
	var err error
	if o.URL, err = b.frontAddress(); err != nil {
		return nil, err
	}
	if b.publishes {
		if o.Backend, err = b.backAddress(); err != nil {
			return nil, err
		}
		if o.Key, err = b.key(); err != nil {
			return nil, err
		}
	}
	return bench.NewSnorky(o)
}

// probe sends one message all the way, so that wrong addresses, keys and names are explained before there is any load.
func (b *benchmark) probe(ctx context.Context) error {
	address, err := b.frontAddress()
	if err != nil {
		return err
	}
	place := frontend{shown(address), b.timeout}
	client, err := front.Dial(ctx, address, front.Options{ConnectTimeout: b.timeout})
	if err != nil {
		return place.explainDial(err)
	}
	defer func() { _ = client.Close() }()
	channel := json.RawMessage(wire.AppendString(nil, "bench-probe-"+strconv.FormatUint(rand.Uint64(), 36)))
	heard := make(chan struct{}, 1)
	waiting, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	err = client.Subscribe(waiting, b.service, channel, func(front.Message) {
		select {
		case heard <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return place.explainCall(err, b.service, "subscribe")
	}
	if !b.publishes {
		return nil
	}
	back, err := b.openBackend()
	if err != nil {
		return err
	}
	defer back.Close()
	return b.probePublishing(ctx, back, channel, heard)
}

func (b *benchmark) probePublishing(ctx context.Context, back door, channel json.RawMessage, heard <-chan struct{}) error {
	p := &publish{via: viaBackend, service: b.service, backendService: b.backendService}
	if err := p.send(ctx, back, channel, json.RawMessage(`"probe"`)); err != nil {
		return err
	}
	if b.Batch > 1 {
		params := append(append(json.RawMessage(`{"messages":[],"channel":`), channel...), '}')
		if _, err := back.Call(ctx, b.target(), "publishMany", params); err != nil {
			f := asFailure(err)
			if f.kind == exitRefused {
				f.hint = "This server takes one message in each request: leave out --batch."
			}
			return f
		}
	}
	timer := time.NewTimer(b.timeout)
	defer timer.Stop()
	select {
	case <-heard:
		return nil
	case <-ctx.Done():
		return stopped()
	case <-timer.C:
		return failed(exitOther, "what "+b.target()+" publishes is not heard by subscribers of "+b.service,
			"Are they twins, and are both addresses those of one server? See --service, --backend-service, --url and --backend.")
	}
}

// explainBench explains why there was nothing to measure.
func (b *benchmark) explainBench(err error) error {
	var wrong *bench.ConfigError
	var files *bench.FileLimitError
	var setup *bench.SetupError
	switch {
	case errors.As(err, &wrong):
		return misused(b.flagOf(wrong.Setting)+" "+wrong.Problem, `See "snorky bench `+b.mode+` --help".`)
	case errors.As(err, &files):
		return failed(exitOther, files.Error(), "Each connection is an open file, here and in the server. "+
			`"ulimit -Hn" shows the limit, and the administrator of the machine can raise it.`)
	case errors.Is(err, context.Canceled):
		return stopped()
	case errors.As(err, &setup):
		return b.explainSetup(setup)
	}
	return failed(exitOther, "the measurement failed: "+reason(err), "")
}

// explainSetup explains why the load could not be put on, although one connection did work.
func (b *benchmark) explainSetup(setup *bench.SetupError) error {
	var handshake *bench.HandshakeError
	var refused *bench.RefusedError
	var closed *wire.CloseError
	address, err := b.frontAddress()
	flag, variable := "url", envURL
	if setup.Publisher {
		address, err = b.backAddress()
		flag, variable = "backend", envBackend
	}
	if err != nil {
		return err
	}
	place := frontend{shown(address), b.timeout}
	switch err := setup.Err; {
	case errors.As(err, &handshake):
		return place.explainDial(&front.HandshakeError{Status: handshake.Status})
	case errors.As(err, &refused):
		return refusal(b.service, "subscribe", refused.Text)
	case errors.As(err, &closed):
		return place.explainLoss(closed)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return failed(exitUnreachable, "there are no ports left to connect from to "+place.address,
			"Wait a minute, or connect from more addresses with --sources.")
	case isDial(err):
		return cannotConnect(place.address, flag, variable, err)
	default:
		return failed(exitUnreachable, "a connection to "+place.address+" failed while others worked: "+reason(err), "")
	}
}
