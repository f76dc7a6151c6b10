package wire

// Error is an error that a stranger gets to see: the answer to a request, and nothing about its cause.
type Error struct {
	// Code names the error in logs and programs; it never changes.
	Code string
	// Text is what goes over the wire (PROTOCOL.md section 14).
	Text string
}

// NewError returns an error for the services of an application.
func NewError(code, text string) *Error { return &Error{Code: code, Text: text} }

// Error implements error with the text that goes over the wire.
func (e *Error) Error() string { return e.Text }

// Is makes errors of one code equal for errors.Is.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Errors of every RPC service (PROTOCOL.md section 14).
var (
	ErrUnknownCommand = NewError("unknown_command", "Unknown command")
	ErrInvalidParams  = NewError("invalid_params", "Invalid params")
	ErrInternal       = NewError("internal_error", "Internal error")
	// ErrTooManyRequests refuses what is over a limit of the operator's. Nothing was done; it may be tried again later.
	ErrTooManyRequests = NewError("too_many_requests", "Too many requests")
)

// Errors that say why a client is not admitted, and those of the service session. ErrNotAuthenticated is also one of
// Chat and Cursors.
var (
	ErrNotAuthenticated = NewError("not_authenticated", "Not authenticated")
	ErrInvalidToken     = NewError("invalid_token", "Invalid token")
	ErrIdentityFixed    = NewError("identity_fixed", "Identity cannot change")
	ErrForbidden        = NewError("forbidden", "Forbidden")
	ErrUnavailable      = NewError("unavailable", "Temporarily unavailable")
)

// Errors of PubSub.
var (
	ErrAlreadySubscribed = NewError("already_subscribed", "Already subscribed")
	ErrNotSubscribed     = NewError("not_subscribed", "Not subscribed")
	ErrNotAuthorized     = NewError("not_authorized", "Not authorized")
	// ErrAuthorizationUnavailable refuses what the application has to allow, when it does not say. It may be tried again.
	ErrAuthorizationUnavailable = NewError("authorization_unavailable", "Authorization unavailable")
	ErrTooManySubscriptions     = NewError("too_many_subscriptions", "Too many subscriptions")
	ErrChannelTooLong           = NewError("channel_too_long", "Channel name too long")
)

// Errors of Messaging.
var (
	ErrNameAlreadyRegistered = NewError("name_already_registered", "Name already registered")
	ErrNameNotAllowed        = NewError("name_not_allowed", "Name not allowed")
	ErrUnknownParticipant    = NewError("unknown_participant", "Unknown participant")
	ErrInvalidParticipant    = NewError("invalid_participant", "Invalid participant")
	ErrInvalidSender         = NewError("invalid_sender", "Invalid sender")
	ErrUnknownDestination    = NewError("unknown_destination", "Unknown destination")
)

// Errors of Chat and Cursors.
var (
	ErrAlreadyJoined  = NewError("already_joined", "Already joined")
	ErrNotJoined      = NewError("not_joined", "Not joined")
	ErrReusedHandle   = NewError("reused_handle", "Reused handle")
	ErrTooManyCursors = NewError("too_many_cursors", "Too many cursors")
	ErrNoSuchCursor   = NewError("no_such_cursor", "No such cursor")
)

// Errors of DataSync and its backend.
var (
	ErrTokenNotString         = NewError("token_not_string", "token must be string")
	ErrNoSuchSubscription     = NewError("no_such_subscription", "No such subscription")
	ErrAlreadyAcquired        = NewError("already_acquired", "Already acquired")
	ErrSubscriptionOverflowed = NewError("subscription_overflowed", "Subscription overflowed")
	ErrDealerNotName          = NewError("dealer_not_name", "dealer should be a dealer name")
	ErrNoSuchDealer           = NewError("no_such_dealer", "No such dealer")
	ErrBadQuery               = NewError("bad_query", "Bad query")
	ErrModelNotString         = NewError("model_not_string", "model must be string")
	ErrInvalidDeltaType       = NewError("invalid_delta_type", "Invalid delta type")
	ErrNoSuchModel            = NewError("no_such_model", "No such model")
)

// MissingField returns the error of a DataSync item or delta that lacks a member.
func MissingField(name string) *Error {
	return NewError("missing_field", "Missing field '"+name+"'")
}

var errorsOfServices = [...]*Error{
	ErrUnknownCommand, ErrInvalidParams, ErrInternal, ErrTooManyRequests, ErrNotAuthenticated, ErrInvalidToken,
	ErrIdentityFixed, ErrForbidden, ErrUnavailable, ErrAlreadySubscribed, ErrNotSubscribed, ErrNotAuthorized,
	ErrAuthorizationUnavailable, ErrTooManySubscriptions, ErrChannelTooLong, ErrNameAlreadyRegistered,
	ErrNameNotAllowed, ErrUnknownParticipant, ErrInvalidParticipant, ErrInvalidSender, ErrUnknownDestination,
	ErrAlreadyJoined, ErrNotJoined, ErrReusedHandle, ErrTooManyCursors, ErrNoSuchCursor, ErrTokenNotString,
	ErrNoSuchSubscription, ErrAlreadyAcquired, ErrSubscriptionOverflowed, ErrDealerNotName, ErrNoSuchDealer,
	ErrBadQuery, ErrModelNotString, ErrInvalidDeltaType, ErrNoSuchModel,
	MissingField(""),
}

// Codes returns the codes of all errors of this package. Who counts by code begins with these at 0: a rate needs a value
// before the first event.
func Codes() []string {
	codes := make([]string, len(errorsOfServices))
	for i, err := range errorsOfServices {
		codes[i] = err.Code
	}
	return codes
}
