package server

import (
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/admin"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/entrance"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/memory"
)

// SetLimits makes the rates and bounds of c, which has to be valid, those of the server, while it runs: ConnectRate...,
// CallRate..., PublishRate..., AcceptRate, MaxHandshakes, MaxBackendConnections, BadKeyRate and MaxMemory. Nothing else of c
// matters. Who is connected stays connected.
func (s *Server) SetLimits(c Config) {
	s.broker.SetLimits(brokerLimits(c))
	s.ws.SetConnectRates(c.ConnectRatePerAddress, c.ConnectRatePerIdentity)
	s.calls.SetBadKeyRate(c.BadKeyRate)
	s.back.SetMaxConnections(c.MaxBackendConnections)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handshakes == nil { // Start makes it by the configuration
		s.config.AcceptRate, s.config.MaxHandshakes, s.config.MaxMemory = c.AcceptRate, c.MaxHandshakes, c.MaxMemory
		s.config.MaxBackendConnections = c.MaxBackendConnections
		return
	}
	s.handshakes.SetAcceptRate(c.AcceptRate)
	s.handshakes.SetMaxHandshakes(c.MaxHandshakes)
	if s.frontEntrance != nil {
		s.frontEntrance.SetMax(c.MaxHandshakes)
	}
	if s.backEntrance != nil {
		s.backEntrance.SetMax(c.MaxBackendConnections)
	}
	s.memory.SetCeiling(memory.FindCeiling(int64(c.MaxMemory)))
}

// Pressure is what strangers and crowds do to a server.
type Pressure = admin.Pressure

// Pressure returns how much of it there is. Counts are since the start.
func (s *Server) Pressure() Pressure {
	p := Pressure{OverLimit: s.broker.OverLimit()}
	p.ConnectsRefused, p.RefusedFull = s.ws.Refused()
	p.BackendConnections, p.BackendEvicted = s.back.Connections()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handshakes != nil {
		p.Handshakes, p.HandshakesEvicted = s.handshakes.Handshakes()
		p.Memory = s.memory.Stats()
	}
	addPassing(s.frontEntrance, &p.Handshakes, &p.HandshakesEvicted)
	addPassing(s.backEntrance, &p.BackendConnections, &p.BackendEvicted)
	return p
}

// addPassing counts those, too, that are still before HTTP.
func addPassing(l *entrance.Listener, now *int, evicted *int64) {
	if l != nil {
		passing, gone := l.Passing()
		*now += passing
		*evicted += gone
	}
}

// watchMemory begins to refuse clients while the process holds as much memory as it should. The caller holds mu.
func (s *Server) watchMemory() {
	ceiling := memory.FindCeiling(int64(s.config.MaxMemory))
	if ceiling.Bytes > 0 {
		s.log.Debug().Int64("bytes", ceiling.Bytes).Str("source", ceiling.Source).Msg("the memory has a bound")
	}
	s.memory = memory.Start(ceiling, s.log, s.ws.SetFull)
}

func (s *Server) endMemory() {
	s.mu.Lock()
	watch := s.memory
	s.mu.Unlock()
	if watch != nil {
		watch.Close()
	}
}
