package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"strconv"

	"github.com/mattn/go-isatty"
)

// maxLineBytes bounds what is held of an input without line ends. No server takes messages as long as this.
const maxLineBytes = 16 << 20

// maxWaitingBytes bounds what is read ahead. A line that is longer waits alone.
const maxWaitingBytes = 16 << 10

// lines reads lines and yields them as they come: each as soon as it is there, and with it, up to most lines at once, what
// has come since the ones before were yielded. The last may be an error instead: of the reader, or the end of ctx.
//
// A read from a terminal or a pipe cannot be interrupted. When ctx ends, the goroutine that reads is left to end with
// the process, or with the input.
func lines(ctx context.Context, input io.Reader, most int) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		r := lineReader{ctx: ctx, most: most, waiting: make(chan inputLines, 1)}
		go r.read(input)
		for {
			select {
			case <-ctx.Done():
				yield(nil, stopped())
				return
			case l, more := <-r.waiting:
				if !more || !yield(l.texts, l.err) || l.err != nil {
					return
				}
			}
		}
	}
}

// inputLines are lines that were read, or why there are no more.
type inputLines struct {
	texts []string
	bytes int
	err   error
}

// lineReader is the goroutine that reads. What waits for whoever wants the lines lies in a channel with room for one
// value, from which the reader takes it back in order to add to it; nobody else puts anything in.
type lineReader struct {
	ctx     context.Context
	most    int
	waiting chan inputLines
}

func (r lineReader) read(input io.Reader) {
	defer close(r.waiting)
	scanner := bufio.NewScanner(input)
	scanner.Buffer(nil, maxLineBytes)
	for scanner.Scan() {
		if !r.add(scanner.Text()) {
			return
		}
	}
	err := scanner.Err()
	switch {
	case err == nil:
		return
	case errors.Is(err, bufio.ErrTooLong):
		err = misused("the line is longer than "+strconv.Itoa(maxLineBytes>>20)+" MiB", "")
	default:
		err = failed(exitOther, "reading standard input failed: "+reason(err), "")
	}
	r.put(inputLines{err: err})
}

// add adds a line to those that wait, if there is room, or waits until they are gone. It reports false at the end of ctx.
func (r lineReader) add(text string) bool {
	select {
	case l := <-r.waiting:
		fits := len(l.texts) < r.most && l.bytes+len(text) <= maxWaitingBytes
		if fits {
			l.texts, l.bytes = append(l.texts, text), l.bytes+len(text)
		}
		r.waiting <- l
		if fits {
			return true
		}
	default:
	}
	return r.put(inputLines{texts: []string{text}, bytes: len(text)})
}

func (r lineReader) put(l inputLines) bool {
	select {
	case r.waiting <- l:
		return true
	case <-r.ctx.Done():
		return false
	}
}

func isTerminal(input io.Reader) bool {
	file, ok := input.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}

// count is a number of things, as in "1 message" and "2 messages".
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return strconv.Itoa(n) + " " + thing
}
