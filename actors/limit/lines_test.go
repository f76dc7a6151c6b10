package limit_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors/limit"
)

// A flood of one level is cut to its bound, hides no other level, and is told of with the next line.
func TestLines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		l := limit.NewLines(zerolog.New(&log), 3)
		for range 10 {
			l.Info().Msg("harmless")
		}
		l.Warn().Msg("serious")
		l.Error().Msg("broken")
		<-time.After(time.Second)
		l.Info().Msg("later")
		l.Info().Msg("last")
		want := strings.Repeat(`{"level":"info","message":"harmless"}`+"\n", 3) +
			`{"level":"warn","message":"serious"}` + "\n" + `{"level":"error","message":"broken"}` + "\n" +
			`{"level":"info","suppressed":7,"message":"later"}` + "\n" + `{"level":"info","message":"last"}` + "\n"
		if got := log.String(); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}
