package gateway

import (
	"net/http"

	"github.com/gorilla/websocket"
)

// settings are Options made ready for use. They never change; others take their place.
type settings struct {
	Options
	origins  originPolicy
	upgrader websocket.Upgrader
}

// SetOptions replaces the options of New, but for the Logger. A handshake goes by one set of them from its beginning to its
// end, so those that are under way end by the old ones. Connections stay, whatever the new ones say; ReadLimit is for them,
// too, from the next frame on.
func (h *Handler) SetOptions(o Options) {
	o = o.withDefaults()
	s := &settings{Options: o, origins: newOriginPolicy(o.Origins)}
	s.upgrader = websocket.Upgrader{
		HandshakeTimeout: o.HandshakeTimeout,
		CheckOrigin:      s.origins.allows,
		Error: func(w http.ResponseWriter, r *http.Request, status int, reason error) {
			h.refuse(w, r, status, fault(r, status, reason))
		},
	}
	h.current.Store(s)
	h.seats.limit(o.MaxConnections, o.MaxConnectionsPerAddress)
}
