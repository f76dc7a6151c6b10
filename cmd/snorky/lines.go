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

// lines reads one line after the other, each when it is asked for. The last may be an error: of the reader, or the end of
// ctx.
//
// A read from a terminal or a pipe cannot be interrupted. When ctx ends, the goroutine that reads is left to end with
// the process, or with the input.
func lines(ctx context.Context, input io.Reader) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		next := make(chan inputLine)
		go read(ctx, input, next)
		for {
			select {
			case <-ctx.Done():
				yield("", stopped())
				return
			case line, more := <-next:
				if !more || !yield(line.text, line.err) || line.err != nil {
					return
				}
			}
		}
	}
}

type inputLine struct {
	text string
	err  error
}

func read(ctx context.Context, input io.Reader, next chan<- inputLine) {
	defer close(next)
	scanner := bufio.NewScanner(input)
	scanner.Buffer(nil, maxLineBytes)
	for scanner.Scan() {
		select {
		case next <- inputLine{text: scanner.Text()}:
		case <-ctx.Done():
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
	select {
	case next <- inputLine{err: err}:
	case <-ctx.Done():
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
