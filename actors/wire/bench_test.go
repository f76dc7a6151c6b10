package wire

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// publishPacket is a publish of about so many bytes in all.
func publishPacket(size int) []byte {
	const head = `{"service":"pubsub","message":{"command":"publish","params":{"channel":"news/sports","message":{"text":"`
	const tail = `","n":12345}},"callId":42}}`
	return []byte(head + strings.Repeat("lorem ip", max(0, size-len(head)-len(tail))/8) + tail)
}

type publishParams struct {
	Channel json.RawMessage `json:"channel"`
	Message json.RawMessage `json:"message"`
}

func BenchmarkPublish(b *testing.B) {
	for _, size := range []int{200, 2000, 20000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			data := publishPacket(size)
			params := new(publishParams)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				p, err := DecodePacket(data)
				if err != nil {
					b.Fatal(err)
				}
				r, err := DecodeRequest(p.Message)
				if err != nil {
					b.Fatal(err)
				}
				if err := DecodeParams(r.Params, params); err != nil {
					b.Fatal(err)
				}
				if _, err := CanonicalKey(params.Channel); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecodePacket(b *testing.B) {
	for _, test := range []struct{ name, text string }{
		{"publish 200", string(publishPacket(200))},
		{"numbers", `{"service":"s","message":[` + strings.Repeat("1234.5,", 1000) + `0]}`},
		{"objects", `{"service":"s","message":[` + strings.Repeat(`{"a":{"b":1}},`, 1000) + `0]}`},
		{"ascii", `{"service":"s","message":"` + strings.Repeat("abcdefgh", 1000) + `"}`},
		{"cyrillic", `{"service":"s","message":"` + strings.Repeat("жизнь", 1000) + `"}`},
		{"escapes", `{"service":"s","message":"` + strings.Repeat(`\n\u00e9`, 1000) + `"}`},
	} {
		b.Run(test.name, func(b *testing.B) {
			data := []byte(test.text)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := DecodePacket(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecodeRequest(b *testing.B) {
	p, err := DecodePacket(publishPacket(200))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeRequest(p.Message); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeParams(b *testing.B) {
	b.Run("raw", func(b *testing.B) {
		params := new(publishParams)
		benchmarkParams(b, `{"channel":"news/sports","message":{"text":"lorem ipsum"}}`, params)
	})
	b.Run("strings", func(b *testing.B) {
		params := new(struct {
			Sender string `json:"sender"`
			Dest   string `json:"dest"`
		})
		benchmarkParams(b, `{"sender":"alice","dest":"bob"}`, params)
	})
	b.Run("numbers", func(b *testing.B) {
		params := new(struct {
			Number int     `json:"number"`
			Base   float64 `json:"base"`
		})
		benchmarkParams(b, `{"number":12345,"base":2.718}`, params)
	})
}

func benchmarkParams(b *testing.B, params string, into any) {
	data := []byte(params)
	b.ReportAllocs()
	for b.Loop() {
		if err := DecodeParams(data, into); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCanonicalKey(b *testing.B) {
	for _, value := range []string{`"news/sports"`, `"news\/sports"`, `42`, `42.50`, `{"b":1,"a":[true,null]}`} {
		b.Run(value, func(b *testing.B) {
			data := []byte(value)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := CanonicalKey(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendResponse(b *testing.B) {
	buffer := make([]byte, 0, 1024)
	message := make([]byte, 0, 1024)
	callID := []byte("42")
	b.ReportAllocs()
	for b.Loop() {
		message = AppendResponse(message[:0], callID, nil)
		buffer = AppendPacket(buffer[:0], "pubsub", message)
	}
}

func BenchmarkAppendTextFrame(b *testing.B) {
	buffer := make([]byte, 0, 1024)
	payload := publishPacket(200)
	b.ReportAllocs()
	for b.Loop() {
		buffer = AppendTextFrame(buffer[:0], payload)
	}
}
