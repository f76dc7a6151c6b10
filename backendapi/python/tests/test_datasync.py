"""Subscriptions and deltas: what is sent, and what comes back."""

import json
import unittest
from typing import Any, Callable

from snorky_backend import BackendClient, BadAnswer, Item, SnorkyError, delete, insert, update

from .fake import FakeServer, Peer, response, server

KEY = "swordfish"


def always(body: bytes) -> Callable[[FakeServer, Peer], None]:
    def script(fake: FakeServer, peer: Peer) -> None:
        fake.serve(peer, lambda _: body)

    return script


TOKEN = response('"secret"')


class Requests(unittest.TestCase):
    def sent(self, do: Callable[[BackendClient], Any]) -> Any:
        with server(always(TOKEN)) as fake, BackendClient(fake.url, KEY) as client:
            do(client)
        (request,) = fake.requests
        return json.loads(request.body)

    def test_authorize_subscription(self) -> None:
        def do(client: BackendClient) -> None:
            items = [("FilteredTasks", ["==", "owner", "ann"]), Item("AllTasks"), Item("TasksByOwner", {"a": [1]})]
            self.assertEqual(client.authorize_subscription(items), "secret")

        self.assertEqual(
            self.sent(do),
            {
                "service": "datasync_backend",
                "message": {
                    "command": "authorizeSubscription",
                    "params": {
                        "items": [
                            {"dealer": "FilteredTasks", "query": ["==", "owner", "ann"]},
                            {"dealer": "AllTasks", "query": None},
                            {"dealer": "TasksByOwner", "query": {"a": [1]}},
                        ]
                    },
                },
            },
        )

    def test_publish_deltas(self) -> None:
        deltas = [insert("Task", {"id": 1}), update("Task", old={"id": 1}, new={"id": 2}), delete("Note", None)]
        self.assertEqual(
            self.sent(lambda client: client.publish_deltas(iter(deltas), service="sync")),
            {
                "service": "sync",
                "message": {
                    "command": "publishDeltas",
                    "params": {
                        "deltas": [
                            {"type": "insert", "model": "Task", "data": {"id": 1}},
                            {"type": "update", "model": "Task", "newData": {"id": 2}, "oldData": {"id": 1}},
                            {"type": "delete", "model": "Note", "data": None},
                        ]
                    },
                },
            },
        )

    def test_nothing(self) -> None:
        sent = self.sent(lambda client: client.authorize_subscription([]))
        self.assertEqual(sent["message"]["params"], {"items": []})
        sent = self.sent(lambda client: client.publish_deltas([]))
        self.assertEqual(sent["message"]["params"], {"deltas": []})

    def test_what_is_no_list_is_not_sent(self) -> None:
        with server(always(TOKEN)) as fake, BackendClient(fake.url, KEY) as client:
            for wrong in ("ab", b"ab", insert("Task", 1), 5, None):
                anything: Any = wrong
                with self.assertRaises(TypeError):
                    client.publish_deltas(anything)
                with self.assertRaises(TypeError):
                    client.authorize_subscription(anything)
            with self.assertRaises(ValueError):
                client.publish_deltas([insert("Task", float("inf"))])
        self.assertEqual(fake.requests, [])


class Outcomes(unittest.TestCase):
    def test_errors_of_the_service(self) -> None:
        refusal = b'{"service":"s","message":{"type":"error","callId":null,"message":"No such model"}}'
        with server(always(refusal)) as fake, BackendClient(fake.url, KEY) as client:
            for do in (
                lambda: client.publish_deltas([insert("None", 1)]),
                lambda: client.authorize_subscription([("all", 1)]),
            ):
                with self.assertRaises(SnorkyError) as caught:
                    do()
                self.assertEqual(caught.exception.text, "No such model")

    def test_tokens_that_make_no_sense(self) -> None:
        for data in ("null", "1", '["t"]', '{"token":"t"}'):
            with self.subTest(data), server(always(response(data))) as fake, BackendClient(fake.url, KEY) as client:
                with self.assertRaises(BadAnswer):
                    client.authorize_subscription([])


if __name__ == "__main__":
    unittest.main()
