package actors_test

import (
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// lastWords is a connection that does something when it is sent a close frame.
type lastWords struct {
	net.Conn
	closing func()
}

func (l lastWords) Write(b []byte) (int, error) {
	if len(b) > 0 && b[0]&15 == wire.OpClose {
		l.closing()
	}
	return l.Conn.Write(b)
}

// When a client sees that its connection ends, services have heard of that (PROTOCOL.md section 5, rule 7).
func TestTheEndIsKnownBeforeTheClientSeesIt(t *testing.T) {
	bubble(t, actors.Options{Portable: true}, func(t *testing.T, s *server) {
		s.register("guests", &guests{})
		other := s.connect()
		here, there := net.Pipe()
		s.attach(lastWords{there, func() {
			other.send(request("guests", "list", "{}", 1))
			other.expect(response("guests", `["came","came","went"]`, 1))
		}})
		c := &client{t: t, conn: here}
		synctest.Wait()
		c.send("!close")
		synctest.Wait()
		_ = here.Close()
	})
}

// A stranger who may call a service is known to it, and missed by it.
func TestServicesOfTheLobbyKnowStrangers(t *testing.T) {
	o := actors.Options{IdentityTimeout: time.Hour, Lobby: []string{"passport", "porter"}, PingInterval: -1, PongTimeout: -1}
	bubble(t, o, func(t *testing.T, s *server) {
		porter, house := &guests{}, &guests{}
		s.register("passport", &passport{})
		s.register("porter", porter)
		s.register("guests", house)
		stranger, known := s.connect(), s.connect()
		stranger.send(request("porter", "touch", "{}", 1))
		stranger.expect(response("porter", "null", 1))
		known.send(request("passport", "renew", `{"seconds":3600}`, 1))
		known.expect(response("passport", "null", 1))
		for _, c := range []*client{stranger, known} {
			_ = c.conn.Close()
			synctest.Wait()
		}
		if want := []string{"came", "came", "went", "went"}; !slices.Equal(porter.seen, want) {
			t.Errorf("the porter has seen %q", porter.seen)
		}
		if want := []string{"came", "went"}; !slices.Equal(house.seen, want) {
			t.Errorf("the house has seen %q", house.seen)
		}
	})
}

// debtor answers its calls by and by.
type debtor struct {
	context *actors.ServiceContext
	gate    chan struct{}
}

func (d *debtor) Start(c *actors.ServiceContext) error {
	d.context = c
	return nil
}

func (d *debtor) Commands() actors.Commands {
	return actors.Commands{"owe": actors.Command(func(c *actors.Call, _ actors.NoParams) (any, error) {
		answer := c.Later()
		<-d.gate
		d.context.DoFor(answer, func() { answer.Respond("paid") })
		return nil, nil
	})}
}

func TestAnswersThatAServiceOwesAtItsEnd(t *testing.T) {
	bubble(t, actors.Options{CallTimeout: -1}, func(t *testing.T, s *server) {
		d := &debtor{gate: make(chan struct{}, 1)}
		s.register("debtor", d)
		c := s.connect()
		d.gate <- struct{}{}
		c.send(request("debtor", "owe", "{}", 1))
		c.expect(response("debtor", `"paid"`, 1))
		c.send(request("debtor", "owe", "{}", 2))
		synctest.Wait()
		ended := make(chan error)
		go func() { ended <- s.broker.Frontend().Unregister("debtor") }()
		synctest.Wait()
		d.gate <- struct{}{}
		c.expect(refusal("debtor", "Internal error", 2))
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
