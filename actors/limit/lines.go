package limit

import (
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// Lines is a log for what strangers can cause as often as they like: of each level so many lines a second at most. A line
// that comes after others were left out says how many, of its level, as "suppressed". Its methods are safe for concurrent
// use and do not block beyond what the Logger does.
type Lines struct {
	log                     zerolog.Logger
	info, warnings, failure omitted
}

// NewLines returns a Lines that lets so many lines of each level a second through to l.
func NewLines(l zerolog.Logger, perSecond int) *Lines {
	lines := &Lines{}
	bound := func(rest *omitted) zerolog.Sampler {
		return &zerolog.BurstSampler{Burst: uint32(perSecond), Period: time.Second, NextSampler: rest}
	}
	lines.log = l.Sample(zerolog.LevelSampler{
		InfoSampler: bound(&lines.info), WarnSampler: bound(&lines.warnings), ErrorSampler: bound(&lines.failure),
	})
	return lines
}

// Info begins a line for what is harmless.
func (l *Lines) Info() *zerolog.Event { return l.info.tell(l.log.Info()) } //nolint:zerologlint // the caller sends it

// Warn begins a line for what somebody may have to do something about.
func (l *Lines) Warn() *zerolog.Event { return l.warnings.tell(l.log.Warn()) } //nolint:zerologlint // the caller sends it

// Error begins a line for what should not happen.
func (l *Lines) Error() *zerolog.Event { return l.failure.tell(l.log.Error()) } //nolint:zerologlint // the caller sends it

// omitted counts lines that were left out since the last one that was not.
type omitted struct{ n atomic.Int64 }

// Sample implements zerolog.Sampler, for what is beyond the bound.
func (o *omitted) Sample(zerolog.Level) bool {
	o.n.Add(1)
	return false
}

func (o *omitted) tell(e *zerolog.Event) *zerolog.Event {
	if !e.Enabled() || o.n.Load() == 0 {
		return e
	}
	if n := o.n.Swap(0); n > 0 {
		e.Int64("suppressed", n)
	}
	return e
}
