package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"

	"github.com/snorky-go/snorky/actors/wire"
)

// channelValue turns an argument into the JSON value of a channel.
func channelValue(argument string, isJSON bool) (json.RawMessage, error) {
	if !isJSON {
		return quoted("channel", argument)
	}
	value, err := jsonValue(argument)
	if err != nil {
		return nil, misused("the channel "+excerpt(argument)+" is not JSON: "+err.Error(), quoteAdvice(argument)+" Or leave out --json-channel.")
	}
	return value, nil
}

// messageValue turns an argument or a line of input into the JSON value of a message.
func messageValue(text string, isString bool) (json.RawMessage, error) {
	if isString {
		return quoted("message", text)
	}
	value, err := jsonValue(text)
	if err != nil {
		return nil, misused("the message "+excerpt(text)+" is not JSON: "+err.Error(), quoteAdvice(text)+" Or send it as a string with --string.")
	}
	return value, nil
}

// paramsValue turns an argument into the params of a request (PROTOCOL.md section 4).
func paramsValue(text string) (json.RawMessage, error) {
	const advice = `Params are an object with a member for each parameter, such as '{"number1":1,"number2":2}'.`
	value, err := jsonValue(text)
	if err != nil {
		return nil, misused("the params "+excerpt(text)+" are not JSON: "+err.Error(), advice)
	}
	if value[0] != '{' {
		return nil, misused("the params "+excerpt(text)+" are no JSON object", advice)
	}
	return value, nil
}

func jsonValue(text string) (json.RawMessage, error) {
	value := bytes.Trim([]byte(text), " \t\r\n")
	if len(value) == 0 {
		return nil, errors.New("there is nothing in it")
	}
	if err := wire.Valid(value); errors.Is(err, wire.ErrTooDeep) {
		return nil, err
	} else if err != nil {
		return nil, syntax(value)
	}
	return value, nil
}

// syntax says where a value stops being JSON, as far as encoding/json sees it.
func syntax(value []byte) error {
	if !utf8.Valid(value) {
		return errors.New("it is not UTF-8")
	}
	var ignored json.RawMessage
	if err := json.Unmarshal(value, &ignored); err != nil {
		return err
	}
	return errors.New("bad syntax")
}

func quoted(what, text string) (json.RawMessage, error) {
	if !utf8.ValidString(text) {
		return nil, misused("the "+what+" "+excerpt(text)+" is not UTF-8", "")
	}
	return wire.AppendString(nil, text), nil
}

// quoteAdvice shows how a word that is meant as a string is typed into a shell, if that is what it seems to be.
func quoteAdvice(text string) string {
	const longest = 40
	if len(text) > longest || bytes.ContainsAny([]byte(text), "'\"{}[]\\\n") || !utf8.ValidString(text) {
		return "In a shell, put single quotes around JSON."
	}
	return `A string wants two kinds of quotes: '"` + text + `"'.`
}

// excerpt is the beginning of a text, for an error.
func excerpt(text string) string {
	const most = 40
	if len(text) <= most {
		return "`" + text + "`"
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return "`" + text[:cut] + "...`"
}
