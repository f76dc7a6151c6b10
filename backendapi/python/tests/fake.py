"""A server that does what a test tells it to."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from typing import Callable, Iterator, List, NamedTuple, Optional

PATIENCE = 20.0


class Request(NamedTuple):
    line: str
    headers: List[str]
    body: bytes


class Peer:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._file = sock.makefile("rb")

    def read_request(self) -> Optional[Request]:
        """The next request, or None when the client has closed the connection."""
        head = []
        while True:
            line = self._file.readline()
            if not line:
                return None
            if line == b"\r\n":
                break
            head.append(line.decode("latin-1").strip())
        length = next(int(h.split(":")[1]) for h in head if h.lower().startswith("content-length:"))
        return Request(head[0], head[1:], self._file.read(length))

    def send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self.sock.sendall(data)

    def answer(self, body: bytes, status: str = "200 OK", headers: str = "") -> None:
        self.send(f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode("ascii") + body)

    def close(self) -> None:
        self._file.close()
        self.sock.close()


class FakeServer:
    """Runs a function for each connection, in a thread of its own, and remembers what was asked."""

    def __init__(self, script: Callable[[FakeServer, Peer], None]) -> None:
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._peers: List[Peer] = []
        self._threads: List[threading.Thread] = []
        self.requests: List[Request] = []
        self.connections = 0
        #: Set at the end of the test, for scripts that have to hold a connection open.
        self.over = threading.Event()
        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()

    @property
    def url(self) -> str:
        return "http://127.0.0.1:%d/backend" % self._listener.getsockname()[1]

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self.over.is_set():
                sock.close()
                return
            self.connections += 1
            peer = Peer(sock)
            self._peers.append(peer)
            thread = threading.Thread(target=self._run, args=(peer,))
            self._threads.append(thread)
            thread.start()

    def _run(self, peer: Peer) -> None:
        with contextlib.suppress(OSError):
            self._script(self, peer)
        peer.close()

    def serve(self, peer: Peer, answer: Callable[[Request], bytes]) -> None:
        """Answer the requests of a connection until the client closes it."""
        while True:
            request = peer.read_request()
            if request is None:
                return
            self.requests.append(request)
            peer.answer(answer(request))

    def close(self) -> None:
        self.over.set()
        with contextlib.suppress(OSError), socket.create_connection(self._listener.getsockname(), PATIENCE):
            self._acceptor.join(PATIENCE)
        self._listener.close()
        for peer in self._peers:
            with contextlib.suppress(OSError):
                peer.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)


@contextlib.contextmanager
def server(script: Callable[[FakeServer, Peer], None]) -> Iterator[FakeServer]:
    fake = FakeServer(script)
    try:
        yield fake
    finally:
        fake.close()


def response(data: str = "null") -> bytes:
    return b'{"service":"s","message":{"type":"response","data":%s}}' % data.encode("ascii")


def echo_params(request: Request) -> bytes:
    return response(json.dumps(json.loads(request.body)["message"]["params"]))
