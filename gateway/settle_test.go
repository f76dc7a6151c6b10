package gateway

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/snorky-go/snorky/actors/limit"
)

func TestSettle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &Listener{porch: limit.NewPorch(limit.PorchOptions{})}
		began := time.Now()
		l.Settle(t.Context())
		if took := time.Since(began); took > settleLook {
			t.Errorf("with nobody there it took %v", took)
		}
		one, other := net.Pipe()
		defer other.Close()
		defer one.Close()
		l.porch.Enter(one)
		time.AfterFunc(time.Second, func() { l.porch.Leave(one) })
		began = time.Now()
		l.Settle(t.Context())
		if took := time.Since(began); took < time.Second || took > time.Second+settleLook {
			t.Errorf("with somebody there for a second it took %v", took)
		}
		l.porch.Enter(one)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		l.Settle(ctx)
		if ctx.Err() == nil {
			t.Error("left behind before the time was over")
		}
	})
}
