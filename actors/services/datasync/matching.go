package datasync

import (
	"runtime/debug"

	"github.com/snorky-go/snorky/actors"
)

// dealing is a Dealer at work: its items, and the part of the service in which it looks for those that match. All but
// the Dealer itself and found belongs to that part.
type dealing struct {
	Dealer
	context *actors.ServiceContext
	part    *actors.Part
	index   index
	looks   uint64
	before  []*item // scratch: what matches the old data
	after   [forms][]*item

	// found belongs to the part while the model waits for it, and to the model otherwise.
	found matches
}

// matches are the subscriptions that get some deltas, for each delta in the order of the forms.
type matches struct {
	subscriptions []*subscription
	ends          []int // of each form of each delta
}

// deltas is for how many deltas they are.
func (m *matches) deltas() int { return len(m.ends) / forms }

func (m *matches) of(delta, form int) []*subscription {
	at := delta*forms + form
	if at == 0 {
		return m.subscriptions[:m.ends[0]]
	}
	return m.subscriptions[m.ends[at-1]:m.ends[at]]
}

// maxFound is beyond how many matches a dealer puts off the deltas that are left, to save memory.
const maxFound = 1 << 14

// reset forgets everything, and does not keep room that is seldom needed.
func (m *matches) reset() {
	clear(m.subscriptions)
	m.subscriptions, m.ends = m.subscriptions[:0], m.ends[:0]
	if cap(m.subscriptions) > 4*maxFound {
		m.subscriptions = nil
	}
}

func (d *dealing) add(items []*item) {
	for _, i := range items {
		d.index.add(i)
	}
}

func (d *dealing) remove(items []*item) {
	for _, i := range items {
		d.index.remove(i)
	}
}

// match finds who gets the deltas, or the first of them if these are for many. It runs in the part.
func (d *dealing) match(deltas []delta) {
	for i := range deltas {
		d.sort(&deltas[i])
		for form, items := range d.after {
			for _, i := range items {
				d.found.subscriptions = append(d.found.subscriptions, i.subscription)
			}
			d.found.ends = append(d.found.ends, len(d.found.subscriptions))
			d.after[form] = empty(items)
		}
		d.before = empty(d.before)
		if len(d.found.subscriptions) > maxFound {
			return
		}
	}
}

// empty keeps the room of a list unless it is seldom needed.
func empty(items []*item) []*item {
	clear(items)
	if cap(items) > maxFound {
		return nil
	}
	return items[:0]
}

// sort finds the items that get a delta, by the form in which they get it (PROTOCOL.md section 9.3): each item is looked
// up once in the old data and once in the new, where it leaves the number of the look.
func (d *dealing) sort(change *delta) {
	defer func() {
		if reason := recover(); reason != nil {
			d.context.Logger().Error().Interface("panic", reason).Bytes("stack", debug.Stack()).Msg("panic in a dealer")
			d.after = [forms][]*item{}
		}
	}()
	d.looks++
	if change.old != nil {
		d.index.find(change.old, d.inOld)
	}
	if change.new != nil {
		d.index.find(change.new, d.inNew)
	}
	for _, i := range d.before {
		if i.new != d.looks {
			d.after[asDelete] = append(d.after[asDelete], i)
		}
	}
}

func (d *dealing) inOld(i *item) {
	if i.old != d.looks {
		i.old = d.looks
		d.before = append(d.before, i)
	}
}

func (d *dealing) inNew(i *item) {
	if i.new == d.looks {
		return
	}
	i.new = d.looks
	form := asInsert
	if i.old == d.looks {
		form = asUpdate
	}
	d.after[form] = append(d.after[form], i)
}
