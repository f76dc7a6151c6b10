"""One HTTP request per call over connections that are kept alive."""

from __future__ import annotations

import contextlib
import http.client
import os
import select
import socket
import ssl
import threading
import time
from typing import List, Optional, Tuple, Union
from urllib.parse import urlsplit

from .errors import BackendRefused, BackendTimeout, BackendUnavailable, BadAnswer

#: How long a connection may lie idle, in seconds: well below the server's limit, which must not be the first to close.
MAX_IDLE_SECONDS = 30.0

#: How many idle connections are kept.
MAX_IDLE = 8

#: How much of the body of a refusal is kept, in bytes.
MAX_REFUSAL = 512

_Connection = http.client.HTTPConnection


class _NotSent(Exception):
    """The request did not get out as a whole, so that the server cannot have acted on it."""


class _Secret(bytes):
    """A key that does not show in dumps of local variables."""

    def __repr__(self) -> str:
        return "<hidden>"

    __str__ = __repr__


class Transport:
    """Sends the bodies of calls and returns those of the answers; may be used by several threads at once."""

    def __init__(
        self, url: str, key: Union[str, bytes], timeout: float, max_answer: int, tls: Optional[ssl.SSLContext]
    ) -> None:
        parts = urlsplit(url)
        visible = all(" " < character < "\x7f" for character in url)
        if not visible or parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("the address has to look like http://127.0.0.1:5801/backend")
        self._host: str = parts.hostname
        self._port: Optional[int] = parts.port
        self._tls = (tls or ssl.create_default_context()) if parts.scheme == "https" else None
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._key = _checked(key)
        self._timeout = timeout
        self._max_answer = max_answer
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._idle: List[Tuple[float, _Connection]] = []
        #: The address without what may be secret in it, for messages.
        self.place = f"{parts.scheme}://{self._host}" + (f":{self._port}" if self._port else "") + parts.path

    def exchange(self, body: bytes, more: int = 0) -> bytes:
        """Send one request and return the body of its 200, which may be longer than usual by so many bytes."""
        most = self._max_answer + more
        deadline = time.monotonic() + self._timeout
        connection = self._take()
        if connection is not None:
            with contextlib.suppress(_NotSent):
                return self._attempt(connection, body, deadline, most)
        connection = self._connect(deadline)
        try:
            return self._attempt(connection, body, deadline, most)
        except _NotSent as problem:
            raise BackendUnavailable(f"sending to {self.place}: {problem}", False) from problem

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.close()

    def _take(self) -> Optional[_Connection]:
        """An idle connection that is still good, if there is one."""
        if self._process != os.getpid():
            self._process = os.getpid()
            self.close()  # this process's copies of them: the parent goes on using its own
        while True:
            with self._lock:
                if not self._idle:
                    return None
                since, connection = self._idle.pop()
            if time.monotonic() - since < MAX_IDLE_SECONDS and not _is_stale(connection):
                return connection
            connection.close()

    def _give(self, connection: _Connection) -> None:
        with self._lock:
            if len(self._idle) < MAX_IDLE:
                self._idle.append((time.monotonic(), connection))
                return
        connection.close()

    def _connect(self, deadline: float) -> _Connection:
        connection = (
            http.client.HTTPSConnection(self._host, self._port, context=self._tls)
            if self._tls
            else http.client.HTTPConnection(self._host, self._port)
        )
        try:
            connection.timeout = _left(deadline)
            connection.connect()
        except OSError as problem:
            connection.close()
            kind = BackendTimeout if isinstance(problem, socket.timeout) else BackendUnavailable
            raise kind(f"connecting to {self.place}: {problem}", False) from problem
        return connection

    def _attempt(self, connection: _Connection, body: bytes, deadline: float, most: int) -> bytes:
        """One request on one connection, which is kept for the next one or closed."""
        keep = False
        try:
            unsent = self._send(connection, body, deadline)
            try:
                status, reason, answer, keep = self._receive(connection, deadline, most)
            except (OSError, http.client.HTTPException):
                if unsent is not None:
                    raise _NotSent(str(unsent)) from unsent
                raise
        except socket.timeout as problem:
            raise BackendTimeout(f"{self.place} did not answer within {self._timeout:g} s", True) from problem
        except (OSError, http.client.HTTPException) as problem:
            text = str(problem) or type(problem).__name__
            raise BackendUnavailable(f"waiting for {self.place}: {text}", True) from problem
        finally:
            if keep:
                self._give(connection)
            else:
                connection.close()
        if status != http.client.OK:
            raise BackendRefused(status, reason, answer[:MAX_REFUSAL].decode("utf-8", "replace").strip())
        if len(answer) > most:
            raise BadAnswer(f"the answer has more than {most} bytes")
        return answer

    def _send(self, connection: _Connection, body: bytes, deadline: float) -> Optional[OSError]:
        """Send the request. A server may refuse it and close before all is out: then its answer can still be there."""
        _limit(connection, deadline)
        try:
            connection.putrequest("POST", self._target, skip_accept_encoding=True)
            connection.putheader("X-Backend-Key", self._key)
            connection.putheader("Content-Type", "application/json")
            connection.putheader("Accept", "application/json")
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
        except socket.timeout:
            raise
        except OSError as problem:
            return problem
        return None

    def _receive(self, connection: _Connection, deadline: float, most: int) -> Tuple[int, str, bytes, bool]:
        """The answer, of which no more than ``most`` bytes are wanted, and whether the connection can be used again."""
        wire = connection.sock  # the response takes it over if the server wants to close
        _limit(connection, deadline)
        # Errors on the way close the connection, and the response with it.
        response = connection.getresponse()
        with response:
            if response.status != http.client.OK:
                most = MAX_REFUSAL
            pieces: List[bytes] = []
            size = 0
            while size <= most and not response.isclosed():  # newer versions close it at its last byte
                wire.settimeout(_left(deadline))
                piece = response.read1(most + 1 - size)
                if not piece:
                    break
                pieces.append(piece)
                size += len(piece)
            if response.length:  # promised and not delivered, or more than is wanted
                if size <= most:
                    raise http.client.IncompleteRead(b"".join(pieces), response.length)
                return response.status, response.reason, b"".join(pieces), False
            return response.status, response.reason, b"".join(pieces), not response.will_close and size <= most


def _checked(key: Union[str, bytes]) -> _Secret:
    raw = key.encode("utf-8") if isinstance(key, str) else key
    if not raw or raw.strip(b" \t") != raw or any(byte < 32 and byte != 9 or byte == 127 for byte in raw):
        raise ValueError("the key is empty, has blanks at its ends or holds control characters")
    return _Secret(raw)


def _is_stale(connection: _Connection) -> bool:
    """Whether the server has closed an idle connection, or said something nobody asked for."""
    if connection.sock is None:
        return True
    if hasattr(select, "poll"):
        poller = select.poll()
        poller.register(connection.sock, select.POLLIN)
        return bool(poller.poll(0))
    return bool(select.select([connection.sock], [], [], 0)[0])


def _left(deadline: float) -> float:
    """The seconds until the deadline."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise socket.timeout("the time is over")
    return left


def _limit(connection: _Connection, deadline: float) -> None:
    connection.sock.settimeout(_left(deadline))
