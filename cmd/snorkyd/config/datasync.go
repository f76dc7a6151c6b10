package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// DataSync declares a service that keeps data in clients up to date, and its twin on the backend.
type DataSync struct {
	Name             string        // on the frontend
	Backend          string        // its name on the backend
	TokenTimeout     time.Duration // how long a subscription waits for its client
	MaxBuffered      int           // bytes that wait in one subscription for its client
	MaxBufferedTotal int           // bytes that wait in all of them
	Dealers          []Dealer      // at least one
}

// Dealer declares which subscriptions the changes of a model go to.
type Dealer struct {
	Name  string // what subscriptions call it
	Model string
	Kind  DealerKind
	Field string // of ByKey: the member of the data that is compared with the queries
}

// DealerKind says what the queries of a dealer are.
type DealerKind string

// The kinds of dealers.
const (
	ToAll    DealerKind = "broadcast" // every subscription gets all changes
	ByKey    DealerKind = "key"       // queries are values of the field
	ByFilter DealerKind = "filter"    // queries are filters
)

var dealerKinds = []string{string(ToAll), string(ByKey), string(ByFilter)}

const (
	keyTokenTimeout     = "token-timeout"
	keyMaxBuffered      = "max-buffered"
	keyMaxBufferedTotal = "max-buffered-total"
	keyDealer           = "dealer"
	keyModel            = "model"
	keyKind             = "kind"
	keyField            = "field"
)

// newDataSync is what a [[datasync]] table is that says nothing.
func newDataSync() DataSync {
	return DataSync{TokenTimeout: 2 * time.Minute, MaxBuffered: miB, MaxBufferedTotal: 64 * miB}
}

// values are the settings that are no texts, by their keys.
func (s *DataSync) values() map[string]value {
	return map[string]value{
		keyTokenTimeout:     span{&s.TokenTimeout, 100 * time.Millisecond, day, false},
		keyMaxBuffered:      size{&s.MaxBuffered, kiB, giB},
		keyMaxBufferedTotal: size{&s.MaxBufferedTotal, kiB, 1024 * giB},
	}
}

// decodeDataSync reads a [[datasync]] table. Its twin is NAME_backend unless it says otherwise.
func decodeDataSync(table map[string]any) (DataSync, error) {
	s := newDataSync()
	rest := maps.Clone(table)
	fields := s.values()
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		raw, given := rest[key]
		if !given {
			continue
		}
		delete(rest, key)
		if err := setScalar(fields[key], raw); err != nil {
			return s, fmt.Errorf("%s: %w", key, err)
		}
	}
	if raw, given := rest[keyDealer]; given {
		delete(rest, keyDealer)
		var err error
		if s.Dealers, err = decodeArray(keyDealer, errDealerBrackets, raw, decodeDealer); err != nil {
			return s, err
		}
	}
	values, err := texts(rest, keyName, keyBackend, keyTokenTimeout, keyMaxBuffered, keyMaxBufferedTotal, keyDealer)
	s.Name, s.Backend = values[keyName], values[keyName]+twinSuffix
	if backend, given := values[keyBackend]; given {
		s.Backend = backend
	}
	return s, err
}

var errDealerBrackets = errors.New("write each dealer under [[datasync.dealer]], with two brackets")

// setScalar sets a field to the one value that a file gives it.
func setScalar(field value, raw any) error {
	given, err := scalars(raw)
	if err != nil {
		return err
	}
	if _, isList := raw.([]any); isList {
		return errors.New("a list is not allowed here")
	}
	if err := field.set(given[0]); err != nil {
		return fmt.Errorf("%s %w", show(given[0]), err)
	}
	return nil
}

func decodeDealer(table map[string]any) (Dealer, error) {
	values, err := texts(table, keyName, keyModel, keyKind, keyField)
	return Dealer{Name: values[keyName], Model: values[keyModel], Kind: DealerKind(values[keyKind]), Field: values[keyField]}, err
}

func (s *DataSync) validate(taken names) error {
	if err := validateName(keyName, s.Name, taken.front); err != nil {
		return err
	}
	if err := validateName(keyBackend, s.Backend, taken.back); err != nil {
		return err
	}
	fields := s.values()
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if err := fields[key].set(fields[key].String()); err != nil {
			return fmt.Errorf("%s: %s %w", key, show(fields[key].String()), err)
		}
	}
	if len(s.Dealers) == 0 {
		return errors.New("there is no dealer: write each under [[datasync.dealer]]")
	}
	dealers := map[string]bool{}
	for i, d := range s.Dealers {
		if err := d.validate(dealers); err != nil {
			return fmt.Errorf("dealer number %d: %w", i+1, err)
		}
	}
	return nil
}

func (d Dealer) validate(taken map[string]bool) error {
	if err := validateName(keyName, d.Name, taken); err != nil {
		return err
	}
	if err := validateName(keyModel, d.Model, map[string]bool{}); err != nil {
		return err
	}
	if d.Kind == "" {
		return fmt.Errorf("kind: %w; write one of %s", errNoName, strings.Join(dealerKinds, ", "))
	}
	if !slices.Contains(dealerKinds, string(d.Kind)) {
		return fmt.Errorf("kind: %s is none of %s%s", show(string(d.Kind)), strings.Join(dealerKinds, ", "), suggest(string(d.Kind), dealerKinds, ""))
	}
	if d.Kind != ByKey {
		if d.Field != "" {
			return errors.New("field: only dealers of kind key have one")
		}
		return nil
	}
	return validateName(keyField, d.Field, map[string]bool{})
}
