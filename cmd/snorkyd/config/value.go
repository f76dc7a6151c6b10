package config

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/units"

	"github.com/snorky-go/snorky/actors/limit"
	"github.com/snorky-go/snorky/gateway"
)

// value is one field of a Config, seen as text.
type value interface {
	// set takes the text of a flag, of a variable or of the file. Its error says what is wrong with the text and does
	// not repeat it.
	set(text string) error
	// String is the value as set takes it.
	String() string
	// literal is the value as it stands in a TOML file.
	literal() string
	// unit names, for the help, what set takes.
	unit() string
}

type address struct{ at *string }

func (v address) set(text string) error {
	if strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://") {
		return errors.New("is a URL, which is what snorky asks; snorkyd listens at HOST:PORT or :PORT")
	}
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return errors.New("is not an address; write HOST:PORT or :PORT")
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return errors.New("has no port between 0 and 65535")
	}
	*v.at = text
	return nil
}

func (v address) String() string  { return *v.at }
func (v address) literal() string { return strconv.Quote(*v.at) }
func (v address) unit() string    { return "ADDRESS" }

// addressOrNone is an address that may be left out. A variable of the environment cannot be set to the empty text, so there is
// a word for it.
type addressOrNone struct{ at *string }

func (v addressOrNone) set(text string) error {
	if text == "" || text == "none" {
		*v.at = ""
		return nil
	}
	return address(v).set(text)
}

func (v addressOrNone) String() string  { return *v.at }
func (v addressOrNone) literal() string { return strconv.Quote(*v.at) }
func (v addressOrNone) unit() string    { return "ADDRESS" }

type path struct{ at *string }

func (v path) set(text string) error {
	if strings.ContainsRune(text, 0) {
		return errors.New("is not the name of a file")
	}
	*v.at = text
	return nil
}

func (v path) String() string  { return *v.at }
func (v path) literal() string { return strconv.Quote(*v.at) }
func (v path) unit() string    { return unitFile }

// list is a setting that may be given several times: each text that it is set to adds to those before.
type list interface {
	value
	all() *[]string
}

func quotedList(texts []string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = strconv.Quote(text)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

type origins struct{ at *[]string }

func (v origins) set(text string) error {
	if gateway.ValidateOrigin(text) != nil {
		return errors.New(`is not an origin; write https://HOST, https://HOST:PORT or "*"`)
	}
	*v.at = append(*v.at, text)
	return nil
}

func (v origins) String() string  { return strings.Join(*v.at, ",") }
func (v origins) literal() string { return quotedList(*v.at) }
func (v origins) unit() string    { return "ORIGIN" }
func (v origins) all() *[]string  { return v.at }

// size is a number of bytes.
type size struct {
	at       *int
	min, max int
}

func (v size) set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil {
		var parsed units.Base2Bytes
		parsed, err = units.ParseBase2Bytes(strings.ReplaceAll(text, " ", ""))
		n = int(parsed)
	}
	if err != nil {
		return errors.New("is not a size; write bytes, or a number with KiB, MiB or GiB")
	}
	if n < v.min || n > v.max {
		return fmt.Errorf("is not between %v and %v", units.Base2Bytes(v.min), units.Base2Bytes(v.max))
	}
	*v.at = n
	return nil
}

func (v size) String() string  { return units.Base2Bytes(*v.at).String() }
func (v size) literal() string { return strconv.Quote(v.String()) }
func (v size) unit() string    { return "SIZE" }

// count is a number of things.
type count struct {
	at       *int
	min, max int
}

func (v count) set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil {
		return errors.New("is not a number")
	}
	if n < v.min || n > v.max {
		return fmt.Errorf("is not between %d and %d", v.min, v.max)
	}
	*v.at = n
	return nil
}

func (v count) String() string  { return strconv.Itoa(*v.at) }
func (v count) literal() string { return v.String() }
func (v count) unit() string    { return "NUMBER" }

// span is a duration; orNone allows 0 below min.
type span struct {
	at       *time.Duration
	min, max time.Duration
	orNone   bool
}

func (v span) set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		return errors.New("is not a duration; write a number with ms, s, m or h")
	}
	if none := v.orNone && d == 0; !none && (d < v.min || d > v.max) {
		return fmt.Errorf("is not between %s and %s", shortSpan(v.min), shortSpan(v.max))
	}
	*v.at = d
	return nil
}

func (v span) String() string  { return shortSpan(*v.at) }
func (v span) literal() string { return strconv.Quote(v.String()) }
func (v span) unit() string    { return "DURATION" }

// shortSpan writes 1m for 1m0s.
func shortSpan(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// frequency is how often something may happen.
type frequency struct{ at *limit.Rate }

func (v frequency) set(text string) error {
	r, err := limit.ParseRate(text)
	if err != nil {
		return err
	}
	*v.at = r
	return nil
}

func (v frequency) String() string  { return v.at.String() }
func (v frequency) literal() string { return strconv.Quote(v.String()) }
func (v frequency) unit() string    { return "RATE" }

type toggle struct{ at *bool }

func (v toggle) set(text string) error {
	on, err := strconv.ParseBool(text)
	if err != nil {
		return errors.New("is neither true nor false")
	}
	*v.at = on
	return nil
}

func (v toggle) String() string  { return strconv.FormatBool(*v.at) }
func (v toggle) literal() string { return v.String() }
func (v toggle) unit() string    { return "" }

type choice struct {
	at      *string
	options []string
}

func (v choice) set(text string) error {
	if !slices.Contains(v.options, text) {
		return fmt.Errorf("is none of %s", strings.Join(v.options, ", "))
	}
	*v.at = text
	return nil
}

func (v choice) String() string  { return *v.at }
func (v choice) literal() string { return strconv.Quote(*v.at) }
func (v choice) unit() string    { return strings.Join(v.options, "|") }
