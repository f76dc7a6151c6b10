package main

import (
	"context"
	"sync"
	"time"

	"github.com/gdamore/tcell/v2"
)

// live shows the view on a terminal until somebody leaves. The terminal is as it was before when it returns, and also when
// something panics.
func (t *top) live(ctx context.Context, screen tcell.Screen) error {
	if err := screen.Init(); err != nil {
		return failed(exitOther, "the terminal cannot be used: "+err.Error(), "See --once.")
	}
	inside, leave := context.WithCancel(ctx)
	events := make(chan tcell.Event)
	var goroutines sync.WaitGroup
	goroutines.Go(func() { screen.ChannelEvents(events, inside.Done()) })
	defer goroutines.Wait()
	defer screen.Fini() // ends the wait for events
	defer leave()

	looks := make(chan look, 1)
	asking := false
	ask := func() {
		if !asking {
			asking = true
			goroutines.Go(func() { looks <- t.look(inside) })
		}
	}
	again := time.NewTicker(t.interval)
	defer again.Stop()
	var v view
	ask()
	for {
		select {
		case <-ctx.Done():
			return stopped()
		case <-again.C:
			ask()
		case l := <-looks:
			asking = false
			if l.err != nil {
				v.fail(l.err)
			} else {
				v.take(l.overview)
			}
		case event, open := <-events:
			if !open {
				return failed(exitOther, "the terminal has gone", "")
			}
			switch event := event.(type) {
			case *tcell.EventResize:
				screen.Sync()
			case *tcell.EventKey:
				if leaves(event) {
					return nil
				}
				if event.Key() == tcell.KeyRune && event.Rune() == ' ' {
					ask()
				}
			}
		}
		paint(screen, &v)
	}
}

func leaves(key *tcell.EventKey) bool {
	switch key.Key() {
	case tcell.KeyCtrlC, tcell.KeyCtrlD, tcell.KeyEscape:
		return true
	case tcell.KeyRune:
		return key.Rune() == 'q' || key.Rune() == 'Q'
	default:
		return false
	}
}

// paint shows as much of the view as there is room for.
func paint(screen tcell.Screen, v *view) {
	width, height := screen.Size()
	screen.Clear()
	for y, l := range v.lines(height) {
		style := tcell.StyleDefault
		switch l.as {
		case heading:
			style = style.Reverse(true)
		case alarming:
			style = style.Bold(true).Foreground(tcell.ColorRed)
		case usual:
		}
		screen.PutStrStyled(0, y, clip(l.text, width), style)
	}
	screen.Show()
}
