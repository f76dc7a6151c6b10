package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// million is what the memory of idle connections is worked out for.
const million = 1_000_000

// way is one peer at several numbers of idle connections.
type way struct {
	peer        Peer
	connections []float64
	each        []float64 // resident bytes for each connection
	resident    []float64 // bytes in all, as for the kernel
	kernel      []float64

	residentLine, kernelLine Line
}

// growth is what 1,000,000 idle connections would take, for the peers that were measured at three numbers or more.
func growth(all []comparison) (Section, bool) {
	idle := slices.DeleteFunc(slices.Clone(all), func(c comparison) bool { return c.scenario.Mode != "idle" })
	slices.SortFunc(idle, func(a, b comparison) int { return a.scenario.Subscribers - b.scenario.Subscribers })
	var names []string
	var ways []*way
	for _, c := range idle {
		names = append(names, c.scenario.Name)
		for _, r := range c.rows {
			if len(r.runs) == 0 {
				continue
			}
			i := slices.IndexFunc(ways, func(w *way) bool { return w.peer.Name == r.peer.Name })
			if i < 0 {
				i = len(ways)
				ways = append(ways, &way{peer: r.peer})
			}
			ways[i].add(float64(c.scenario.Subscribers), r)
		}
	}
	ways = slices.DeleteFunc(ways, func(w *way) bool { return !w.fit() })
	if len(ways) == 0 {
		return Section{}, false
	}
	t := table{head: []string{"server"}}
	for _, n := range ways[0].connections {
		t.head = append(t.head, fmt.Sprintf("bytes each at %s", digits(n, 1)))
	}
	t.head = append(t.head, "bytes each, by the line", "farthest from it", "1,000,000: server GiB", "kernel GiB")
	for _, w := range ways {
		cells := []string{w.peer.Title}
		for _, each := range w.each {
			cells = append(cells, digits(each, 1))
		}
		t.add(append(cells, digits(w.residentLine.Slope, 1), fmt.Sprintf("%.1f %%", 100*w.residentLine.Off),
			digits(w.residentLine.At(million)/(1<<30), 3), digits(w.kernelLine.At(million)/(1<<30), 3))...)
	}
	last := idle[len(idle)-1]
	text := t.String() + "\n" + "The line goes through the server's resident memory at rest with the least squares of distances, and is " +
		"drawn out to 1,000,000. Its slope is what one more connection costs. A server that gives memory back at some numbers " +
		"only does not stay on one line, which the distance shows. What the kernel keeps is worked out in the same way and is that of both ends, of which a server has one.\n\n" + last.origin(names)
	return Section{"idle-growth", text}, true
}

func (w *way) add(connections float64, r row) {
	w.connections = append(w.connections, connections)
	w.each = append(w.each, r.of(func(f *Figures) float64 { return f.Memory.PerConnection }).median)
	w.resident = append(w.resident, r.of(func(f *Figures) float64 { return f.Memory.ServerAfter }).median)
	w.kernel = append(w.kernel, connections*r.of(kernelEach).median)
}

// fit is false for less than three numbers of connections.
func (w *way) fit() bool {
	if len(w.connections) < 3 {
		return false
	}
	var err, also error
	w.residentLine, err = Fit(w.connections, w.resident)
	w.kernelLine, also = Fit(w.connections, w.kernel)
	return err == nil && also == nil && !math.IsNaN(w.residentLine.Slope)
}

// setup lists the servers with their versions and settings, as the last session had them.
func setup(all []comparison) (Section, bool) {
	var peers []Peer
	for _, c := range all {
		for _, r := range c.rows {
			i := slices.IndexFunc(peers, func(p Peer) bool { return p.Name == r.peer.Name })
			switch {
			case i < 0:
				peers = append(peers, r.peer)
			case r.peer.LeftOut == "":
				peers[i] = r.peer
			}
		}
	}
	if len(peers) == 0 {
		return Section{}, false
	}
	var b strings.Builder
	b.WriteString("| server | version | how it is set up |\n| --- | --- | --- |\n")
	for _, p := range peers {
		version := p.Version
		if p.LeftOut != "" {
			version = "left out: " + oneLine(p.LeftOut)
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", p.Title, version, p.Setup)
	}
	return Section{"setup", b.String()}, true
}
