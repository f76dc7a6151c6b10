"""What can go wrong with a call. No error ever shows the key."""

from __future__ import annotations

from typing import Dict


class BackendError(Exception):
    """Base of all errors of this package."""


class SnorkyError(BackendError):
    """The service answered with an error, such as ``Invalid params``."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        #: What the service said.
        self.text = text


class BatchError(SnorkyError):
    """The service refused some items of a batch. All others were published."""

    def __init__(self, items: int, refused: Dict[int, str]) -> None:
        super().__init__(next(iter(refused.values())))
        #: How many items the batch had.
        self.items = items
        #: What the service said to each item that was not published, by its position from 0; ``text`` is the first.
        self.refused = refused

    def __str__(self) -> str:
        return f"{len(self.refused)} of {self.items} refused; number {next(iter(self.refused))}: {self.text}"


class BackendRefused(BackendError):
    """The server answered with a status other than 200, such as 401 for a wrong key or 404 for an unknown service."""

    def __init__(self, status: int, reason: str, text: str) -> None:
        super().__init__(f"HTTP status {status} {reason}: {text!r}" if text else f"HTTP status {status} {reason}")
        self.status = status
        #: The beginning of what the server said about it.
        self.text = text


class BackendUnavailable(BackendError):
    """The server cannot be reached, or the connection broke before the answer was complete."""

    def __init__(self, text: str, may_have_happened: bool) -> None:
        super().__init__(text)
        #: False if the call was certainly not carried out, so that it can be repeated without harm.
        self.may_have_happened = may_have_happened


class BackendTimeout(BackendUnavailable):
    """The time was over before the answer was complete."""


class BadAnswer(BackendError):
    """The other end does not speak Snorky's protocol, or says more than is accepted. The call may have happened."""
