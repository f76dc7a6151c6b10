package main

import (
	"context"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench"
)

const benchHelp = `Puts load on a Snorky server and measures how it does.

  fanout   how many deliveries a second it manages, and what they cost
  latency  how long a message takes at a given rate
  idle     what a subscriber costs that hears nothing
  churn    how fast subscribers can come and go

Every subscriber checks that it gets every message once, in order and undamaged.
If one does not, the exit status is 6, and the summary says what went wrong.

With --server-pid, on the machine of the server, there are also figures for its
CPU time and its memory. They are the ones to compare: deliveries per second also
depend on what this client takes of the machine. "other" is the CPU time of
everything else; if it is more than a little, measure again. Ctrl-C ends a
measurement early, with a summary of what there is so far.

  export SNORKY_KEY=...
  snorky bench fanout --subscribers 1000 --server-pid "$(pidof snorkyd)"
  snorky bench latency --subscribers 1000 --rate 100 --json`

const fanoutHelp = `Publishes as fast as the server takes it, with no more than --window messages ahead
of the subscribers, and counts what they get.

A large window shows how much a server gains by sending together what waits
together; a window of 1 shows it one message at a time.

  snorky bench fanout --subscribers 5000 --publishers 8
  snorky bench fanout --batch 16                   # 16 messages in each request
  snorky bench fanout --subscribers 2000 --slow 5  # 5 % stop reading

With --slow some subscribers stop reading when the measuring begins. The server has
to cut them, and only them; what it costs the others is what this measures.`

const latencyHelp = `Publishes --rate messages a second on a fixed schedule, whether or not the server
keeps up, and measures each delivery from when its message was due. So a server
that stumbles is charged for all messages that had to wait, not only for one.

The lag is how late this client itself began to publish; it is part of the
latency. Where it is large, the machine is too busy to measure on.

  snorky bench latency --subscribers 1000 --rate 20
  snorky bench latency --subscribers 10 --rate 50 --beside 1000

With --beside another channel is published to flat out at the same time, which
should not delay this one.`

const idleHelp = `Opens subscribed connections, waits until the memory of the server comes to rest,
and tells what each connection takes. Then one message proves that all are alive.

The kernel's memory is that of the whole machine, of both ends if they share it:
buffers as in /proc/net/sockstat, and structures that it cannot give back.

  snorky bench idle --subscribers 10000 --server-pid "$(pidof snorkyd)"`

const churnHelp = `Has a number of loops connect, subscribe and disconnect, as fast as they can.

  snorky bench churn --loops 16 --server-pid "$(pidof snorkyd)"`

// benchmark are the settings of "snorky bench".
type benchmark struct {
	connecting
	mode           string
	run            func(context.Context, bench.Peer, bench.Config, bench.Report) (*bench.Result, error)
	publishes      bool // it needs the backend
	service        string
	backendService string
	reader         string
	progress       bool
	bench.Config
}

func (a *app) benchCommand(ctx context.Context) *cobra.Command {
	cmd := &cobra.Command{
		Use:                   "bench",
		Short:                 "Measure a server under load",
		Long:                  benchHelp,
		Args:                  knownCommand,
		RunE:                  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		DisableFlagsInUseLine: true,

		SuggestionsMinimumDistance: 2,
	}
	cmd.AddCommand(a.benchFanout(ctx), a.benchLatency(ctx), a.benchIdle(ctx), a.benchChurn(ctx))
	return cmd
}

