package gateway

import (
	"context"
	"time"
)

// settleLook is the time between two looks at who is still there.
const settleLook = 10 * time.Millisecond

// Settle waits until all connections that were accepted are through their handshake, or other request, or closed, or until
// ctx ends. It is for the end, once nobody else comes from the listener underneath. A connection that the http.Server keeps
// alive counts until it is closed.
func (l *Listener) Settle(ctx context.Context) {
	look := time.NewTicker(settleLook)
	defer look.Stop()
	for {
		select {
		case <-look.C: // the first one comes a little later than who was handed on a moment ago
			if l.porch.Len() == 0 {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}
