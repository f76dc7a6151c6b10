package main

import (
	"context"
	"encoding/json"
	"io"

	"github.com/spf13/cobra"
)

const callHelp = `Calls a command of a service and prints what it answers, a JSON value on one line.

PARAMS is a JSON object with a member for each parameter; without it there are
none, and "-" reads it from standard input.

With --json the line is {"service":S,"command":C,"data":VALUE}.

  snorky call calculator sum '{"number1":1,"number2":2}'
  snorky call --via backend announcements_backend subscribers '{"channel":"news"}'`

const maxParamsBytes = 16 << 20

// call are the settings of "snorky call".
type call struct {
	connecting
	via string
}

func (a *app) callCommand(ctx context.Context) *cobra.Command {
	c := &call{}
	cmd := &cobra.Command{
		Use:                   "call SERVICE COMMAND [PARAMS]",
		Short:                 "Call a command of a service",
		Long:                  callHelp,
		Args:                  arguments(2, 3, "a service, a command and perhaps params"),
		ValidArgsFunction:     cobra.NoFileCompletions,
		DisableFlagsInUseLine: true,
		RunE: func(_ *cobra.Command, args []string) error {
			return a.call(ctx, c, args)
		},
	}
	cmd.Flags().StringVar(&c.via, "via", viaFrontend, "`door` to use: frontend or backend")
	choices(cmd, "via", viaFrontend, viaBackend)
	c.frontFlags(cmd)
	c.tokenFlag(cmd)
	c.backFlags(cmd)
	return cmd
}

type answerLine struct {
	Service string          `json:"service"`
	Command string          `json:"command"`
	Data    json.RawMessage `json:"data"`
}

func (a *app) call(ctx context.Context, c *call, args []string) error {
	if err := c.check(); err != nil {
		return err
	}
	service, command := args[0], args[1]
	text := "{}"
	if len(args) == 3 {
		text = args[2]
	}
	if text == "-" {
		input, err := io.ReadAll(io.LimitReader(a.stdin, maxParamsBytes))
		if err != nil {
			return failed(exitOther, "reading standard input failed: "+reason(err), "")
		}
		text = string(input)
	}
	params, err := paramsValue(text)
	if err != nil {
		return err
	}
	d, err := c.open(ctx, c.via)
	if err != nil {
		return err
	}
	defer d.Close()
	data, err := d.Call(ctx, service, command, params)
	if err != nil {
		return err
	}
	if a.report.json {
		return a.object(answerLine{service, command, data})
	}
	return a.value(data)
}