// benchMode is what the commands have in common.
func (a *app) benchMode(ctx context.Context, b *benchmark, short, long string) *cobra.Command {
	b.Config = bench.Defaults()
	cmd := &cobra.Command{
		Use:                   b.mode,
		Short:                 short,
		Long:                  long,
		Args:                  arguments(0, 0, "no arguments"),
		ValidArgsFunction:     cobra.NoFileCompletions,
		DisableFlagsInUseLine: true,
		RunE: func(*cobra.Command, []string) error {
			return a.bench(ctx, b)
		},
	}
	f := cmd.Flags()
	f.StringVar(&b.service, "service", defaultService, "`name` of the PubSub service")
	f.IntVar(&b.Channels, "channels", b.Channels, "`number` of channels that they are spread over")
	f.IntSliceVar(&b.ServerPIDs, "server-pid", nil, "`pid` of the server, or several with commas; children count too")
	f.IntVar(&b.Sources, "sources", b.Sources, "connect from this `number` of loopback addresses, which have 28000 ports each; 0: as it needs")
	f.DurationVar(&b.Stall, "stall", b.Stall, "give up after this `time` in which nothing succeeds")
	f.BoolVar(&b.progress, "progress", false, "say how it goes also where there is no terminal")
	f.BoolVarP(&a.report.quiet, "quiet", "q", false, "nothing on standard error but failures")
	b.frontFlags(cmd)
	if b.publishes {
		f.StringVar(&b.backendService, "backend-service", "", "`name` of its twin on the backend, if it is not NAME_backend")
		f.IntVar(&b.Size, "size", b.Size, "`bytes` of each message")
		f.StringVar(&b.reader, "reader", bench.ReaderAuto.String(), "`how` to read: loop, goroutines or auto")
		b.backFlags(cmd)
		choices(cmd, "reader", bench.ReaderAuto.String(), bench.ReaderLoop.String(), bench.ReaderGoroutines.String())
	}
	for _, flag := range []string{"service", "channels", "server-pid", "sources", "backend-service", "size", "stall"} {
		if f.Lookup(flag) != nil {
			noFiles(cmd, flag)
		}
	}
	return cmd
}

func (b *benchmark) subscriberFlag(cmd *cobra.Command) {
	cmd.Flags().IntVar(&b.Subscribers, "subscribers", b.Subscribers, "`number` of subscribed connections")
	noFiles(cmd, "subscribers")
}

func (b *benchmark) timeFlags(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&b.Duration, "duration", b.Duration, "how long to measure")
	cmd.Flags().DurationVar(&b.Warmup, "warmup", b.Warmup, "how long to do the same before, without measuring")
	noFiles(cmd, "duration")
	noFiles(cmd, "warmup")
}

func (b *benchmark) trafficFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVar(&b.Publishers, "publishers", b.Publishers, "`number` of connections that publish")
	f.IntVar(&b.Window, "window", b.Window, "`messages` that may be on their way to the subscribers, flat out")
	f.IntVar(&b.Batch, "batch", b.Batch, "`messages` in each request, flat out")
	f.Float64Var(&b.Slow, "slow", b.Slow, "`percent` of the subscribers that stop reading")
	f.DurationVar(&b.Sweep, "sweep", sweep, "pause between two rounds of reading, flat out")
	for _, flag := range []string{"publishers", "window", "batch", "slow", "sweep"} {
		noFiles(cmd, flag)
	}
}

// sweep keeps the server from waking up the client after each write, which it would have to pay for.
const sweep = 500 * time.Microsecond

func (a *app) benchFanout(ctx context.Context) *cobra.Command {
	b := &benchmark{mode: "fanout", run: bench.Fanout, publishes: true}
	cmd := a.benchMode(ctx, b, "Deliveries per second, flat out", fanoutHelp)
	b.subscriberFlag(cmd)
	b.timeFlags(cmd)
	b.trafficFlags(cmd)
	cmd.Flags().IntVar(&b.Messages, "messages", b.Messages, "end after this `number` of messages; 0: only the time ends it")
	noFiles(cmd, "messages")
	return cmd
}

