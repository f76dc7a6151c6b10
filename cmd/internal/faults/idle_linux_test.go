package faults_test

import (
	"testing"
	"time"
)

// Clients that break the protocol, and then keep their end open without another word, cost nothing while the server
// waits for them to go.
func TestFaultyClientsAreWaitedForIdly(t *testing.T) {
	t.Parallel()
	p := run(t)
	var faulty []*socket
	for range 20 {
		c := p.dial(t)
		c.raw([]byte{0xff, 0xff})
		c.code()
		faulty = append(faulty, c)
	}
	before := p.cpu()
	<-time.After(time.Second)
	if spent := p.cpu() - before; spent > 40 {
		t.Errorf("%d ms of computing in an idle second", 10*spent)
	}
	for _, c := range faulty {
		ends(t, c.conn)
	}
	p.alive(stranger)
}
