package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/snorky-go/snorky/cmd/internal/overview"
)

// view is what is shown: the latest look, and what has happened since the one before.
type view struct {
	now     overview.Overview
	before  overview.Overview
	elapsed float64 // seconds between them; 0: there is none before
	seen    bool
	problem string // why there is no newer look
}

// take shows another look.
func (v *view) take(o overview.Overview) {
	v.before, v.elapsed = v.now, 0
	if v.seen && v.before.Started.Equal(o.Started) { // else the server was started again
		v.elapsed = max(o.Now.Sub(v.before.Now).Seconds(), 0)
	}
	v.now, v.seen, v.problem = o, true, ""
}

// fail shows why there is no other look.
func (v *view) fail(err error) { v.problem = printable(asFailure(err).what) }

// emphasis says how a line is shown where there are colours.
type emphasis int

const (
	usual emphasis = iota
	heading
	alarming
)

type line struct {
	text string
	as   emphasis
}

// plain is all of it as text.
func (v *view) plain() string {
	var b strings.Builder
	for _, l := range v.lines(1 << 30) {
		b.WriteString(strings.TrimRight(l.text, " ") + "\n")
	}
	return b.String()
}

// fewestRows is what each list keeps where there is little room.
const fewestRows = 3

// lines are as many as there is room for. Where that is little, the lists become shorter.
func (v *view) lines(room int) []line {
	if !v.seen {
		return []line{{cmp.Or(v.problem, "asking ..."), alarmingIf(v.problem != "")}}
	}
	all := v.head()
	all = append(all, line{})
	loops, busiest, slowest := v.loops(), v.busiest(), v.slowest()
	left := room - len(all) - 3 - 2 // titles, blank lines
	rows := share(left, len(loops)-1, len(busiest)-1, len(slowest)-1)
	for i, list := range [][]string{loops, busiest, slowest} {
		if i > 0 {
			all = append(all, line{})
		}
		all = append(all, line{list[0], heading})
		for _, text := range list[1 : 1+rows[i]] {
			all = append(all, line{text: text})
		}
	}
	return all[:min(len(all), max(room, 0))]
}

// share divides room among lists: each gets the fewest first, then one after the other what it still wants.
func share(room int, wanted ...int) []int {
	got := make([]int, len(wanted))
	for i, n := range wanted {
		got[i] = min(n, fewestRows, max(room, 0))
		room -= got[i]
	}
	for i, n := range wanted {
		more := min(n-got[i], max(room, 0))
		got[i] += more
		room -= more
	}
	return got
}

func alarmingIf(is bool) emphasis {
	if is {
		return alarming
	}
	return usual
}

// head is what is always shown.
func (v *view) head() []line {
	o := &v.now
	title := fmt.Sprintf("snorkyd %s  %s  up %s  %s", printable(o.Version), printable(o.State), span(o.Now.Sub(o.Started)), o.Now.Format(time.TimeOnly))
	all := []line{{title, alarmingIf(o.State != overview.Ready)}}
	if v.problem != "" {
		all = append(all, line{"no newer answer: " + v.problem, alarming})
	}
	all = append(all, line{})
	for i, text := range v.doors() {
		as := usual
		if i == 0 {
			as = heading
		}
		all = append(all, line{text, as})
	}
	b := &v.before
	p50, p99 := v.quantiles(o.Latency, b.Latency)
	return append(all, line{},
		line{text: fmt.Sprintf("connections %s   channels %s   subscriptions %s   memory %s   goroutines %s",
			whole(o.Connections), whole(o.Channels), whole(o.Subscriptions), size(float64(o.MemoryBytes)), whole(o.Goroutines))},
		line{text: fmt.Sprintf("publications %s/s   deliveries %s/s   out %s/s   in %s/s   calls and messages of clients %s/s",
			v.rate(o.Publications, b.Publications), v.rate(o.Deliveries, b.Deliveries),
			v.bytes(o.SentBytes, b.SentBytes), v.bytes(o.ReceivedBytes, b.ReceivedBytes), v.rate(o.Messages, b.Messages))},
		line{text: fmt.Sprintf("latency p50 %s   p99 %s   backlog %s   waiting %s", p50, p99, size(float64(o.BacklogBytes)), size(float64(o.WaitingBytes)))},
		line{text: fmt.Sprintf("slow readers cut off %s (%s/s)   errors %s (%s/s)",
			whole(o.SlowReaders), v.rate(o.SlowReaders, b.SlowReaders), whole(o.Errors), v.rate(o.Errors, b.Errors))})
}

