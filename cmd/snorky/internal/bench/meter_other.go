//go:build !linux

package bench

const metersWork = false

func processExists(int) bool                      { return false }
func children(int) []int                          { return nil }
func processCPU(int) float64                      { return 0 }
func machineCPU() float64                         { return 0 }
func processMemory(int) (now, peak float64)       { return 0, 0 }
func resetPeak(int)                               {}
func kernelMemory() (buffers, structures float64) { return 0, 0 }
