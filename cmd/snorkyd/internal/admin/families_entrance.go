package admin

import "github.com/prometheus/client_golang/prometheus"

// doors are the names of Snapshot.Entrances.
var doors = [...]string{frontend, backend}

// perCertificate is a gauge for each door of TLS.
func perCertificate(name, help string, value func(*Entrance) float64) family {
	return family{name, help, prometheus.GaugeValue, []string{"door"}, func(s *Snapshot, add func(float64, ...string)) {
		for i := range s.Entrances {
			if e := &s.Entrances[i]; e.Certificate != nil {
				add(value(e), doors[i])
			}
		}
	}}
}

var entranceFamilies = []family{
	{
		"snorky_entrance_failures_total",
		"Connections closed before their first request: a TLS handshake that failed, HTTP where TLS is spoken, no PROXY header where one has to be.",
		prometheus.CounterValue,
		[]string{"door"},
		func(s *Snapshot, add func(float64, ...string)) {
			for i := range s.Entrances {
				add(float64(s.Entrances[i].Failures), doors[i])
			}
		},
	},
	perCertificate("snorky_tls_certificate_not_after_timestamp_seconds", "When the certificate in use ends, in seconds since 1970; for doors of TLS.",
		func(e *Entrance) float64 { return unix(e.Certificate.NotAfter) }),
	perCertificate("snorky_tls_certificate_last_load_successful", "1 unless the certificate could not be used when its files were read last; then the one before is in use.",
		func(e *Entrance) float64 { return float64(truth(!e.Certificate.Failed)) }),
}
