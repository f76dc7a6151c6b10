package main

import (
	"fmt"
	"net/netip"

	"github.com/alecthomas/units"

	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/memory"
)

// spareDescriptors are those that a server has for other things than clients that are in: doors, event loops, files, the
// application, those of the backend, handshakes that are refused.
const spareDescriptors = 256

// surroundings are what a process may take of its machine.
type surroundings struct {
	descriptors uint64 // 0: not known
	memory      memory.Bound
}

func look() surroundings {
	return surroundings{descriptors: maxDescriptors(), memory: memory.FindBound()}
}

// warnings says what is allowed and cannot be meant.
func (s surroundings) warnings(cfg config.Config) (all []string) {
	wanted := uint64(max(cfg.MaxConnections, 0)) + spareDescriptors
	if cfg.MaxConnections > 0 && s.descriptors > 0 && s.descriptors < wanted {
		all = append(all, fmt.Sprintf("max-connections is %d, but this process may open %d files only, and each connection is one: "+
			"raise LimitNOFILE= of the unit (ulimit -n) to %d or more", cfg.MaxConnections, s.descriptors, wanted))
	}
	if most := int64(cfg.MaxMemory); most > 0 && s.memory.Bytes > 0 && most > s.memory.Bytes {
		all = append(all, fmt.Sprintf("max-memory is %s, more than %s allows, %s: it will never act",
			units.Base2Bytes(most), s.memory.Source, units.Base2Bytes(s.memory.Bytes)))
	}
	return all
}

// exposed tells whether others than this machine can reach an address to which something is bound.
func exposed(address string) bool {
	at, err := netip.ParseAddrPort(address)
	return err == nil && !at.Addr().Unmap().IsLoopback()
}
