//go:build !unix

package main

func maxDescriptors() uint64 { return 0 }