func (a *app) benchLatency(ctx context.Context) *cobra.Command {
	b := &benchmark{mode: "latency", run: latencyBeside, publishes: true}
	cmd := a.benchMode(ctx, b, "Time from due to delivered, at a fixed rate", latencyHelp)
	b.subscriberFlag(cmd)
	b.timeFlags(cmd)
	b.trafficFlags(cmd)
	cmd.Flags().Float64Var(&b.Rate, "rate", b.Rate, "`messages` a second, all channels together")
	cmd.Flags().IntVar(&b.Beside, "beside", b.Beside, "`subscribers` of a busy channel at the same time")
	noFiles(cmd, "rate")
	noFiles(cmd, "beside")
	return cmd
}

// latencyBeside leaves it to the operating system whose turn it is: Go's scheduler would let what reads the busy channel
// go on for up to 10 ms while the quiet one waits.
func latencyBeside(ctx context.Context, p bench.Peer, c bench.Config, report bench.Report) (*bench.Result, error) {
	if c.Beside > 0 {
		const enough = 8
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(enough, runtime.NumCPU())))
	}
	return bench.Latency(ctx, p, c, report)
}

func (a *app) benchIdle(ctx context.Context) *cobra.Command {
	b := &benchmark{mode: "idle", run: bench.Idle, publishes: true}
	cmd := a.benchMode(ctx, b, "Memory of connections that hear nothing", idleHelp)
	b.subscriberFlag(cmd)
	cmd.Flags().DurationVar(&b.Settle, "settle", b.Settle, "how long to wait at most for the server's memory to come to rest")
	cmd.Flags().DurationVar(&b.Hold, "hold", b.Hold, "how long to watch the server's CPU time after that")
	noFiles(cmd, "settle")
	noFiles(cmd, "hold")
	return cmd
}

func (a *app) benchChurn(ctx context.Context) *cobra.Command {
	b := &benchmark{mode: "churn", run: bench.Churn}
	cmd := a.benchMode(ctx, b, "Connect, subscribe, disconnect, again and again", churnHelp)
	b.timeFlags(cmd)
	const loops = 16
	cmd.Flags().IntVar(&b.Subscribers, "loops", loops, "`number` of loops at the same time")
	noFiles(cmd, "loops")
	return cmd
}

// bench measures, and tells of it.
func (a *app) bench(ctx context.Context, b *benchmark) error {
	if err := b.check(); err != nil {
		return err
	}
	peer, err := b.peer()
	if err != nil {
		return err
	}
	b.Timeout = b.timeout
	if err := b.Config.Check(peer); err != nil {
		return b.explainBench(err)
	}
	if err := b.probe(ctx); err != nil {
		return err
	}
	report, done := a.progress(b)
	result, err := b.run(ctx, peer, b.Config, report)
	done()
	if err != nil {
		return b.explainBench(err)
	}
	if a.report.json {
		err = a.object(result)
	} else {
		err = a.summary(result, peer)
	}
	switch {
	case err != nil:
		return err
	case result.Interrupted:
		return stopped()
	case result.Faults.Total() > 0:
		return failed(exitFaults, "measured, but not all went well: "+result.Faults.First, "")
	}
	return nil
}

func (b *benchmark) check() error {
	if err := b.connecting.check(); err != nil {
		return err
	}
	if !b.publishes {
		return nil
	}
	for _, reader := range []bench.Reader{bench.ReaderAuto, bench.ReaderLoop, bench.ReaderGoroutines} {
		if b.reader == reader.String() {
			b.Reader = reader
			return nil
		}
	}
	return misused("--reader "+excerpt(b.reader)+" is no way to read", "There are loop, goroutines and auto.")
}

// flagOf is the flag that sets what the engine calls by another name.
func (b *benchmark) flagOf(setting string) string {
	switch {
	case setting == "server_pids":
		return "--server-pid"
	case setting == "subscribers" && b.mode == "churn":
		return "--loops"
	}
	return "--" + strings.ReplaceAll(setting, "_", "-")
}

// grouped is a number with a comma at each thousand.
func grouped(v float64) string {
	text := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
