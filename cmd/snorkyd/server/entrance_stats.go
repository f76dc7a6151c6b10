package server

import (
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/admin"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/certificate"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/entrance"
)

// entranceStats tell of what stands before HTTP at the frontend and the backend.
func (s *Server) entranceStats() (all [2]admin.Entrance) {
	s.mu.Lock()
	listeners := [2]*entrance.Listener{s.frontEntrance, s.backEntrance}
	s.mu.Unlock()
	for i, k := range [2]*certificate.Keeper{s.certificates.front, s.certificates.back} {
		if listeners[i] != nil {
			all[i].Failures = listeners[i].Failures()
		}
		if k != nil {
			stats := k.Stats()
			all[i].Certificate = &stats
		}
	}
	return all
}
