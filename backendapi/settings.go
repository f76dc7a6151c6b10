package backendapi

// settings are what of the Options may change, made ready for use. They never change; others take their place.
type settings struct {
	Options // without the keys
	keys    *keyring
}

// SetOptions replaces the keys and the bounds of New, all at once, for requests whose headers are looked at from now on.
// Path, LogInterval and Logger stay. If a key cannot be used, or there is none, nothing changes and the error wraps
// ErrBadKey without showing a key.
func (h *Handler) SetOptions(o Options) error {
	apply, err := h.PrepareOptions(o)
	if err == nil {
		apply()
	}
	return err
}

// PrepareOptions is SetOptions in two steps, of which only the first may fail and only the second changes anything.
func (h *Handler) PrepareOptions(o Options) (apply func(), err error) {
	ring, err := newKeyring(o.Keys)
	if err != nil {
		return nil, err
	}
	o = o.withDefaults()
	o.Keys = nil
	return func() {
		h.setting.Lock()
		defer h.setting.Unlock()
		h.current.Store(&settings{Options: o, keys: ring})
	}, nil
}

// SetKeys replaces all keys at once, for requests whose headers are looked at from now on. Each of them opens the door:
// to rotate a key, set the old one and the new one, let the backends change over, then set the new one alone. If one of
// them cannot be used, or there is none, nothing changes and the error wraps ErrBadKey without showing a key.
func (h *Handler) SetKeys(keys ...[]byte) error {
	ring, err := newKeyring(keys)
	if err != nil {
		return err
	}
	h.setting.Lock()
	defer h.setting.Unlock()
	next := *h.current.Load()
	next.keys = ring
	h.current.Store(&next)
	return nil
}
