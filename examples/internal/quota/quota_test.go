package quota

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestQuotaIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(2, time.Minute)
		ask := func(want bool, address string) {
			t.Helper()
			if got := q.Take(address); got != want {
				t.Errorf("%s: %v", address, got)
			}
		}
		ask(true, "192.0.2.1:1")
		ask(true, "192.0.2.1:2")
		ask(false, "192.0.2.1:3") // the same visitor by another connection
		ask(true, "[2001:db8::1]:1")
		ask(true, "no port")
		<-time.After(time.Minute)
		ask(true, "192.0.2.1:3")
	})
}

func TestQuotaIsBounded(t *testing.T) {
	q := New(10, time.Hour)
	for i := range MaxVisitors {
		if !q.Take(time.Duration(i).String()) {
			t.Fatalf("visitor %d was refused", i)
		}
	}
	if q.Take("one too many") || !q.Take(time.Duration(7).String()) {
		t.Error("new visitors have to wait, the others not")
	}
}
