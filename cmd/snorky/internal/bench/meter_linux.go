package bench

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

const metersWork = true

const ticksPerSecond = 100 // of the times in /proc, on every Linux

func processExists(pid int) bool {
	_, err := os.Stat(proc(pid, "stat"))
	return err == nil
}

func proc(pid int, file string) string { return "/proc/" + strconv.Itoa(pid) + "/" + file }

func children(pid int) (all []int) {
	tasks, _ := os.ReadDir(proc(pid, "task"))
	for _, task := range tasks {
		list, _ := os.ReadFile(proc(pid, "task/"+task.Name()+"/children"))
		for text := range strings.FieldsSeq(string(list)) {
			if child, err := strconv.Atoi(text); err == nil {
				all = append(all, child)
			}
		}
	}
	return all
}

// processCPU is the time of a process with all its threads, 0 if it has ended.
func processCPU(pid int) float64 {
	text, _ := os.ReadFile(proc(pid, "stat"))
	// The name of the program stands in parentheses and may have anything in it.
	_, text, _ = cutLast(text, ')')
	const user, system = 11, 12 // counted from what follows the name
	fields := strings.Fields(string(text))
	if len(fields) <= system {
		return 0
	}
	return (number(fields[user]) + number(fields[system])) / ticksPerSecond
}

func cutLast(b []byte, at byte) (before, after []byte, found bool) {
	i := bytes.LastIndexByte(b, at)
	if i < 0 {
		return b, nil, false
	}
	return b[:i], b[i+1:], true
}

func number(text string) float64 {
	v, _ := strconv.ParseFloat(text, 64)
	return v
}

// machineCPU is all time that was neither idle nor spent waiting for a disk.
func machineCPU() (busy float64) {
	text, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(text), "\n")
	const idle, waiting, guest = 4, 5, 9 // of proc_stat(5); a guest's time is in user time, too
	for i, field := range strings.Fields(line) {
		if i > 0 && i < guest && i != idle && i != waiting {
			busy += number(field)
		}
	}
	return busy / ticksPerSecond
}

func processMemory(pid int) (now, peak float64) {
	text, _ := os.ReadFile(proc(pid, "status"))
	return kibibytes(text, "VmRSS"), kibibytes(text, "VmHWM")
}

// kibibytes finds a line such as "VmRSS:   1234 kB" and returns bytes.
func kibibytes(text []byte, name string) float64 {
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, name+":"); found {
			if fields := strings.Fields(rest); len(fields) > 0 {
				return number(fields[0]) * 1024
			}
		}
	}
	return 0
}

func resetPeak(pid int) {
	const peak = "5" // proc_pid_clear_refs(5)
	_ = os.WriteFile(proc(pid, "clear_refs"), []byte(peak), 0)
}

// kernelMemory is what TCP buffers and structures that cannot be given back take on the whole machine, in bytes.
func kernelMemory() (buffers, structures float64) {
	text, _ := os.ReadFile("/proc/net/sockstat")
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, "TCP:"); found {
			fields := strings.Fields(rest)
			for i := 0; i+1 < len(fields); i += 2 {
				if fields[i] == "mem" {
					buffers = number(fields[i+1]) * float64(os.Getpagesize())
				}
			}
		}
	}
	text, _ = os.ReadFile("/proc/meminfo")
	return buffers, kibibytes(text, "SUnreclaim")
}
