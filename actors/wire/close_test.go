package wire

import (
	"errors"
	"fmt"
	"testing"
)

func TestReconnect(t *testing.T) {
	for _, test := range []struct {
		want  ReconnectAdvice
		codes []CloseCode
	}{
		{Now, []CloseCode{
			CloseGoingAway, CloseNoStatus, CloseAbnormal, CloseInternalError, CloseServiceRestart, CloseBadGateway,
			CloseSlowReader, ClosePongTimeout, CloseWriteTimeout, 4000, 4050, 4099, 0, 999, 1004, 2999, 3000, 3999, 4300, 4999, 65535,
		}},
		{Later, []CloseCode{CloseTryAgainLater, CloseTLSHandshake, CloseOverloaded, CloseTooManyConnections, CloseTooManyRequests, 4100, 4199}},
		{Never, []CloseCode{
			CloseNormal, CloseProtocolError, CloseUnsupportedData, CloseInvalidPayload, ClosePolicyViolation, CloseTooBig,
			CloseMissingExtension, CloseForbidden, CloseReplaced, 4200, 4299,
		}},
	} {
		for _, code := range test.codes {
			if got := code.Reconnect(); got != test.want {
				t.Errorf("after %d: %d, want %d", code, got, test.want)
			}
		}
	}
}

func TestSendable(t *testing.T) {
	for code := range CloseCode(6000) {
		want := code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006 || code >= 3000 && code <= 4999
		if code.Sendable() != want {
			t.Errorf("%d may be sent: %t", code, !want)
		}
	}
}

func TestCloseError(t *testing.T) {
	err := fmt.Errorf("reading: %w", &CloseError{Code: CloseTooBig, Reason: "too big"})
	var closed *CloseError
	if !errors.As(err, &closed) || closed.Code != CloseTooBig {
		t.Errorf("%v", err)
	}
	if got, want := err.Error(), "reading: closed with code 1009: too big"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := (&CloseError{Code: CloseSlowReader}).Error(), "closed with code 4000"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
