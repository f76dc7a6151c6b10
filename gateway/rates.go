package gateway

import (
	"bytes"
	"hash/maphash"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/limit"
	"github.com/snorky-go/snorky/actors/wire"
)

// connectRates are the buckets of those who connect.
type connectRates struct {
	addresses  *limit.Buckets[netip.Addr]
	identities *limit.Buckets[uint64]
	seed       maphash.Seed
}

// SetConnectRates changes Options.ConnectRatePerAddress and ConnectRatePerIdentity for the handshakes that come from now on.
// The zero Rate is no limit. Buckets of a rate that is the same as before stay as they are.
func (h *Handler) SetConnectRates(perAddress, perIdentity limit.Rate) {
	if !perAddress.Limits() && !perIdentity.Limits() {
		h.rates.Store(nil)
		return
	}
	next := &connectRates{seed: maphash.MakeSeed()}
	if old := h.rates.Load(); old != nil {
		*next = *old
	}
	if next.addresses.Rate() != perAddress {
		next.addresses = limit.NewBuckets[netip.Addr](perAddress)
	}
	if next.identities.Rate() != perIdentity {
		next.identities = limit.NewBuckets[uint64](perIdentity)
	}
	h.rates.Store(next)
}

// refusals count the handshakes that were refused.
type refusals struct{ rate, full atomic.Int64 }

// Refused is how many handshakes were refused so far: because of Options.ConnectRatePerAddress and ConnectRatePerIdentity,
// and while the Handler was full (see SetFull).
func (h *Handler) Refused() (rate, full int64) { return h.limited.rate.Load(), h.limited.full.Load() }

// SetFull makes the handler refuse further handshakes with status 503, or take them again. Unlike Close it may be undone: it
// is for a process that is short of memory. It does not touch connections, and says "come back later".
func (h *Handler) SetFull(full bool) { h.full.Store(full) }

func (h *Handler) refuseFull(w http.ResponseWriter, r *http.Request) {
	countOnce(w, &h.limited.full)
	h.refuse(w, r, http.StatusServiceUnavailable, "short of memory")
}

// mayConnect counts a connect of an address, or refuses it. It comes before the Authenticator is asked.
func (h *Handler) mayConnect(w http.ResponseWriter, r *http.Request, remote netip.AddrPort) bool {
	rates := h.rates.Load()
	if rates == nil {
		return true
	}
	from, known := limit.Source(remote.Addr())
	if !known || rates.addresses.Allow(from, time.Now()) {
		return true
	}
	h.refuseRate(w, r, rates.addresses.Rate(), "too many connects of this address: connect-rate-per-address")
	return false
}

// mayConnectAs counts a connect of somebody, or refuses it.
func (h *Handler) mayConnectAs(w http.ResponseWriter, r *http.Request, who actors.Principal) bool {
	rates := h.rates.Load()
	identity := bytes.TrimSpace(who.Identity)
	if rates == nil || rates.identities == nil || len(identity) == 0 || string(identity) == "null" {
		return true
	}
	key, err := wire.CanonicalKey(identity)
	if err != nil {
		key = wire.Key(identity) // too long or not JSON, which is the Authenticator's affair
	}
	if rates.identities.Allow(maphash.String(rates.seed, string(key)), time.Now()) {
		return true
	}
	h.refuseRate(w, r, rates.identities.Rate(), "too many connects of this identity: connect-rate-per-identity")
	return false
}

func (h *Handler) refuseRate(w http.ResponseWriter, r *http.Request, by limit.Rate, reason string) {
	countOnce(w, &h.limited.rate)
	w.Header().Set("Retry-After", wholeSeconds(max(by.Wait(), retryAfter)))
	h.refuse(w, r, http.StatusTooManyRequests, reason)
}

// countOnce leaves out a plain handshake: it is refused once more by net/http.
func countOnce(w http.ResponseWriter, n *atomic.Int64) {
	if _, plain := w.(*caller); !plain {
		n.Add(1)
	}
}
