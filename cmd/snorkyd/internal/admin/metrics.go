package admin

import (
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/snorky-go/snorky/actors"
)

// newMetrics serves what source counts, in the text format of Prometheus, from a registry of its own.
func newMetrics(source Source) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		newCollector(source),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// collector turns a Snapshot into metrics, whenever somebody asks.
type collector struct {
	source       Source
	descriptions []*prometheus.Desc // of families
	spreads      []*prometheus.Desc // of histograms
}

func newCollector(source Source) *collector {
	c := &collector{source: source}
	for _, f := range families {
		c.descriptions = append(c.descriptions, prometheus.NewDesc(f.name, f.help, f.labels, nil))
	}
	for _, f := range spreads {
		c.spreads = append(c.spreads, prometheus.NewDesc(f.name, f.help, f.labels, nil))
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(all chan<- *prometheus.Desc) {
	for _, d := range append(c.descriptions, c.spreads...) {
		all <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(all chan<- prometheus.Metric) {
	s := c.source.Snapshot()
	for i, f := range families {
		for _, v := range f.samples(&s) {
			all <- prometheus.MustNewConstMetric(c.descriptions[i], f.kind, v.value, v.labels...)
		}
	}
	for i, f := range spreads {
		f.each(&s, func(h actors.Histogram, labels ...string) {
			count, below := uint64(0), make(map[float64]uint64, len(h.Bounds))
			for j, n := range h.Counts {
				if count += n; j < len(h.Bounds) {
					below[h.Bounds[j]] = count
				}
			}
			all <- prometheus.MustNewConstHistogram(c.spreads[i], count, h.Sum, below, labels...)
		})
	}
}

// sample is one value of a family.
type sample struct {
	value  float64
	labels []string
}

// samples are the values of a family: no two with the same labels, and not too many. What is beyond that is added up
// under "other", so that nobody's names make a metric grow without end.
func (f *family) samples(s *Snapshot) []sample {
	var all []sample
	index := map[string]int{}
	f.each(s, func(value float64, labels ...string) {
		labels = append([]string(nil), labels...)
		for i := range labels {
			labels[i] = label(labels[i])
		}
		key := strings.Join(labels, "\xff")
		if _, known := index[key]; !known && len(all) >= maxSamples {
			for i := range labels {
				labels[i] = "other"
			}
			key = "\xff"
		}
		if i, known := index[key]; known {
			all[i].value += value
			return
		}
		index[key] = len(all)
		all = append(all, sample{value, labels})
	})
	return all
}

const (
	maxSamples = 1100 // of one family; there may be 1,024 loops
	maxLabel   = 100  // bytes
)

// label makes a text fit for a label, whose rules a service's name need not obey.
func label(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxLabel)], "\uFFFD")
}

// unix is a time as Prometheus has it.
func unix(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }
