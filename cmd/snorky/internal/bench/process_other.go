//go:build !unix

package bench

import "errors"

func ownCPU() float64 { return 0 }

func fileLimit() (uint64, error) { return 0, errors.ErrUnsupported }
