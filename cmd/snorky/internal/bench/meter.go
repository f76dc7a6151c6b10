package bench

import (
	"slices"
	"sync"
)

// meter reads what the processes of a server use. It remembers what it has seen, so that the time of a process that ends
// is not lost.
type meter struct {
	pids []int // as the user named them

	mu    sync.Mutex
	spent map[int]float64 // by process: its time in seconds, as last seen
	peak  float64         // of all together, in bytes, since the last reset
}

// usage is processor time in seconds up to one moment.
type usage struct{ server, client, machine float64 }

func checkProcesses(pids []int) error {
	if len(pids) > 0 && !metersWork {
		return &ConfigError{"server_pids", "needs Linux"}
	}
	for _, pid := range pids {
		if !processExists(pid) {
			return &ConfigError{"server_pids", "names a process that there is not"}
		}
	}
	return nil
}

func (m *meter) usage() usage {
	m.look()
	u := usage{client: ownCPU(), machine: machineCPU()}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, spent := range m.spent {
		u.server += spent
	}
	return u
}

// look is called now and then, since nothing is to be learnt of a process that has ended.
func (m *meter) look() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.spent == nil {
		m.spent = map[int]float64{}
	}
	for _, pid := range m.family() {
		m.spent[pid] = max(m.spent[pid], processCPU(pid))
	}
	_, peak := m.memory()
	m.peak = max(m.peak, peak)
}

// memory is what the processes together have resident, in bytes, and the sum of the most that each of them had.
func (m *meter) memory() (now, peak float64) {
	for _, pid := range m.family() {
		n, p := processMemory(pid)
		now, peak = now+n, peak+p
	}
	return now, peak
}

// resetPeak has the peak begin anew, where the system can be asked for it.
func (m *meter) resetPeak() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, pid := range m.family() {
		resetPeak(pid)
	}
	m.peak = 0
}

// highest is the most that the processes had resident since resetPeak, in bytes.
func (m *meter) highest() float64 {
	m.look()
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.peak
}

// family are the processes and their descendants.
func (m *meter) family() (all []int) {
	for todo := slices.Clone(m.pids); len(todo) > 0; {
		pid := todo[0]
		todo = todo[1:]
		if !slices.Contains(all, pid) {
			all = append(all, pid)
			todo = append(todo, children(pid)...)
		}
	}
	return all
}

// charge writes the difference of two readings.
func (c *CPU) charge(from, to usage, deliveries int64) {
	c.Server = to.server - from.server
	c.Client = to.client - from.client
	if to.machine > 0 {
		c.Other = max(0, to.machine-from.machine-c.Server-c.Client)
	}
	if deliveries > 0 {
		c.ServerPerMillion = c.Server * 1e6 / float64(deliveries)
		c.ClientPerMillion = c.Client * 1e6 / float64(deliveries)
	}
}
