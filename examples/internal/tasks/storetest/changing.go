package storetest

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/snorky-go/snorky/examples/internal/tasks"
)

func emptyList(s *subject) {
	l := s.list(tasks.View{})
	if l.Revision != 0 || l.Tasks == nil || len(l.Tasks) != 0 {
		s.t.Errorf("the list is %+v", l)
	}
	s.expect("nothing happened")
}

func adding(s *subject) {
	a := s.add("Buy fins", "Ada")
	b := s.add("Dive", "")
	if a.ID != 1 || a.Revision != 1 || a.Title != "Buy fins" || a.Owner != "Ada" || a.Done {
		s.t.Errorf("added %+v", a)
	}
	if b.ID != 2 || b.Revision != 2 || b.Owner != "" || a.Position >= b.Position {
		s.t.Errorf("added %+v behind %+v", b, a)
	}
	if l := s.list(tasks.View{}); l.Revision != 2 || !slices.Equal(l.Tasks, []tasks.Task{a, b}) {
		s.t.Errorf("the list is %+v", l)
	}
	s.expect("adding", tasks.Change{Revision: 1, New: &a}, tasks.Change{Revision: 2, New: &b})
}

func anyText(s *subject) {
	for _, text := range []string{
		"'; DROP TABLE tasks; --", `"quoted" \ $1 ?1 :a @b %s {}`, "Zażółć gęślą jaźń 🤿 \u202e", "<b>&amp;</b>", " ",
		strings.Repeat("é", 2000),
	} {
		added := s.add(text, text)
		if added.Title != text || added.Owner != text {
			s.t.Errorf("%q came back as %q of %q", text, added.Title, added.Owner)
		}
		now := s.update(added.ID, tasks.Patch{Title: new(text + "!")})
		if now.Title != text+"!" {
			s.t.Errorf("%q came back as %q", text+"!", now.Title)
		}
		if l := s.list(tasks.View{Owner: text}); len(l.Tasks) != 1 || l.Tasks[0] != now {
			s.t.Errorf("the view of %q is %+v", text, l)
		}
	}
	s.relay()
}

func changing(s *subject) {
	a, b := s.add("a", ""), s.add("b", "")
	s.relay()
	for _, p := range []tasks.Patch{
		{Title: new("A")},
		{Done: new(true)},
		{Owner: new("Ada")},
		{After: &b.ID},
		{Title: new("a"), Done: new(false), Owner: new(""), After: new(int64(0))},
	} {
		want := p.Apply(a)
		now := s.update(a.ID, p)
		want.Position, want.Revision = now.Position, s.revision+1
		if now != want || (p.After == nil) != (now.Position == a.Position) {
			s.t.Errorf("%+v made %+v of %+v", p, now, a)
		}
		s.expect("a patch is one change", tasks.Change{Revision: now.Revision, Old: &a, New: &now})
		a = now
	}
}

func changingNothing(s *subject) {
	a, b := s.add("a", "Ada"), s.add("b", "")
	s.relay()
	for _, p := range []tasks.Patch{
		{},
		{Title: new("a"), Done: new(false), Owner: new("Ada")},
		{After: new(int64(0))},
	} {
		if now := s.update(a.ID, p); now != a {
			s.t.Errorf("%+v made %+v of %+v", p, now, a)
		}
	}
	if now := s.update(b.ID, tasks.Patch{After: &a.ID}); now != b {
		s.t.Errorf("it is there already, but moved: %+v", now)
	}
	if none, err := s.store.ClearDone(s.ctx, tasks.View{}); len(none) != 0 || err != nil {
		s.t.Errorf("cleared %+v, %v", none, err)
	}
	s.expect("nothing changed")
}

func moving(s *subject) {
	ids := map[string]int64{"top": 0}
	for _, title := range []string{"a", "b", "c", "d"} {
		ids[title] = s.add(title, "").ID
	}
	for _, move := range []struct{ what, after, want string }{
		{"d", "top", "dabc"},
		{"a", "top", "adbc"},
		{"a", "b", "dbac"},
		{"d", "c", "bacd"},
		{"b", "c", "acbd"},
		{"c", "top", "cabd"},
		{"b", "d", "cadb"},
	} {
		s.update(ids[move.what], tasks.Patch{After: new(ids[move.after])})
		s.order(strings.Split(move.want, "")...)
		s.relay()
	}
	if e := s.add("e", ""); e.Position <= s.list(tasks.View{}).Tasks[3].Position {
		s.t.Errorf("added not at the end: %+v", e)
	}
	s.order("c", "a", "d", "b", "e")
}

// movingWithoutRoom moves between two neighbours until there is no position left between them.
func movingWithoutRoom(s *subject) {
	first, a, b, last := s.add("first", ""), s.add("a", ""), s.add("b", ""), s.add("last", "")
	s.relay()
	renumbered := 0
	for range 60 {
		s.update(b.ID, tasks.Patch{After: &first.ID})
		a, b = b, a
		if changes := s.relay(); len(changes) > 1 {
			renumbered++
			for _, c := range changes {
				if c.Old == nil || c.New == nil {
					s.t.Errorf("moving made %+v", c)
				}
			}
		}
		s.order("first", a.Title, b.Title, "last")
	}
	if renumbered == 0 {
		s.t.Error("there was always room, so this test tests nothing")
	}
	if s.list(tasks.View{}).Tasks[3].ID != last.ID {
		s.t.Error("the last is another")
	}
}

