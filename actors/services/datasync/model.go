package datasync

import (
	"encoding/json"
	"errors"

	"github.com/snorky-go/snorky/actors"
)

// model puts the deltas of one model in an order and delivers them. All but its dealers belongs to its part.
//
// The dealers look for matches side by side, but the model waits for all of them before it delivers a delta: so the
// deltas reach every client in one common order, whichever dealers and subscriptions they come by (PROTOCOL.md section 5,
// rule 3). A dealer that takes long holds up its own model, and no other.
type model struct {
	context *actors.ServiceContext
	part    *actors.Part
	dealers []*dealing    // in the order in which they were given
	answers chan struct{} // of the dealers, with room for one of each
	atOnce  int           // deltas that the dealers are asked about at once
	content []byte        // scratch
}

// maxAtOnce is for how many deltas dealers are asked at most: enough to make waiting for them cheap.
const maxAtOnce = 64

var errEnded = errors.New("the service has ended")

// start gives the model and its dealers parts of the service.
func (m *model) start(context *actors.ServiceContext) {
	m.context, m.part = context, context.NewPart()
	m.answers = make(chan struct{}, len(m.dealers))
	m.atOnce = maxAtOnce
	for _, d := range m.dealers {
		d.context, d.part = context, context.NewPart()
	}
}

// deal delivers deltas, and has then done all there is to do for them.
func (m *model) deal(deltas []delta) error {
	for len(deltas) > 0 {
		some := deltas[:min(len(deltas), m.atOnce)]
		done, err := m.ask(some)
		if err != nil {
			return err
		}
		for i := range done {
			if err := m.deliver(&some[i], i); err != nil {
				return err
			}
		}
		for _, d := range m.dealers {
			d.found.reset()
		}
		deltas = deltas[done:]
		// Some deltas are for so many that a dealer puts off the others. Then the other dealers have looked in vain, and are
		// asked about less next time.
		switch {
		case done < len(some):
			m.atOnce = done
		case done == m.atOnce:
			m.atOnce = min(2*m.atOnce, maxAtOnce)
		}
	}
	return nil
}

// ask has the dealers match deltas, and returns for how many they all have.
func (m *model) ask(deltas []delta) (done int, err error) {
	select {
	case <-m.context.Done():
		return 0, errEnded // some of the dealers may not have answered the last time
	default:
	}
	for _, d := range m.dealers {
		d.part.Do(func() {
			defer func() { m.answers <- struct{}{} }()
			d.match(deltas)
		})
	}
	for range m.dealers {
		select {
		case <-m.answers:
		case <-m.context.Done():
			return 0, errEnded
		}
	}
	done = len(deltas)
	for _, d := range m.dealers {
		done = min(done, d.found.deltas())
	}
	return done, nil
}

// settleAfter is how many copies are sent before a look at how many are on their way.
const settleAfter = 256

// deliver sends the copies of a delta, which was the i-th that the dealers were asked about: those of a dealer after those
// of the one before, in the order of the forms.
func (m *model) deliver(change *delta, i int) error {
	var encoded [forms]actors.Notification
	var isEncoded [forms]bool
	copies := 0
	for _, d := range m.dealers {
		for form := range forms {
			to := d.found.of(i, form)
			if len(to) > 0 && !isEncoded[form] {
				n, err := m.encode(change, form)
				if err != nil {
					return err
				}
				encoded[form], isEncoded[form] = n, true
			}
			for _, s := range to {
				s.deliver(encoded[form])
				if copies++; copies%settleAfter == 0 {
					m.context.Settle()
				}
			}
		}
	}
	m.context.Settle()
	return nil
}

// maxScratch is how much room is kept for the content of the next notification, in bytes.
const maxScratch = 64 << 10

func (m *model) encode(change *delta, form int) (actors.Notification, error) {
	m.content = change.append(m.content[:0], form)
	n, err := m.context.Notification(json.RawMessage(m.content))
	if cap(m.content) > maxScratch {
		m.content = nil
	}
	return n, err
}
