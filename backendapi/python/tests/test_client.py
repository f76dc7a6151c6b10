"""What the functions of BackendClient send, return and raise."""

import json
import threading
import unittest
from typing import Any, List

from snorky_backend import (
    BackendClient,
    BackendError,
    BackendRefused,
    BadAnswer,
    SnorkyError,
)

from .fake import FakeServer, Peer, echo_params, response, server

KEY = "swordfish"


def always(body: bytes, status: str = "200 OK", headers: str = "") -> Any:
    def script(_: FakeServer, peer: Peer) -> None:
        while peer.read_request() is not None:
            peer.answer(body, status, headers)

    return script


def echo(fake: FakeServer, peer: Peer) -> None:
    fake.serve(peer, echo_params)


class Requests(unittest.TestCase):
    def test_publish(self) -> None:
        with server(echo) as fake, BackendClient(fake.url, KEY) as client:
            self.assertIsNone(client.publish("news", {"title": "Grüße \U0001f600"}))  # type: ignore[func-returns-value]
            client.publish(["list", 1], None, service="announcements_backend")
        first, second = fake.requests
        self.assertEqual(first.line, "POST /backend HTTP/1.1")
        self.assertEqual(
            json.loads(first.body),
            {
                "service": "pubsub_backend",
                "message": {
                    "command": "publish",
                    "params": {"channel": "news", "message": {"title": "Grüße \U0001f600"}},
                },
            },
        )
        self.assertEqual(json.loads(second.body)["service"], "announcements_backend")
        self.assertEqual(json.loads(second.body)["message"]["params"], {"channel": ["list", 1], "message": None})
        for wanted in ("X-Backend-Key: swordfish", "Content-Type: application/json", "Accept: application/json"):
            self.assertEqual(first.headers.count(wanted), 1, first.headers)

    def test_parameters_may_have_any_name(self) -> None:
        with server(echo) as fake, BackendClient(fake.url, KEY) as client:
            params = {"service": 1, "command": 2, "self": 3}
            self.assertEqual(client.call("s", "c", **params), params)

    def test_values_survive(self) -> None:
        with server(echo) as fake, BackendClient(fake.url, KEY) as client:
            for value in (None, 0, 2**64 + 1, -0.5, "", "\ud800", "\u2028<&>", [[]], {"": {}}, True):
                self.assertEqual(client.call("s", "c", value=value), {"value": value})

    def test_what_is_not_json_is_not_sent(self) -> None:
        with server(echo) as fake, BackendClient(fake.url, KEY) as client:
            for value in (float("nan"), float("inf")):
                with self.assertRaises(ValueError):
                    client.publish("news", value)
            with self.assertRaises(TypeError):
                client.publish("news", object())
        self.assertEqual(fake.requests, [])

    def test_address_and_key_as_given(self) -> None:
        with server(echo) as fake, BackendClient(fake.url + "?a=b", KEY.encode("ascii")) as client:
            client.call("s", "c")
        self.assertEqual(fake.requests[0].line, "POST /backend?a=b HTTP/1.1")
        self.assertIn("X-Backend-Key: swordfish", fake.requests[0].headers)


