package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestDecodePacket(t *testing.T) {
	for _, test := range []struct{ text, service, message string }{
		{`{"service":"pubsub","message":{"a":1}}`, "pubsub", `{"a":1}`},
		{`{"message":1,"service":"s"}`, "s", `1`},
		{" {\t\"service\" : \"s\" ,\r\n \"message\" : [ 1 , 2 ] } \n", "s", `[ 1 , 2 ]`},
		{`{"x":{"service":"no","message":0},"service":"s","y":[{}],"message":null,"z":1.5}`, "s", `null`},
		{`{"service":"a","message":1,"service":"b","message":2}`, "b", `2`},
		{`{"service":1,"message":1,"service":"b"}`, "b", `1`},
		{`{"\u0073ervice":"s","mess\u0061ge":"m"}`, "s", `"m"`},
		{`{"service":"a","\u0073ervice":"b","message":""}`, "b", `""`},
		{`{"service":"\u0070ub\/\"\\\ud83d\ude00","message":0}`, `pub/"\😀`, `0`},
		{`{"service":"","message":false}`, "", `false`},
		{`{"service":"S ","message":1e400}`, "S ", `1e400`},
		{`{"service":"日本","message":"\ud800"}`, "日本", `"\ud800"`},
		{`{"service":"\ud800","message":0}`, "\xed\xa0\x80", `0`},
		{`{"service":"s","message":9007199254740993}`, "s", `9007199254740993`},
		{`{"Service":"no","MESSAGE":0,"service":"s","message":1}`, "s", `1`},
		{`{"service":"s","message":1,"Service":"no","ſervice":"no","\u017fervice":"no"}`, "s", `1`},
		{`{"service":"s","message":` + nested(MaxDepth-1) + `}`, "s", nested(MaxDepth - 1)},
		{`{"service":"s","message":` + nested(100) + `}`, "s", nested(100)},
	} {
		p, err := DecodePacket([]byte(test.text))
		if err != nil || p.Service != test.service || string(p.Message) != test.message {
			t.Errorf("%.200s: %+q %.200s %v", test.text, p.Service, p.Message, err)
		}
	}
}

func TestDecodePacketRefuses(t *testing.T) {
	for _, test := range []struct {
		text string
		want error
	}{
		{``, ErrNotJSON},
		{` `, ErrNotJSON},
		{`hello`, ErrNotJSON},
		{`{"service"`, ErrNotJSON},
		{`{`, ErrNotJSON},
		{`{"service":"s","message":1`, ErrNotJSON},
		{`{"service":"s","message":1,}`, ErrNotJSON},
		{`{"service":"s","message":}`, ErrNotJSON},
		{`{"service":"s" "message":1}`, ErrNotJSON},
		{`{"service" "s","message":1}`, ErrNotJSON},
		{`{service:"s","message":1}`, ErrNotJSON},
		{`{"service":"s","message":1}x`, ErrNotJSON},
		{`{"service":"s","message":1}{}`, ErrNotJSON},
		{`{}x`, ErrNotJSON},
		{"\ufeff" + `{"service":"s","message":1}`, ErrNotJSON},
		{`{"service":"s","message":1}` + "\x00", ErrNotJSON},
		{"{\"service\":\"s\",\"message\":\"\n\"}", ErrNotJSON},
		{"{\"service\":\"s\",\"message\":\"\x00\"}", ErrNotJSON},
		{`{"service":"s",/**/"message":1}`, ErrNotJSON},
		{`{'service':'s','message':1}`, ErrNotJSON},
		{`{"service":"s","message":NaN}`, ErrNotJSON},
		{`{"service":"s","message":Infinity}`, ErrNotJSON},
		{`{"service":"s","message":-Infinity}`, ErrNotJSON},
		{`{"service":"s","message":0x10}`, ErrNotJSON},
		{`{"service":"s","message":01}`, ErrNotJSON},
		{`{"service":"s","message":1.}`, ErrNotJSON},
		{`{"service":"s","message":.5}`, ErrNotJSON},
		{`{"service":"s","message":+1}`, ErrNotJSON},
		{`{"service":"s","message":nil}`, ErrNotJSON},
		{"{\"service\":\"s\",\"message\":\"\xff\"}", ErrNotJSON},
		{"{\"service\":\"\xed\xa0\x80\",\"message\":1}", ErrNotJSON},
		{"{\"serv\xffice\":\"s\",\"message\":1}", ErrNotJSON},
		{`[] x`, ErrNotJSON},
		{`[1,`, ErrNotJSON},
		{`nul`, ErrNotJSON},
		{strings.Repeat("[", 30000), ErrTooDeep},
		{`{"a":` + strings.Repeat("[", 12000), ErrTooDeep},
		{`{"service":"s","message":` + nested(MaxDepth) + `}`, ErrTooDeep},
		{nested(MaxDepth + 1), ErrTooDeep},
		{`[]`, ErrNotObject},
		{`1`, ErrNotObject},
		{`null`, ErrNotObject},
		{` "service" `, ErrNotObject},
		{`true`, ErrNotObject},
		{`[{"service":"s","message":1}]`, ErrNotObject},
		{`{}`, ErrNoService},
		{`{ }`, ErrNoService},
		{`{"message":1}`, ErrNoService},
		{`{"Service":"s","message":1}`, ErrNoService},
		{`{"ſervice":"s","message":1}`, ErrNoService},
		{`{"\u017fervice":"s","message":1}`, ErrNoService},
		{`{"service ":"s","message":1}`, ErrNoService},
		{`{"service\u0000":"s","message":1}`, ErrNoService},
		{`{"":"s","message":1}`, ErrNoService},
		{`{"service":"s"}`, ErrNoMessage},
		{`{"service":1}`, ErrNoMessage},
		{`{"service":"s","Message":1}`, ErrNoMessage},
		{`{"service":null,"message":1}`, ErrServiceType},
		{`{"service":1,"message":1}`, ErrServiceType},
		{`{"service":["s"],"message":1}`, ErrServiceType},
		{`{"service":{},"message":1}`, ErrServiceType},
		{`{"service":"s","service":true,"message":1}`, ErrServiceType},
	} {
		p, err := DecodePacket([]byte(test.text))
		if !errors.Is(err, test.want) {
			t.Errorf("%.100q: %v, want %v", test.text, err, test.want)
		}
		if p.Service != "" || p.Message != nil {
			t.Errorf("%.100q: an error with a packet %v", test.text, p)
		}
	}
}

