package wire

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"testing"
)

// The texts are those of PROTOCOL.md section 14, to the letter.
func TestErrorTexts(t *testing.T) {
	codes := map[string]bool{}
	for text, err := range map[string]*Error{
		"Unknown command": ErrUnknownCommand, "Invalid params": ErrInvalidParams, "Internal error": ErrInternal,
		"Too many requests":  ErrTooManyRequests,
		"Already subscribed": ErrAlreadySubscribed, "Not subscribed": ErrNotSubscribed, "Not authorized": ErrNotAuthorized,
		"Authorization unavailable": ErrAuthorizationUnavailable,
		"Too many subscriptions":    ErrTooManySubscriptions, "Channel name too long": ErrChannelTooLong,
		"Name already registered": ErrNameAlreadyRegistered, "Name not allowed": ErrNameNotAllowed,
		"Unknown participant": ErrUnknownParticipant, "Invalid participant": ErrInvalidParticipant,
		"Invalid sender": ErrInvalidSender, "Unknown destination": ErrUnknownDestination,
		"Not authenticated": ErrNotAuthenticated, "Invalid token": ErrInvalidToken,
		"Identity cannot change": ErrIdentityFixed, "Forbidden": ErrForbidden, "Temporarily unavailable": ErrUnavailable,
		"Already joined": ErrAlreadyJoined, "Not joined": ErrNotJoined,
		"Reused handle": ErrReusedHandle, "Too many cursors": ErrTooManyCursors, "No such cursor": ErrNoSuchCursor,
		"token must be string": ErrTokenNotString, "No such subscription": ErrNoSuchSubscription, "Already acquired": ErrAlreadyAcquired,
		"Subscription overflowed":        ErrSubscriptionOverflowed,
		"dealer should be a dealer name": ErrDealerNotName, "No such dealer": ErrNoSuchDealer, "Bad query": ErrBadQuery,
		"Missing field 'dealer'": MissingField("dealer"), "model must be string": ErrModelNotString,
		"Invalid delta type": ErrInvalidDeltaType, "No such model": ErrNoSuchModel,
	} {
		if err.Text != text || err.Error() != text {
			t.Errorf("%q, want %q", err, text)
		}
		if err.Code == "" || codes[err.Code] {
			t.Errorf("%q has code %q, as others", text, err.Code)
		}
		codes[err.Code] = true
	}
}

func TestErrorsAreComparedByCode(t *testing.T) {
	own := NewError("out_of_stock", "Out of stock")
	wrapped := fmt.Errorf("order 7: %w", own)
	if !errors.Is(wrapped, own) || !errors.Is(wrapped, NewError("out_of_stock", "Ausverkauft")) {
		t.Error("an error is not itself")
	}
	if errors.Is(wrapped, ErrInternal) || errors.Is(own, errors.New("Out of stock")) {
		t.Error("an error is another")
	}
	if !errors.Is(MissingField("a"), MissingField("b")) {
		t.Error("missing fields are different errors")
	}
	var shown *Error
	if !errors.As(wrapped, &shown) || shown.Text != "Out of stock" {
		t.Error("the text is lost")
	}
}

var newErrors = regexp.MustCompile(`NewError\("([a-z_]+)"`)

// An error that is added to the source is one of those that are counted from 0.
func TestCodesAreAllThereAre(t *testing.T) {
	source, err := os.ReadFile("errors.go")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, found := range newErrors.FindAllSubmatch(source, -1) {
		want = append(want, string(found[1]))
	}
	if got := Codes(); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