func removing(s *subject) {
	a, b := s.add("a", ""), s.add("b", "")
	s.relay()
	last := b
	last.Revision = 3
	if removed, err := s.store.Delete(s.ctx, b.ID); removed != last || err != nil {
		s.t.Errorf("removed %+v, %v", removed, err)
	}
	s.expect("removing", tasks.Change{Revision: 3, Old: &b})
	s.order("a")
	c := s.add("c", "")
	if c.ID == b.ID || c.ID == a.ID {
		s.t.Errorf("%+v has the number of another", c)
	}
	s.expect("adding", tasks.Change{Revision: 4, New: &c})
}

func clearing(s *subject) {
	for i := range 6 {
		t := s.add(strconv.Itoa(i), []string{"Ada", "Bob"}[i%2])
		if i < 4 {
			s.update(t.ID, tasks.Patch{Done: new(true)})
		}
	}
	s.relay()
	remove := func(v tasks.View, want ...string) {
		s.t.Helper()
		removed, err := s.store.ClearDone(s.ctx, v)
		if got := titles(tasks.List{Tasks: removed}); !slices.Equal(got, want) || err != nil {
			s.t.Errorf("of %+v cleared %q, %v", v, got, err)
		}
	}
	remove(tasks.View{Owner: "Bob"}, "1", "3")
	s.order("0", "2", "4", "5")
	remove(tasks.View{Open: true})
	remove(tasks.View{}, "0", "2")
	s.order("4", "5")
	if changes := s.relay(); len(changes) != 4 {
		s.t.Errorf("clearing four made %+v", changes)
	}
}

func views(s *subject) {
	for i := range 8 {
		t := s.add(strconv.Itoa(i), []string{"Ada", "ada"}[i%2])
		if i < 4 {
			s.update(t.ID, tasks.Patch{Done: new(true)})
		}
	}
	for want, v := range map[string]tasks.View{
		"0 1 2 3 4 5 6 7": {},
		"4 5 6 7":         {Open: true},
		"0 2 4 6":         {Owner: "Ada"},
		"5 7":             {Open: true, Owner: "ada"},
		"":                {Owner: "A"},
	} {
		l := s.list(v)
		if got := strings.Join(titles(l), " "); got != want || l.Revision != 12 || l.Tasks == nil {
			s.t.Errorf("%+v shows %q at %d, want %q", v, got, l.Revision, want)
		}
	}
}

func missing(s *subject) {
	a, gone := s.add("a", ""), s.add("b", "")
	if _, err := s.store.Delete(s.ctx, gone.ID); err != nil {
		s.t.Fatal(err)
	}
	s.relay()
	for _, id := range []int64{gone.ID, 0, -1, 1 << 62} {
		if _, err := s.store.Update(s.ctx, id, tasks.Patch{Title: new("x")}); !errors.Is(err, tasks.ErrNotFound) {
			s.t.Errorf("updating %d: %v", id, err)
		}
		if _, err := s.store.Delete(s.ctx, id); !errors.Is(err, tasks.ErrNotFound) {
			s.t.Errorf("removing %d: %v", id, err)
		}
	}
	for _, after := range []int64{gone.ID, a.ID, -1} {
		if _, err := s.store.Update(s.ctx, a.ID, tasks.Patch{Title: new("x"), After: &after}); !errors.Is(err, tasks.ErrNeighbour) {
			s.t.Errorf("moving behind %d: %v", after, err)
		}
	}
	s.expect("all was refused")
	s.order("a")
}

func full(s *subject) {
	a := s.add("a", "")
	s.add("b", "")
	s.add("c", "")
	if _, err := s.store.Add(s.ctx, "d", ""); !errors.Is(err, tasks.ErrFull) {
		s.t.Errorf("one too many: %v", err)
	}
	s.order("a", "b", "c")
	if _, err := s.store.Delete(s.ctx, a.ID); err != nil {
		s.t.Fatal(err)
	}
	s.add("d", "")
	s.order("b", "c", "d")
	s.relay()
}

func backlog(s *subject) {
	a := s.add("a", "")
	for range 3 {
		s.add("b", "")
	}
	refused := func() {
		s.t.Helper()
		_, adding := s.store.Add(s.ctx, "x", "")
		_, updating := s.store.Update(s.ctx, a.ID, tasks.Patch{Title: new("x")})
		_, removing := s.store.Delete(s.ctx, a.ID)
		for _, err := range []error{adding, updating, removing} {
			if !errors.Is(err, tasks.ErrBacklog) {
				s.t.Errorf("got %v", err)
			}
		}
	}
	refused()
	s.relay()
	a = s.update(a.ID, tasks.Patch{Title: new("A")})
	s.relay()
	for range 4 {
		s.add("c", "")
	}
	refused()
	s.relay()
}