// checkPacket compares DecodePacket with encoding/json, whose maps have exact keys of which the last counts.
func checkPacket(t *testing.T, text []byte) {
	t.Helper()
	p, err := DecodePacket(text)
	if errors.Is(err, ErrTooDeep) {
		if oracleValid(text) && depthOf(text) <= MaxDepth {
			t.Errorf("%.100q is too deep", text)
		}
		return
	}
	if valid := oracleValid(text); valid != !errors.Is(err, ErrNotJSON) {
		t.Fatalf("%.100q: %v, but valid is %t", text, err, valid)
	} else if !valid {
		return
	}
	var members map[string]json.RawMessage
	var service string
	var want error
	switch failed := json.Unmarshal(text, &members); {
	case failed != nil || members == nil:
		want = ErrNotObject
	case members["service"] == nil:
		want = ErrNoService
	case members["message"] == nil:
		want = ErrNoMessage
	case members["service"][0] != '"':
		want = ErrServiceType
	}
	if !errors.Is(err, want) {
		t.Fatalf("%.200q: %v, want %v", text, err, want)
	}
	if err != nil {
		return
	}
	if err := json.Unmarshal(members["service"], &service); err != nil {
		t.Fatal(err)
	}
	if toUTF8(p.Service) != service || !bytes.Equal(p.Message, members["message"]) {
		t.Fatalf("%.200q: %q %q, want %q %q", text, p.Service, p.Message, service, members["message"])
	}
}

func TestDecodePacketAgreesWithEncodingJSON(t *testing.T) {
	for _, text := range texts {
		checkPacket(t, []byte(text))
		checkPacket(t, []byte(`{"service":"s","message":`+text+`}`))
		checkPacket(t, []byte(`{"service":`+text+`,"message":1}`))
		checkPacket(t, []byte(`{"service":"s",`+text+`:0,"message":1}`))
		checkPacket(t, []byte(`{"service":"s","message":1}`+text))
	}
}

func TestDecodePacketNeverGrowsItsResult(t *testing.T) {
	text := []byte(`{"service":"s","message":1,"x":2}`)
	p, err := DecodePacket(text)
	if err != nil {
		t.Fatal(err)
	}
	p.Message = append(p.Message, '!')
	if want := `{"service":"s","message":1,"x":2}`; string(text) != want {
		t.Errorf("appending to the message changed the input to %s", text)
	}
}

func TestAppendPacket(t *testing.T) {
	for _, test := range []struct{ service, message, want string }{
		{"pubsub", `{"a":1}`, `{"service":"pubsub","message":{"a":1}}`},
		{"", "", `{"service":"","message":null}`},
		{"a\"b\\\n\xff", "1e400", `{"service":"a\"b\\\n\ufffd","message":1e400}`},
	} {
		got := AppendPacket([]byte("> "), test.service, []byte(test.message))
		if string(got) != "> "+test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
		p, err := DecodePacket(got[2:])
		if err != nil {
			t.Errorf("%s: %v", got, err)
		}
		if test.message != "" && string(p.Message) != test.message {
			t.Errorf("%s came back as %s", test.message, p.Message)
		}
	}
}
