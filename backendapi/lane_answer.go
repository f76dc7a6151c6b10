package backendapi

import (
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// scratch holds what a lane needs to answer a request.
type scratch struct {
	exchange        // its body lies in the buffer of the lane
	lines    []byte // room for whole answers, as they are sent
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func (s *scratch) release() {
	if cap(s.answer) > maxKept || cap(s.lines) > maxKept {
		return
	}
	s.body = nil
	scratches.Put(s)
}

// appendAnswer appends byte by byte what writeAnswer and writeRefusal make net/http send.
func appendAnswer(b, answer []byte, refused *refusal, date []byte, last bool) []byte {
	status, length, kind := http.StatusOK, len(answer), typeJSON
	if refused != nil {
		status, length, kind = refused.status, len(refused.text), typePlain
	}
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	b = append(b, http.StatusText(status)...)
	b = append(b, "\r\nCache-Control: "+cacheNever+"\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(length), 10)
	b = append(b, "\r\nContent-Type: "...)
	b = append(b, kind...)
	if refused != nil && refused.name != "" { // headers are sorted; all that a lane meets belong here
		b = append(b, "\r\n"...)
		b = append(b, refused.name...)
		b = append(b, ": "...)
		b = append(b, refused.value...)
	}
	b = append(b, "\r\nX-Content-Type-Options: "+sniffNever+"\r\nDate: "...)
	b = append(b, date...)
	if last {
		b = append(b, "\r\nConnection: close"...)
	}
	b = append(b, "\r\n\r\n"...)
	if refused != nil {
		return append(b, refused.text...)
	}
	return append(b, answer...)
}

// date is the value of the header for one second.
type date struct {
	second int64
	text   []byte
}

// dates makes one for each second in which there is an answer.
type dates struct{ latest atomic.Pointer[date] }

func (c *dates) at(now time.Time) []byte {
	second := now.Unix()
	if d := c.latest.Load(); d != nil && d.second == second {
		return d.text
	}
	d := &date{second, now.UTC().AppendFormat(nil, http.TimeFormat)}
	c.latest.Store(d)
	return d.text
}
