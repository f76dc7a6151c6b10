package filter

import (
	"fmt"
	"testing"
)

// BenchmarkFind looks for the one filter of many that matches. "each" asks all of them, as would be done without an index.
func BenchmarkFind(b *testing.B) {
	for _, kind := range []struct{ name, filter, data string }{
		{"equality", `["==","user",%[1]d]`, `{"id":1,"user":50,"text":"some text of a task"}`},
		{"range", `["and",[">=","price",%[1]d],["<","price",%[2]d]]`, `{"id":1,"price":50.5,"text":"some text of a task"}`},
		{"both", `["and",["==","kind","task"],[">","price",0],["==","user",%[1]d]]`, `{"id":1,"kind":"task","price":5,"user":50}`},
		{"or", `["or",["==","user",%[1]d],["==","owner",%[1]d]]`, `{"id":1,"user":50,"owner":50}`},
	} {
		for _, n := range []int{100, 10_000, 100_000} {
			var x Index[int]
			filters := make([]*Filter, n)
			for i := range n {
				f, err := Parse(fmt.Appendf(nil, kind.filter, i, i+1))
				if err != nil {
					b.Fatal(err)
				}
				filters[i] = f
				x.Add(f, i)
			}
			data := []byte(kind.data)
			b.Run(fmt.Sprintf("%s/filters=%d/index", kind.name, n), func(b *testing.B) {
				found := 0
				b.ReportAllocs()
				for b.Loop() {
					x.Find(data, func(int) { found++ })
				}
				if found != b.N {
					b.Errorf("%d found in %d looks", found, b.N)
				}
			})
			b.Run(fmt.Sprintf("%s/filters=%d/each", kind.name, n), func(b *testing.B) {
				found := 0
				for b.Loop() {
					for _, f := range filters {
						if f.Matches(data) {
							found++
						}
					}
				}
				if found != b.N {
					b.Errorf("%d found in %d looks", found, b.N)
				}
			})
		}
	}
}

func BenchmarkAddAndRemove(b *testing.B) {
	for name, filter := range map[string]string{
		"equality": `["==","user",%[1]d]`, "range": `["and",[">=","price",%[1]d],["<","price",%[2]d]]`,
	} {
		b.Run(name, func(b *testing.B) {
			const n = 100_000
			var x Index[int]
			filters := make([]*Filter, n)
			entries := make([]*Entry[int], n)
			for i := range n {
				f, err := Parse(fmt.Appendf(nil, filter, i, i+1))
				if err != nil {
					b.Fatal(err)
				}
				filters[i], entries[i] = f, x.Add(f, i)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				x.Remove(entries[i%n])
				entries[i%n] = x.Add(filters[i%n], i%n)
			}
		})
	}
}
