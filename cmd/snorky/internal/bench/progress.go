package bench

import "time"

// The phases of a run.
const (
	PhaseConnecting = "connecting"
	PhaseWarmup     = "warm-up"
	PhaseMeasuring  = "measuring"
	PhaseSettling   = "settling" // waiting for the memory of the server to come to rest
	PhaseDraining   = "draining" // waiting for the last deliveries
)

// Progress is how far a run is.
type Progress struct {
	Phase   string
	Elapsed time.Duration // since the phase began
	// Connected is the number of subscribers that have been opened, Cycles that of finished ones (Churn).
	Connected int
	Cycles    int64
	// PerSecond is deliveries, or cycles, since the last report.
	PerSecond  float64
	Deliveries int64
	InFlight   int64 // deliveries that are outstanding
	Faults     int64 // seen so far; what is missing shows at the end only
}

// Report is called about twice a second while a run lasts, by one goroutine at a time. It must not block for long.
type Report func(Progress)
