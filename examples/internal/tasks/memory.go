package tasks

import (
	"cmp"
	"context"
	"slices"
	"sync"
)

// Memory is a Store that is gone when the program ends.
type Memory struct {
	limits Limits
	turn   chan struct{} // holds one value while nobody relays

	mu       sync.Mutex
	revision int64
	tasks    []Task // in their order
	outbox   []Change
}

var _ Store = (*Memory)(nil)

// NewMemory returns an empty list.
func NewMemory(limits Limits) *Memory {
	m := &Memory{limits: limits.OrDefault(), turn: make(chan struct{}, 1)}
	m.turn <- struct{}{}
	return m
}

// List is of Store.
func (m *Memory) List(ctx context.Context, v View) (List, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := List{Revision: m.revision, Tasks: []Task{}}
	for _, t := range m.tasks {
		if v.Shows(t) {
			l.Tasks = append(l.Tasks, t)
		}
	}
	return l, ctx.Err()
}

// Add is of Store.
func (m *Memory) Add(ctx context.Context, title, owner string) (added Task, err error) {
	err = m.change(ctx, func() error {
		if len(m.tasks) >= m.limits.Tasks {
			return ErrFull
		}
		position, _ := slotAt(m.tasks, len(m.tasks)).Position()
		added = Task{ID: m.revision + 1, Title: title, Owner: owner, Position: position}
		added = *m.record(nil, &added)
		m.tasks = append(m.tasks, added)
		return nil
	})
	return added, err
}

// Update is of Store.
func (m *Memory) Update(ctx context.Context, id int64, p Patch) (now Task, err error) {
	err = m.change(ctx, func() error {
		at := m.find(id)
		if at < 0 {
			return ErrNotFound
		}
		position := m.tasks[at].Position
		if p.After != nil {
			var err error
			if position, err = m.place(at, *p.After); err != nil {
				return err
			}
		}
		now = p.Apply(m.tasks[at])
		now.Position = position
		m.save(&now)
		return nil
	})
	return now, err
}

// Delete is of Store.
func (m *Memory) Delete(ctx context.Context, id int64) (removed Task, err error) {
	err = m.change(ctx, func() error {
		at := m.find(id)
		if at < 0 {
			return ErrNotFound
		}
		removed = m.remove(m.tasks[at])
		m.tasks = slices.Delete(m.tasks, at, at+1)
		return nil
	})
	return removed, err
}

// ClearDone is of Store.
func (m *Memory) ClearDone(ctx context.Context, v View) (removed []Task, err error) {
	err = m.change(ctx, func() error {
		kept := make([]Task, 0, len(m.tasks))
		for _, t := range m.tasks {
			if !t.Done || !v.Shows(t) {
				kept = append(kept, t)
				continue
			}
			removed = append(removed, m.remove(t))
		}
		m.tasks = kept
		return nil
	})
	return removed, err
}

// Relay is of Outbox.
func (m *Memory) Relay(ctx context.Context, most int, publish func(context.Context, []Change) error) (int, error) {
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-m.turn:
	}
	defer func() { m.turn <- struct{}{} }()
	oldest := m.oldest(most)
	if err := ctx.Err(); len(oldest) == 0 || err != nil {
		return 0, err
	}
	if err := publish(ctx, oldest); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.outbox = slices.Delete(m.outbox, 0, len(oldest)) // others only append
	return len(oldest), nil
}

func (m *Memory) oldest(most int) []Change {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.outbox[:min(most, len(m.outbox))])
}

// change runs what changes the list. It has to find out what is wrong before it changes anything.
func (m *Memory) change(ctx context.Context, work func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if int64(len(m.outbox)) >= m.limits.Pending {
		return ErrBacklog
	}
	return work()
}

// record counts a change, notes it in the outbox and returns the new row as it is from now on.
func (m *Memory) record(old, now *Task) *Task {
	m.revision++
	c := Change{Revision: m.revision}
	if old != nil {
		row := *old
		c.Old = &row
	}
	if now != nil {
		row := *now
		row.Revision = m.revision
		c.New = &row
	}
	m.outbox = append(m.outbox, c)
	return c.New
}

// remove records the end of a row.
func (m *Memory) remove(t Task) Task {
	m.record(&t, nil)
	t.Revision = m.revision
	return t
}

// save changes the row with the ID of now, if it is another.
func (m *Memory) save(now *Task) {
	at := m.find(now.ID)
	if m.tasks[at] == *now {
		return
	}
	*now = *m.record(&m.tasks[at], now)
	m.tasks[at] = *now
	slices.SortFunc(m.tasks, func(a, b Task) int { return cmp.Compare(a.Position, b.Position) })
}

func (m *Memory) find(id int64) int {
	return slices.IndexFunc(m.tasks, func(t Task) bool { return t.ID == id })
}

// place finds a position behind a task for the one at an index. If there is no room, it numbers the list again.
func (m *Memory) place(at int, after int64) (int64, error) {
	mover := m.tasks[at]
	others := slices.Delete(slices.Clone(m.tasks), at, at+1)
	next := slices.IndexFunc(others, func(t Task) bool { return t.ID == after }) + 1
	if after != 0 && next == 0 {
		return 0, ErrNeighbour
	}
	slot := slotAt(others, next)
	if slot.Holds(mover.Position) {
		return mover.Position, nil
	}
	if position, room := slot.Position(); room {
		return position, nil
	}
	for i, t := range others {
		place := i
		if i >= next {
			place++ // behind the mover
		}
		t.Position = Numbered(place)
		m.save(&t)
	}
	return Numbered(next), nil
}

// slotAt is the room before the task with an index.
func slotAt(tasks []Task, index int) (s Slot) {
	if index > 0 {
		s.Low = &tasks[index-1].Position
	}
	if index < len(tasks) {
		s.High = &tasks[index].Position
	}
	return s
}
