package certificate

import "time"

// Stats tell of the certificate of a door.
type Stats struct {
	NotAfter time.Time // the end of the one that is used
	// Failed says that the last reading of the files failed: what is used is the one before.
	Failed bool
}

// Stats returns how the certificate is. It does not block.
func (k *Keeper) Stats() Stats {
	k.mu.Lock()
	defer k.mu.Unlock()
	return Stats{NotAfter: k.ends, Failed: k.unusable.Load()}
}