func (v *view) doors() []string {
	rows := [][]string{{"DOOR", "ADDRESS", "STATE", "CONNECTIONS", "ACCEPTED/s", "REFUSED/s", "ACCEPTED", "REFUSED"}}
	for i, d := range v.now.Doors {
		before := overview.Door{}
		if i < len(v.before.Doors) {
			before = v.before.Doors[i]
		}
		state, connections := "shut", "" // of the backend's, no number says anything
		if d.Open {
			state = "open"
		}
		if i == 0 {
			connections = whole(v.now.Connections)
			if d.Limit > 0 {
				connections += " of " + whole(d.Limit)
			}
		}
		rows = append(rows, []string{
			printable(d.Name), printable(d.Address), state, connections,
			v.rate(d.Accepted, before.Accepted), v.rate(d.Refused, before.Refused), whole(d.Accepted), whole(d.Refused),
		})
	}
	return columns(rows, 3)
}

// loops are in their order, or those that lag most first if they are many.
func (v *view) loops() []string {
	type row struct {
		lag   time.Duration
		texts []string
	}
	var all []row
	for i, l := range v.now.Loops {
		before := overview.Loop{}
		if i < len(v.before.Loops) {
			before = v.before.Loops[i]
		}
		p50, p99 := v.quantiles(l.Lag, before.Lag)
		lag, _ := l.Lag.Since(before.Lag).Quantile(0.99)
		all = append(all, row{lag, []string{
			strconv.Itoa(i), whole(l.Connections), whole(l.Tasks), v.rate(l.Deliveries, before.Deliveries), size(float64(l.WaitingBytes)), p50, p99,
		}})
	}
	const many = 16
	if len(all) > many {
		slices.SortStableFunc(all, func(x, y row) int { return cmp.Compare(y.lag, x.lag) })
	}
	rows := [][]string{{"LOOP", "CONNECTIONS", "TASKS", "DELIVERIES/s", "WAITING", "LAG p50", "LAG p99"}}
	for _, r := range all {
		rows = append(rows, r.texts)
	}
	return columns(rows, 1)
}

// widestName bounds the cells of a stranger's text.
const widestName = 48

func (v *view) busiest() []string {
	rows := [][]string{{"BUSIEST CHANNEL", "SERVICE", "SUBSCRIBERS", "PUBLICATIONS/s", "DELIVERIES/s", "BACKLOG"}}
	for _, c := range v.now.Busiest {
		rows = append(rows, []string{
			stranger(c.Channel), clip(printable(c.Service), widestName), whole(c.Subscribers), number(c.Rate),
			number(c.Rate * float64(c.Subscribers)), size(float64(c.BacklogBytes)),
		})
	}
	return columns(rows, 2)
}

func (v *view) slowest() []string {
	rows := [][]string{{"SLOWEST CONNECTION", "IDENTITY", "SUBSCRIPTIONS", "WAITING", "BLOCKED", ""}}
	for _, c := range v.now.Slowest {
		closing := ""
		if c.Closing {
			closing = "closing"
		}
		rows = append(rows, []string{
			clip(printable(c.Remote), widestName), stranger(c.Identity), whole(c.Subscriptions), size(float64(c.WaitingBytes)),
			span(time.Duration(c.Blocked * float64(time.Second))), closing,
		})
	}
	if v.now.Incomplete != "" {
		rows = append(rows, []string{clip(printable(v.now.Incomplete), 2*widestName), "", "", "", "", ""})
	}
	return columns(rows, 2)
}

// stranger is a JSON value on one line, without what a terminal could obey.
func stranger(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	return clip(string(appendOneLine(nil, raw)), widestName)
}

// quantiles are those of what has come since the look before.
func (v *view) quantiles(now, before overview.Histogram) (p50, p99 string) {
	h := now
	if v.elapsed > 0 {
		h = now.Since(before)
	}
	half, ok := h.Quantile(0.5)
	if !ok {
		return "-", "-"
	}
	most, _ := h.Quantile(0.99)
	return span(half), span(most)
}

func (v *view) perSecond(now, before uint64) (float64, bool) {
	if v.elapsed <= 0 || now < before {
		return 0, false
	}
	return float64(now-before) / v.elapsed, true
}

func (v *view) rate(now, before uint64) string {
	if r, ok := v.perSecond(now, before); ok {
		return number(r)
	}
	return "-"
}

func (v *view) bytes(now, before uint64) string {
	if r, ok := v.perSecond(now, before); ok {
		return size(r)
	}
	return "-"
}
