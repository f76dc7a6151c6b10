package main

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"
)

const publishHelp = `Publishes MESSAGE, a JSON value, to all subscribers of CHANNEL.

Without MESSAGE, or with "-", messages are read from standard input, one on each
line. They are published in their order, and those that come while the server
accepts the ones before go together in one request; the first that fails ends it.

By default the messages go through the backend, which wants its key, to the twin
of the PubSub service that --service names: NAME_backend. With --via frontend they
go to the service itself, as those of any client, which the server may refuse.

With --json a line {"channel":CHANNEL,"published":NUMBER} is printed at the end.

  SNORKY_KEY=... snorky publish news '{"title":"Hello"}'
  snorky publish --key-file key --string news Hello
  tail -f log.jsonl | snorky publish --key-file key log`

const twinSuffix = "_backend"

// publish are the settings of "snorky publish".
type publish struct {
	connecting
	via            string
	service        string
	backendService string
	jsonChannel    bool
	asString       bool
}

func (a *app) publishCommand(ctx context.Context) *cobra.Command {
	p := &publish{}
	cmd := &cobra.Command{
		Use:                   "publish CHANNEL [MESSAGE]",
		Short:                 "Publish a message, or one for each line of input",
		Long:                  publishHelp,
		Args:                  arguments(1, 2, "a channel and a message"),
		ValidArgsFunction:     cobra.NoFileCompletions,
		DisableFlagsInUseLine: true,
		RunE: func(_ *cobra.Command, args []string) error {
			return a.publish(ctx, p, args)
		},
	}
	cmd.Flags().StringVar(&p.service, "service", defaultService, "`name` of the PubSub service")
	cmd.Flags().StringVar(&p.backendService, "backend-service", "", "`name` of its twin on the backend, if it is not NAME_backend")
	cmd.Flags().StringVar(&p.via, "via", viaBackend, "`door` to use: backend or frontend")
	cmd.Flags().BoolVar(&p.jsonChannel, "json-channel", false, "CHANNEL is a JSON value; without this it is a string")
	cmd.Flags().BoolVar(&p.asString, "string", false, "messages are strings as they are; without this they are JSON")
	noFiles(cmd, "service")
	noFiles(cmd, "backend-service")
	choices(cmd, "via", viaBackend, viaFrontend)
	p.frontFlags(cmd)
	p.tokenFlag(cmd)
	p.backFlags(cmd)
	return cmd
}

func (a *app) publish(ctx context.Context, p *publish, args []string) error {
	if err := p.check(); err != nil {
		return err
	}
	channel, err := channelValue(args[0], p.jsonChannel)
	if err != nil {
		return err
	}
	var message json.RawMessage
	one := len(args) == 2 && args[1] != "-"
	if one {
		if message, err = messageValue(args[1], p.asString); err != nil {
			return err
		}
	}
	d, err := p.open(ctx, p.via)
	if err != nil {
		return err
	}
	defer d.Close()
	published := 1
	if one {
		err = p.send(ctx, d, channel, message)
	} else {
		published, err = a.publishLines(ctx, p, d, channel)
	}
	if err == nil && a.report.json {
		err = a.object(publishedLine{channel, published})
	}
	return err
}

type publishedLine struct {
	Channel   json.RawMessage `json:"channel"`
	Published int             `json:"published"`
}

// send publishes one message (PROTOCOL.md sections 6.4 and 8.1).
func (p *publish) send(ctx context.Context, d door, channel, message json.RawMessage) error {
	params := make(json.RawMessage, 0, len(`{"channel":,"message":}`)+len(channel)+len(message))
	params = append(params, `{"channel":`...)
	params = append(params, channel...)
	params = append(params, `,"message":`...)
	params = append(params, message...)
	params = append(params, '}')
	_, err := d.Call(ctx, p.target(), "publish", params)
	return err
}

// target is the service to call. Who names the twin itself, as other clients have to, means no twin of the twin.
func (p *publish) target() string {
	switch {
	case p.via == viaFrontend:
		return p.service
	case p.backendService != "":
		return p.backendService
	case strings.HasSuffix(p.service, twinSuffix):
		return p.service
	}
	return p.service + twinSuffix
}
