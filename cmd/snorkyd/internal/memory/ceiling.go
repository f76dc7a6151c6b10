package memory

import (
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// Ceiling is how much memory a process should hold at most.
type Ceiling struct {
	Bytes int64 // 0: no bound is known
	// Source says where it comes from, for the log: max-memory, GOMEMLIMIT, cgroup; empty: from nowhere.
	Source string

	sockets func() int64 // what the kernel has for the sockets
}

// FindCeiling returns configured, if it is not 0; else nine tenths of what the runtime was told by GOMEMLIMIT; else nine
// tenths of what the control group of the process has; else none. With GOMEMLIMIT the memory of sockets, which that does not
// count, does not count here either.
func FindCeiling(configured int64) Ceiling {
	return findCeiling(configured, debug.SetMemoryLimit(-1), os.DirFS("/"))
}

func findCeiling(configured, limit int64, root fs.FS) Ceiling {
	c := Ceiling{sockets: func() int64 { return 0 }}
	groups := controlGroups(root)
	switch {
	case configured > 0:
		c.Bytes, c.Source, c.sockets = configured, "max-memory", groups.sockets
	case limit < math.MaxInt64:
		c.Bytes, c.Source = limit/10*9, "GOMEMLIMIT"
	case groups.limit() < math.MaxInt64:
		c.Bytes, c.Source, c.sockets = groups.limit()/10*9, "cgroup", groups.sockets
	}
	return c
}

// groups are the control groups of memory that a process is in, by their folders: its own, and those around it.
type groups struct {
	root    fs.FS
	folders []string
	v2      bool
}

// controlGroups finds the groups. Where it cannot, there are none: a machine need not have them.
func controlGroups(root fs.FS) groups {
	g := groups{root: root}
	list, _ := fs.ReadFile(root, "proc/self/cgroup")
	for line := range strings.Lines(string(list)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		for _, mount := range mounts(fields[1]) {
			if _, err := fs.Stat(root, mount); err != nil {
				continue
			}
			g.v2 = fields[1] == ""
			g.folders = upward(mount, fields[2])
			break
		}
		if len(g.folders) > 0 && !g.v2 {
			break // where both versions are in use, memory is where version 1 has it
		}
	}
	return g
}

// mounts are the folders where the groups of these controllers usually are; those of version 2 have no names.
func mounts(controllers string) []string {
	switch controllers {
	case "":
		return []string{"sys/fs/cgroup/unified", "sys/fs/cgroup"}
	case "memory":
		return []string{"sys/fs/cgroup/memory"}
	}
	return nil
}

// upward are the folders from that of a group to the mount. In a container the name of a group may be one of the outside,
// and its folder is the mount.
func upward(mount, group string) (folders []string) {
	for name := path.Clean("/" + group); name != "/"; name = path.Dir(name) {
		folders = append(folders, mount+name)
	}
	return append(folders, mount)
}

// limit is the least of what the groups may have; math.MaxInt64 if there is none.
func (g groups) limit() int64 {
	files := []string{"memory.limit_in_bytes"}
	if g.v2 {
		files = []string{"memory.max", "memory.high"}
	}
	least := int64(math.MaxInt64)
	for _, folder := range g.folders {
		for _, file := range files {
			if n, ok := g.number(folder + "/" + file); ok && n > 0 && n < unlimited {
				least = min(least, n)
			}
		}
	}
	return least
}

// unlimited is less than what version 1 writes for no limit, and more than any machine has.
const unlimited = 1 << 60

func (g groups) number(file string) (int64, bool) {
	text, err := fs.ReadFile(g.root, file)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil // "max" is no number
}

// sockets is what the kernel has for the sockets of the group of the process; 0 where it does not tell.
func (g groups) sockets() int64 {
	if len(g.folders) == 0 {
		return 0
	}
	own := g.folders[0]
	if !g.v2 {
		n, _ := g.number(own + "/memory.kmem.tcp.usage_in_bytes")
		return n
	}
	text, err := fs.ReadFile(g.root, own+"/memory.stat")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "sock "); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			return n
		}
	}
	return 0
}

// Bound is the memory that others than the settings allow a process.
type Bound struct {
	Bytes  int64  // 0: none is known
	Source string // what it comes from, for people; empty: from nowhere
}

// FindBound returns the least of GOMEMLIMIT and of what the control group of the process has.
func FindBound() Bound { return findBound(debug.SetMemoryLimit(-1), os.DirFS("/")) }

func findBound(limit int64, root fs.FS) Bound {
	group := controlGroups(root).limit()
	switch {
	case limit < math.MaxInt64 && limit <= group:
		return Bound{limit, "GOMEMLIMIT"}
	case group < math.MaxInt64:
		return Bound{group, "the control group"}
	}
	return Bound{}
}
