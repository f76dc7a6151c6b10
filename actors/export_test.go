package actors

import "reflect"

// IdleWorkIsUntouched reports whether nobody has written to what all idle connections share.
func IdleWorkIsUntouched() bool { return reflect.DeepEqual(noWork, work{}) }

// MailUnderWay is how much services have sent that connections have not taken, in bytes.
func MailUnderWay(b *Broker) int64 { return b.mail.n.Load() }

// Expiries is the number of connections whose principal expires. Nothing may be going on.
func Expiries(b *Broker) (n int) {
	for _, l := range b.loops {
		n += len(l.expiries)
	}
	return n
}

// Halt has a loop do nothing until the function that it returns is called.
func Halt(b *Broker, loop int) (release func()) {
	halted, end := make(chan struct{}), make(chan struct{})
	b.loops[loop].schedule(errand(func() {
		close(halted)
		<-end
	}))
	<-halted
	return func() { close(end) }
}

// Meters is the number of connections that have used some of their limits.
func Meters(b *Broker) (n int) {
	for _, l := range b.loops {
		counted := make(chan int, 1)
		l.schedule(errand(func() { counted <- len(l.meters) }))
		n += <-counted
	}
	return n
}
