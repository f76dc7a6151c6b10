package actors

// socket is the network side of a connection. Its methods are called on the loop of the connection and never block.
//
// It calls received with what arrives, hungUp when nothing more will, and writable when there is room again after a
// write that did not take everything; all three on that loop, too.
type socket interface {
	// open starts the calls.
	open() error
	// write sends as much of the buffers as there is room for and returns the number of bytes it took. It may hold on
	// to the buffers, which nobody changes.
	write(buffers [][]byte) (int, error)
	// writeOne is write for one buffer, which is the common case.
	writeOne(buffer []byte) (int, error)
	// idle reports whether all that was taken is with the kernel; if not, writable will be called when it is.
	idle() bool
	// progressed reports whether the client has taken anything since this was last asked, whatever write has told.
	progressed() bool
	// resume goes on with calls of received, after the connection did not want more.
	resume()
	// finish ends the sending direction.
	finish()
	// close ends it all and frees the descriptor.
	close()
}
