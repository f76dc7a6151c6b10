package gateway

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

const (
	// protocolVersion is the only version of the WebSocket protocol there is, RFC 6455.
	protocolVersion = "13"
	// retryAfter is when those come back for whom there is no room: after this time, and before twice this time.
	retryAfter = 5 * time.Second
	// maxLogged bounds what a stranger's text takes in the log, in bytes before escaping.
	maxLogged = 100
)

// Reasons that name what an operator can do about them. They are for the log only.
const (
	reasonOrigin    = "the origin is not in allow-origin"
	reasonNoUpgrade = "no Upgrade header: does the proxy pass it on?"
)

// precheck refuses what gorilla would let pass, or would answer with another status. Status 0 is no refusal.
func precheck(r *http.Request) (status int, reason string) {
	versions := r.Header.Values("Sec-Websocket-Version")
	switch {
	case r.Method != http.MethodGet:
		return http.StatusMethodNotAllowed, "method is not GET"
	case r.ProtoMajor != 1 || r.ProtoMinor < 1:
		return http.StatusBadRequest, "protocol is not HTTP/1.1"
	case websocket.IsWebSocketUpgrade(r) && (len(versions) != 1 || strings.TrimSpace(versions[0]) != protocolVersion):
		return http.StatusUpgradeRequired, "version of the WebSocket protocol is not " + protocolVersion
	}
	return 0, ""
}

// refuse answers a handshake with an error. The reason goes to the log only.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, status int, reason string) {
	h.answer(w, r, status, http.StatusText(status), reason)
}

// answer is refuse with a text of its own for the client.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, status int, text, reason string) {
	if c, ok := w.(*caller); ok {
		c.refused = true // net/http asks once more, and that will be answered
		return
	}
	h.refused.add(status)
	header := w.Header()
	switch status {
	case http.StatusUnauthorized:
		header.Set("WWW-Authenticate", "Bearer")
	case http.StatusMethodNotAllowed:
		header.Set("Allow", http.MethodGet)
	case http.StatusUpgradeRequired:
		header.Set("Upgrade", "websocket")
		header.Set("Connection", "Upgrade")
		header.Set("Sec-WebSocket-Version", protocolVersion)
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		if header.Get("Retry-After") == "" {
			header.Set("Retry-After", wholeSeconds(h.retryAfter()))
		}
		header.Set("Connection", "close") // those for whom there is no room do not stay either
	}
	http.Error(w, text, status)

	event := h.line(status).Int("status", status).Str("reason", printable(reason)).Str("remote", printable(r.RemoteAddr))
	if origin := r.Header.Get("Origin"); origin != "" {
		event = event.Str("origin", printable(origin)).Str("host", printable(r.Host))
	}
	event.Msg("handshake refused")
}

// line begins one for the log. Those of whom an operator may have to know that they are kept out are warned of; who says
// nonsense, or comes while the server ends, is harmless.
func (h *Handler) line(status int) *zerolog.Event {
	switch status {
	case http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if !h.closed.Load() {
			return h.log.Warn()
		}
	}
	return h.log.Info()
}

// fault is why an Upgrader has refused a handshake, in words that say where to look.
func fault(r *http.Request, status int, reason error) string {
	switch {
	case status == http.StatusForbidden:
		return reasonOrigin
	case r.Method == http.MethodGet && !websocket.IsWebSocketUpgrade(r):
		return reasonNoUpgrade
	}
	return reason.Error()
}

// wholeSeconds is d as Retry-After has it, rounded up.
func wholeSeconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

// retryAfter is how long the client that is refused now should stay away.
func (h *Handler) retryAfter() time.Duration {
	if f := h.current.Load().RetryAfter; f != nil {
		if after := f(); after > 0 {
			return min(after, wire.MaxHint)
		}
	}
	return retryAfter + rand.N(retryAfter)
}

// turnAway ends a connection whose handshake was accepted, and which the broker does not take: because it has begun to
// end, or because the system refuses it something, descriptors most likely.
func (h *Handler) turnAway(conn net.Conn, remote netip.AddrPort, why error) {
	h.refused.add(http.StatusServiceUnavailable)
	code, text, line := wire.CloseTryAgainLater, "try again later", h.log.Warn
	if errors.Is(why, actors.ErrStopped) {
		code, text, line = wire.CloseGoingAway, "server is going away", h.log.Info
	}
	event := line().Err(why).Stringer("remote", remote)
	if errors.Is(why, syscall.EMFILE) || errors.Is(why, syscall.ENFILE) {
		event = event.Str("advice", "raise LimitNOFILE=, or lower max-connections")
	}
	event.Msg("the broker does not take a connection")
	_ = conn.SetWriteDeadline(time.Now().Add(h.current.Load().HandshakeTimeout))
	reason := wire.WithHint(text, h.retryAfter())
	_, _ = conn.Write(wire.AppendCloseFrame(nil, code, reason)) // it fits into any buffer
	_ = conn.Close()
}

// printable cuts a stranger's text and escapes all that is not printable ASCII, lest a terminal obeys it.
func printable(s string) string {
	if len(s) > maxLogged {
		cut := maxLogged
		for cut > maxLogged-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "..."
	}
	quoted := strconv.QuoteToASCII(s)
	return quoted[1 : len(quoted)-1]
}
