package main

import "syscall"

// attributes make a child the head of a group, which ends with this program however this program ends.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
