package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestDecodeRequest(t *testing.T) {
	for _, test := range []struct {
		text, command string
		isString      bool
		params        string
		callID        string // empty: nil
	}{
		{`{"command":"subscribe","params":{"channel":"a"},"callId":0}`, "subscribe", true, `{"channel":"a"}`, "0"},
		{` { "callId" : "x" , "params" : [ ] , "command" : "c" } `, "c", true, `[ ]`, `"x"`},
		{`{"command":"c","params":null}`, "c", true, "null", ""},
		{`{"command":"c","params":{},"callId":null}`, "c", true, "{}", ""},
		{`{"command":"c","params":{},"callId":1,"callId":null}`, "c", true, "{}", ""},
		{`{"command":"c","params":{},"callId":null,"callId":false}`, "c", true, "{}", "false"},
		{`{"command":"a","params":1,"command":"b","params":2}`, "b", true, "2", ""},
		{`{"command":"","params":{}}`, "", true, "{}", ""},
		{`{"command":1,"params":{}}`, "", false, "{}", ""},
		{`{"command":null,"params":{}}`, "", false, "{}", ""},
		{`{"command":["c"],"params":{},"callId":{"a":[1]}}`, "", false, "{}", `{"a":[1]}`},
		{`{"command":"x","command":{},"params":{},"callId":[]}`, "", false, "{}", "[]"},
		{`{"\u0063ommand":"p\u0075b","par\u0061ms":"p","call\u0049d":9007199254740993}`, "pub", true, `"p"`, "9007199254740993"},
		{`{"command":"c","params":{},"callid":1,"CallId":2,"callId ":3}`, "c", true, "{}", ""},
		{`{"command":"\ud800","params":{},"callId":"\ud800"}`, "\xed\xa0\x80", true, "{}", `"\ud800"`},
		{`{"a":"}","command":"c","b":{"params":"no}"},"params":{"x":"\"}"},"callId":1e400}`, "c", true, `{"x":"\"}"}`, "1e400"},
	} {
		r, err := DecodeRequest([]byte(test.text))
		if err != nil || r.Command != test.command || r.IsString != test.isString || string(r.Params) != test.params ||
			string(r.CallID) != test.callID || (r.CallID == nil) != (test.callID == "") {
			t.Errorf("%s: %+v %v", test.text, r, err)
		}
	}
}

func TestDecodeRequestRefuses(t *testing.T) {
	for _, text := range []string{
		`null`, `1`, `"command"`, `[]`, `true`, `[{"command":"c","params":{}}]`, `{}`, `{"command":"c"}`, `{"params":{}}`,
		`{"Command":"c","params":{}}`, `{"command":"c","Params":{}}`, `{"command":"c","parameters":{},"callId":1}`,
		`{"callId":1}`, `{"command ":"c","params":{}}`,
		// What cannot come out of DecodePacket.
		``, ` `, `{`, `{"command"`, `{"command":"c","params":{}`, `{"command":"c","params":`, `{"command":"c","params":{}}x`, `{"command":"`,
	} {
		if r, err := DecodeRequest([]byte(text)); !errors.Is(err, ErrNotRequest) {
			t.Errorf("%s: %+v %v", text, r, err)
		}
	}
}

// checkRequest compares DecodeRequest with encoding/json where the text is valid, and wants no panic elsewhere.
func checkRequest(t *testing.T, text []byte) {
	t.Helper()
	r, err := DecodeRequest(text)
	if Valid(text) != nil {
		return
	}
	var members map[string]json.RawMessage
	failed := json.Unmarshal(text, &members)
	isRequest := failed == nil && members["command"] != nil && members["params"] != nil
	if isRequest != (err == nil) {
		t.Fatalf("%q: %v", text, err)
	}
	if err != nil {
		return
	}
	var command any
	_ = json.Unmarshal(members["command"], &command) // fails for numbers out of range, which are no strings either
	name, isString := command.(string)
	if toUTF8(r.Command) != name || r.IsString != isString || !bytes.Equal(r.Params, members["params"]) {
		t.Fatalf("%q: %+v", text, r)
	}
	callID := members["callId"]
	if string(callID) == "null" {
		callID = nil
	}
	if (r.CallID == nil) != (callID == nil) || !bytes.Equal(r.CallID, callID) {
		t.Fatalf("%q: callId %q, want %q", text, r.CallID, callID)
	}
}

func TestDecodeRequestAgreesWithEncodingJSON(t *testing.T) {
	for _, text := range texts {
		checkRequest(t, []byte(text))
		checkRequest(t, []byte(`{"command":"c","params":{},"callId":`+text+`}`))
		checkRequest(t, []byte(`{"command":`+text+`,"params":{}}`))
		checkRequest(t, []byte(`{"command":"c","params":`+text+`}`))
		checkRequest(t, []byte(`{"command":"c",`+text+`:1,"params":{}}`))
	}
}

// The callId of a request comes back exactly, or according to the table of PROTOCOL.md section 4.
func TestAnswersCarryTheCallID(t *testing.T) {
	for _, callID := range []string{
		"", "null", "0", `""`, "false", "-0", "1.0", "9007199254740993", strings.Repeat("7", 30), strings.Repeat("7", 2000),
		"1e400", `{"b":1,"a":[]}`, `[1, 2]`, `"` + strings.Repeat("x", 4096) + `"`, `"<&>"`, `"\u2028\ud800"`, "\"\u2028\"",
	} {
		text := `{"command":"c","params":{}}`
		if callID != "" {
			text = `{"callId": ` + callID + ` ,"command":"c","params":{}}`
		}
		r, err := DecodeRequest([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		response, failure := `{"type":"response","data":1}`, `{"type":"error","callId":null,"message":"Internal error"}`
		if callID != "" && callID != "null" {
			response = `{"type":"response","callId":` + callID + `,"data":1}`
			failure = strings.Replace(failure, "null", callID, 1)
		}
		if got := string(AppendResponse(nil, r.CallID, []byte("1"))); got != response {
			t.Errorf("%.50s: %.100s", callID, got)
		}
		if got := string(AppendError(nil, r.CallID, "Internal error")); got != failure {
			t.Errorf("%.50s: %.100s", callID, got)
		}
	}
}

func TestAppendAnswers(t *testing.T) {
	for _, test := range []struct {
		got  []byte
		want string
	}{
		{AppendResponse(nil, nil, nil), `{"type":"response","data":null}`},
		{AppendResponse([]byte("x"), []byte("null"), []byte("[]")), `x{"type":"response","data":[]}`},
		{AppendResponse(nil, []byte(`"a"`), []byte("1e400")), `{"type":"response","callId":"a","data":1e400}`},
		{AppendError(nil, nil, ""), `{"type":"error","callId":null,"message":""}`},
		{AppendError([]byte("x"), []byte("null"), "a\"\u2028\x01\xff"), `x{"type":"error","callId":null,"message":"a\"\u2028\u0001\ufffd"}`},
	} {
		if string(test.got) != test.want {
			t.Errorf("%s, want %s", test.got, test.want)
		}
	}
}
