"""Batches: what is sent, and what becomes of each item."""

import json
import unittest
from typing import Any, Callable, List

from snorky_backend import BackendClient, BackendRefused, BadAnswer, BatchError, SnorkyError

from .fake import FakeServer, Peer, Request, response, server

KEY = "swordfish"

PUBLISHED = {"status": "published"}


def refused(text: str) -> Any:
    return {"status": "refused", "error": text}


def results(*each: Any) -> bytes:
    return response(json.dumps({"results": each}))


def all_published(fake: FakeServer, peer: Peer) -> None:
    def answer(request: Request) -> bytes:
        params = json.loads(request.body)["message"]["params"]
        return results(*[PUBLISHED] * len(params.get("messages", params.get("channels"))))

    fake.serve(peer, answer)


def always(body: bytes, status: str = "200 OK") -> Callable[[FakeServer, Peer], None]:
    def script(fake: FakeServer, peer: Peer) -> None:
        while True:
            request = peer.read_request()
            if request is None:
                return
            fake.requests.append(request)
            peer.answer(body, status)

    return script


class Requests(unittest.TestCase):
    def sent(self, do: Callable[[BackendClient], None]) -> Any:
        with server(all_published) as fake, BackendClient(fake.url, KEY) as client:
            do(client)
        (request,) = fake.requests
        return json.loads(request.body)

    def test_publish_many(self) -> None:
        self.assertEqual(
            self.sent(lambda client: client.publish_many("news", [1, None, {"a": "\u00fc"}])),
            {
                "service": "pubsub_backend",
                "message": {
                    "command": "publishMany",
                    "params": {"channel": "news", "messages": [1, None, {"a": "\u00fc"}]},
                },
            },
        )

    def test_broadcast(self) -> None:
        self.assertEqual(
            self.sent(lambda client: client.broadcast(["a", 1, ["b"]], {"x": []}, service="announcements_backend")),
            {
                "service": "announcements_backend",
                "message": {
                    "command": "broadcast",
                    "params": {"channels": ["a", 1, ["b"]], "message": {"x": []}},
                },
            },
        )

    def test_anything_that_can_be_iterated_over(self) -> None:
        sent = self.sent(lambda client: client.publish_many(1, (n * n for n in range(4))))
        self.assertEqual(sent["message"]["params"]["messages"], [0, 1, 4, 9])
        sent = self.sent(lambda client: client.broadcast(("a", "b"), 1))
        self.assertEqual(sent["message"]["params"]["channels"], ["a", "b"])

    def test_nothing(self) -> None:
        sent = self.sent(lambda client: client.publish_many("news", []))
        self.assertEqual(sent["message"]["params"], {"channel": "news", "messages": []})
        sent = self.sent(lambda client: client.broadcast([], "news"))
        self.assertEqual(sent["message"]["params"], {"channels": [], "message": "news"})

    def test_what_is_no_list_is_not_sent(self) -> None:
        with server(all_published) as fake, BackendClient(fake.url, KEY) as client:
            for items in ("news", b"news", bytearray(b"news"), {"a": 1}, 5, None):
                wrong: Any = items
                with self.assertRaises(TypeError):
                    client.publish_many("news", wrong)
                with self.assertRaises(TypeError):
                    client.broadcast(wrong, 1)
            with self.assertRaises(ValueError):
                client.publish_many("news", [1, float("nan")])
        self.assertEqual(fake.requests, [])


class Outcomes(unittest.TestCase):
    def test_items_that_are_refused(self) -> None:
        answer = results(PUBLISHED, refused("Not today"), PUBLISHED, refused("Invalid params"))
        with server(always(answer)) as fake, BackendClient(fake.url, KEY) as client:
            for do in (
                lambda: client.publish_many("news", [1, 2, 3, 4]),
                lambda: client.broadcast([1, 2, 3, 4], "m"),
            ):
                with self.assertRaises(BatchError) as caught:
                    do()
                self.assertEqual(caught.exception.items, 4)
                self.assertEqual(caught.exception.refused, {1: "Not today", 3: "Invalid params"})
                self.assertEqual(caught.exception.text, "Not today")
                self.assertIsInstance(caught.exception, SnorkyError)
                self.assertEqual(str(caught.exception), "2 of 4 refused; number 1: Not today")

    def test_batches_that_fail_as_a_whole(self) -> None:
        unknown = b'{"service":"s","message":{"type":"error","callId":null,"message":"Unknown command"}}'
        with server(always(unknown)) as fake, BackendClient(fake.url, KEY) as client:
            with self.assertRaises(SnorkyError) as caught:
                client.publish_many("news", [1])
            self.assertNotIsInstance(caught.exception, BatchError)
            self.assertEqual(caught.exception.text, "Unknown command")
        with server(always(b"too large", "413 Request Entity Too Large")) as fake, BackendClient(fake.url, KEY) as client:
            with self.assertRaises(BackendRefused) as refusal:
                client.broadcast([1, 2], 3)
            self.assertEqual(refusal.exception.status, 413)
            self.assertEqual(len(fake.requests), 1)

    def test_results_that_make_no_sense(self) -> None:
        answers: List[bytes] = [response(text) for text in ("null", "[]", "{}", "1", '{"results":null}', '{"results":{}}')]
        answers += [
            results(PUBLISHED),
            results(PUBLISHED, PUBLISHED, PUBLISHED),
            results(PUBLISHED, {"status": "lost"}),
            results(PUBLISHED, {"status": "refused"}),
            results(PUBLISHED, refused_with_number()),
            results(PUBLISHED, "published"),
            results(1, 2),
        ]
        for answer in answers:
            with self.subTest(answer), server(always(answer)) as fake, BackendClient(fake.url, KEY) as client:
                with self.assertRaises(BadAnswer):
                    client.publish_many("news", [1, 2])

    def test_answers_may_be_as_long_as_their_items_need(self) -> None:
        answer = results(*[refused("Invalid params")] * 1000)
        with server(always(answer)) as fake, BackendClient(fake.url, KEY, max_answer=1000) as client:
            with self.assertRaises(BatchError) as caught:
                client.broadcast(range(1000), None)
            self.assertEqual(len(caught.exception.refused), 1000)
        with server(always(answer + b" " * 100000)) as fake, BackendClient(fake.url, KEY, max_answer=1000) as client:
            with self.assertRaises(BadAnswer):
                client.broadcast(range(1000), None)


def refused_with_number() -> Any:
    return {"status": "refused", "error": 1}


if __name__ == "__main__":
    unittest.main()
