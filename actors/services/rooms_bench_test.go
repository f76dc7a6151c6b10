package services_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
)

// benchmarkRoom has the last of so many clients in one room make a first call and b.N others, sent as fast as they are
// taken. All others hear each of them.
func benchmarkRoom(b *testing.B, service actors.Service, members int, enter, first, call string) {
	broker, err := actors.NewBroker(actors.Options{Portable: true, PingInterval: -1, MaxQueuedBytes: 1 << 30})
	if err != nil {
		b.Fatal(err)
	}
	for name, s := range map[string]actors.Service{"login": login{}, "s": service} {
		if err := broker.Frontend().Register(name, s); err != nil {
			b.Fatal(err)
		}
	}
	said := `{"service":"login","message":{"command":"as","params":{"name":1}}}` + "\n" + enter
	listeners := make([]*listener, members)
	attach := func(i int, says io.Reader) {
		listeners[i] = newListener(b, false)
		listeners[i].says = says
		if err := broker.Attach(actors.Attachment{Conn: listeners[i], Door: textLines{}}); err != nil {
			b.Fatal(err)
		}
	}
	for i := range members - 1 {
		attach(i, strings.NewReader(said))
		listeners[i].wait(2)
	}
	before := listeners[0].count()
	b.ReportAllocs()
	b.ResetTimer()
	attach(members-1, io.MultiReader(strings.NewReader(said+first), strings.NewReader(strings.Repeat(call, b.N))))
	for _, l := range listeners[:members-1] {
		l.wait(before + 1 + b.N)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(members-1), "ns/delivery")
	for _, l := range listeners {
		_ = l.Close()
	}
	if err := broker.Shutdown(b.Context(), 0); err != nil {
		b.Error(err)
	}
}

func inRoom(command, params string) string {
	return `{"service":"s","message":{"command":"` + command + `","params":` + params + `}}` + "\n"
}

func BenchmarkChatRoom(b *testing.B) {
	for _, members := range []int{2, 100, 1000} {
		b.Run(fmt.Sprintf("members=%d", members), func(b *testing.B) {
			say := inRoom("send", `{"channel":"room","body":`+payload+`}`)
			benchmarkRoom(b, services.NewChat(), members, inRoom("join", `{"channel":"room"}`), say, say)
		})
	}
}

func BenchmarkCursorDocument(b *testing.B) {
	for _, members := range []int{2, 100, 1000} {
		b.Run(fmt.Sprintf("members=%d", members), func(b *testing.B) {
			benchmarkRoom(b, services.NewCursors(), members, inRoom("join", `{"document":"d"}`),
				inRoom("createCursor", `{"privateHandle":0,"document":"d","position":[0,0],"status":null}`),
				inRoom("updateCursor", `{"privateHandle":0,"newData":{"position":[123,456]}}`))
		})
	}
}
