package main

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/snorky-go/snorky/actors/wire"
)

const subscribeHelp = `Subscribes to channels and prints each message that is published there, a JSON
value on one line. Of several channels the line is CHANNEL, a tab, and the message.

With --json the line is {"channel":CHANNEL,"message":MESSAGE}.

It goes on until Ctrl-C, until --count messages have come, or until the connection
is lost; with --reconnect it connects again then, and also waits for a server that
is not there yet. Messages that are published in between are not delivered later.

  snorky subscribe news
  snorky subscribe --json --reconnect news weather > messages.jsonl
  snorky subscribe --json-channel '{"room":7}'`

// defaultService is the PubSub service that the first steps use. Every snorkyd without configuration has it.
const defaultService = "announcements"

// subscribe are the settings of "snorky subscribe".
type subscribe struct {
	connecting
	service     string
	jsonChannel bool
	count       uint64
	reconnect   bool
}

func (a *app) subscribeCommand(ctx context.Context) *cobra.Command {
	s := &subscribe{}
	cmd := &cobra.Command{
		Use:                   "subscribe CHANNEL...",
		Short:                 "Print what is published to channels",
		Long:                  subscribeHelp,
		Args:                  arguments(1, -1, "a channel, or several"),
		ValidArgsFunction:     cobra.NoFileCompletions,
		DisableFlagsInUseLine: true,
		RunE: func(_ *cobra.Command, args []string) error {
			return a.subscribe(ctx, s, args)
		},
	}
	cmd.Flags().StringVar(&s.service, "service", defaultService, "`name` of the PubSub service")
	cmd.Flags().BoolVar(&s.jsonChannel, "json-channel", false, "channels are JSON values; without this they are strings")
	cmd.Flags().Uint64Var(&s.count, "count", 0, "end after this `number` of messages; 0 goes on")
	cmd.Flags().BoolVar(&s.reconnect, "reconnect", false, "connect again when the connection is lost")
	cmd.Flags().BoolVarP(&a.report.quiet, "quiet", "q", false, "nothing on standard error but failures")
	noFiles(cmd, "service")
	noFiles(cmd, "count")
	s.frontFlags(cmd)
	s.tokenFlag(cmd)
	return cmd
}

func (a *app) subscribe(ctx context.Context, s *subscribe, args []string) error {
	if err := s.check(); err != nil {
		return err
	}
	channels, err := s.channels(args)
	if err != nil {
		return err
	}
	v := &viewer{app: a, settings: s, channels: channels}
	f, err := openFeed(ctx, s, channels, v.waits)
	if err != nil {
		return err
	}
	defer f.close()
	for {
		select {
		case <-ctx.Done():
			return stopped()
		case e := <-f.events:
			if done, err := v.take(e); done || err != nil {
				return err
			}
		}
	}
}

// channels are the values of the arguments, each once: the server would refuse a second subscription.
func (s *subscribe) channels(args []string) ([]json.RawMessage, error) {
	var all []json.RawMessage
	seen := map[wire.Key]bool{}
	for _, argument := range args {
		channel, err := channelValue(argument, s.jsonChannel)
		if err != nil {
			return nil, err
		}
		key, err := wire.CanonicalKey(channel)
		if err != nil {
			return nil, misused("the channel "+excerpt(argument)+" cannot be used: "+err.Error(), "")
		}
		if !seen[key] {
			seen[key] = true
			all = append(all, channel)
		}
	}
	return all, nil
}