class Answers(unittest.TestCase):
    def outcome(self, script: Any, **options: Any) -> Any:
        with server(script) as fake, BackendClient(fake.url, KEY, **options) as client:
            return client.call("s", "c")

    def test_results(self) -> None:
        for text, value in (("null", None), ("9007199254740993", 2**53 + 1), ('{"a":["ü"]}', {"a": ["ü"]})):
            body = ('{"message":{"data":%s,"type":"response","callId":1}}' % text).encode("utf-8")
            self.assertEqual(self.outcome(always(body)), value)

    def test_chunked_answer(self) -> None:
        def script(_: FakeServer, peer: Peer) -> None:
            while peer.read_request() is not None:
                peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                for byte in response("[1]"):
                    peer.send(b"1\r\n%c\r\n" % byte)
                peer.send(b"0\r\n\r\n")

        self.assertEqual(self.outcome(script), [1])

    def test_answer_that_ends_with_the_connection(self) -> None:
        def script(_: FakeServer, peer: Peer) -> None:
            peer.read_request()
            peer.send(b"HTTP/1.0 200 OK\r\n\r\n" + response("2"))

        self.assertEqual(self.outcome(script), 2)

    def test_service_error(self) -> None:
        body = b'{"service":"s","message":{"type":"error","callId":null,"message":"Unknown command"}}'
        with self.assertRaises(SnorkyError) as caught:
            self.outcome(always(body))
        self.assertEqual(caught.exception.text, "Unknown command")
        self.assertEqual(str(caught.exception), "Unknown command")

    def test_refusals(self) -> None:
        for status, body, text in (
            ("401 Unauthorized", b"no key\n", "no key"),
            ("404 Not Found", b"", ""),
            ("302 Found", b"moved", "moved"),
            ("500 Internal Server Error", b"x" * 9999, "x" * 512),
            ("599 \x1b", b"\xff", "\ufffd"),
        ):
            with self.assertRaises(BackendRefused) as caught:
                self.outcome(always(body, status, "Location: http://127.0.0.1:1/\r\n"))
            self.assertEqual(caught.exception.status, int(status[:3]))
            self.assertEqual(caught.exception.text, text)
            self.assertTrue(str(caught.exception).startswith("HTTP status " + status[:3]))

    def test_nonsense(self) -> None:
        for body in (
            b"",
            b"<html>",
            b"null",
            b"[]",
            b"{}",
            b"\xff",
            b"[" * 100000,
            b'{"message":null}',
            b'{"message":{"type":"response"}}',
            b'{"message":{"type":"error"}}',
            b'{"message":{"type":"error","message":1}}',
            b'{"message":{"type":"message","data":1}}',
            response("NaN"),
            response("1") + b"x",
        ):
            with self.assertRaises(BadAnswer, msg=body[:50]):
                self.outcome(always(body))

    def test_head_that_breaks_off(self) -> None:
        def script(_: FakeServer, peer: Peer) -> None:
            peer.read_request()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Le")

        with self.assertRaises(BadAnswer):
            self.outcome(script)

    def test_size_of_answers_is_bounded(self) -> None:
        for length in (100, 101):
            body = response('"' + "x" * (length - len(response('""'))) + '"')
            self.assertEqual(len(body), length)
            if length == 100:
                self.outcome(always(body), max_answer=100)
            else:
                with self.assertRaises(BadAnswer):
                    self.outcome(always(body), max_answer=100)

        def endless(_: FakeServer, peer: Peer) -> None:
            peer.read_request()
            peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"fff\r\n" + b" " * 0xFFF + b"\r\n")
            peer.read_request()

        with self.assertRaises(BadAnswer):
            self.outcome(endless, max_answer=1000)


class Settings(unittest.TestCase):
    def test_unusable_settings(self) -> None:
        for url in ("", "127.0.0.1/backend", "/backend", "ftp://x/", "http:///x", "http://x:y/", "http://x/a b", "http://x/\r\nX: y", "http://x/ü"):
            with self.assertRaises(ValueError, msg=url):
                BackendClient(url, KEY)
        for key in ("", " ", "sword\nfish", "swordfish\r\n", "swordfish ", b"\x00fish", "\x7ffish"):
            with self.assertRaises(ValueError) as caught:
                BackendClient("http://127.0.0.1/", key)
            self.assertNotIn("fish", str(caught.exception))
        for timeout in (0, -1, float("nan")):
            with self.assertRaises(ValueError):
                BackendClient("http://127.0.0.1/", KEY, timeout)

    def test_key_is_never_shown(self) -> None:
        client = BackendClient("http://user:%s@127.0.0.1:1/backend" % KEY, KEY)
        with self.assertRaises(BackendError) as caught:
            client.call("s", "c")
        for text in (repr(client), str(caught.exception), repr(vars(client._transport))):
            self.assertNotIn(KEY, text)
        self.assertIn("http://127.0.0.1:1/backend", repr(client))


class Threads(unittest.TestCase):
    def test_calls_at_once_get_their_own_answers(self) -> None:
        problems: List[str] = []

        def work(client: BackendClient, worker: int) -> None:
            for i in range(30):
                sent = {"worker": worker, "i": i, "pad": "x" * 10 * i}
                if client.call("s", "c", **sent) != sent:
                    problems.append("worker %d got another's answer" % worker)

        with server(echo) as fake, BackendClient(fake.url, KEY) as client:
            threads = [threading.Thread(target=work, args=(client, n)) for n in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(problems, [])
        self.assertEqual(len(fake.requests), 240)
        self.assertLessEqual(fake.connections, 8)


if __name__ == "__main__":
    unittest.main()
