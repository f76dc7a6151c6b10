"""Connections that are kept, break, or keep silent."""

import os
import socket
import threading
import unittest
from unittest import mock

from snorky_backend import BackendClient, BackendRefused, BackendTimeout, BackendUnavailable, transport

from .fake import PATIENCE, FakeServer, Peer, response, server

KEY = "swordfish"


def counting(fake: FakeServer, peer: Peer) -> None:
    fake.serve(peer, lambda _: response(str(len(fake.requests))))


class KeptConnections(unittest.TestCase):
    def test_calls_share_a_connection(self) -> None:
        with server(counting) as fake, BackendClient(fake.url, KEY) as client:
            self.assertEqual([client.call("s", "c") for _ in range(5)], [1, 2, 3, 4, 5])
        self.assertEqual(fake.connections, 1)

    def test_errors_keep_the_connection(self) -> None:
        def refusing(fake: FakeServer, peer: Peer) -> None:
            while peer.read_request() is not None:
                peer.answer(b"no", "400 Bad Request")

        with server(refusing) as fake, BackendClient(fake.url, KEY) as client:
            for _ in range(3):
                with self.assertRaises(BackendRefused):
                    client.call("s", "c")
        self.assertEqual(fake.connections, 1)

    def test_server_that_closes_after_each_answer(self) -> None:
        def closing(fake: FakeServer, peer: Peer) -> None:
            request = peer.read_request()
            assert request is not None
            fake.requests.append(request)
            peer.answer(response(), headers="Connection: close\r\n")

        with server(closing) as fake, BackendClient(fake.url, KEY) as client:
            for _ in range(3):
                client.call("s", "c")
        self.assertEqual((fake.connections, len(fake.requests)), (3, 3))

    def test_connection_that_the_server_closed_while_idle(self) -> None:
        closed = threading.Semaphore(0)

        def one_each(fake: FakeServer, peer: Peer) -> None:
            request = peer.read_request()
            assert request is not None
            fake.requests.append(request)
            peer.answer(response())
            peer.close()
            closed.release()

        with server(one_each) as fake, BackendClient(fake.url, KEY) as client:
            for _ in range(20):
                client.call("s", "c")
                self.assertTrue(closed.acquire(timeout=PATIENCE))
        self.assertEqual((fake.connections, len(fake.requests)), (20, 20))

    def test_old_idle_connections_are_not_used(self) -> None:
        with server(counting) as fake, BackendClient(fake.url, KEY) as client:
            client.call("s", "c")
            with mock.patch.object(transport, "MAX_IDLE_SECONDS", 0.0):
                client.call("s", "c")
        self.assertEqual(fake.connections, 2)

    def test_number_of_idle_connections_is_bounded(self) -> None:
        with server(counting) as fake, BackendClient(fake.url, KEY) as client:
            with mock.patch.object(transport, "MAX_IDLE", 0):
                client.call("s", "c")
                client.call("s", "c")
        self.assertEqual(fake.connections, 2)

    def test_closed_client_opens_new_connections(self) -> None:
        with server(counting) as fake, BackendClient(fake.url, KEY) as client:
            client.call("s", "c")
            client.close()
            client.call("s", "c")
        self.assertEqual(fake.connections, 2)

    def test_child_process_does_not_use_the_connections_of_its_parent(self) -> None:
        with server(counting) as fake, BackendClient(fake.url, KEY) as client:
            client.call("s", "c")
            with mock.patch.object(os, "getpid", return_value=-1):
                client.call("s", "c")
                client.call("s", "c")
        self.assertEqual((fake.connections, len(fake.requests)), (2, 3))


class BrokenConnections(unittest.TestCase):
    def test_nobody_listens(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        listener.close()
        with self.assertRaises(BackendUnavailable) as caught:
            BackendClient("http://127.0.0.1:%d/backend" % port, KEY).call("s", "c")
        self.assertFalse(caught.exception.may_have_happened)

    def test_unknown_host(self) -> None:
        with mock.patch("socket.getaddrinfo", side_effect=socket.gaierror("unknown")):
            with self.assertRaises(BackendUnavailable) as caught:
                BackendClient("http://host.invalid/backend", KEY).call("s", "c")
        self.assertFalse(caught.exception.may_have_happened)

    def test_request_that_was_received_is_not_repeated(self) -> None:
        def second_unanswered(fake: FakeServer, peer: Peer) -> None:
            while len(fake.requests) != 1:
                request = peer.read_request()
                if request is None:
                    return
                fake.requests.append(request)
                peer.answer(response())
            request = peer.read_request()
            assert request is not None
            fake.requests.append(request)

        with server(second_unanswered) as fake, BackendClient(fake.url, KEY) as client:
            client.call("s", "c")
            with self.assertRaises(BackendUnavailable) as caught:
                client.call("s", "c")
            self.assertTrue(caught.exception.may_have_happened)
            self.assertEqual(len(fake.requests), 2)
            client.call("s", "c")

    def test_request_that_did_not_get_out_is_repeated_once(self) -> None:
        with server(counting) as fake, BackendClient(fake.url, KEY) as client:
            client.call("s", "c")
            client._transport._idle[0][1].sock.shutdown(socket.SHUT_RDWR)
            with mock.patch.object(transport, "_is_stale", return_value=False):
                self.assertEqual(client.call("s", "c"), 2)
        self.assertEqual(fake.connections, 2)

    def test_request_that_does_not_get_out_at_all(self) -> None:
        with server(counting) as fake, BackendClient(fake.url, KEY) as client:
            with mock.patch("http.client.HTTPConnection.endheaders", side_effect=BrokenPipeError("broken")):
                with mock.patch("http.client.HTTPConnection.getresponse", side_effect=ConnectionResetError()):
                    with self.assertRaises(BackendUnavailable) as caught:
                        client.call("s", "c")
        self.assertFalse(caught.exception.may_have_happened)
        self.assertEqual(fake.requests, [])

    def test_refusal_of_a_request_that_did_not_get_out(self) -> None:
        def refuse_unread(fake: FakeServer, peer: Peer) -> None:
            peer.answer(b"too large", "413 Request Entity Too Large", "Connection: close\r\n")
            fake.over.wait(PATIENCE)

        with server(refuse_unread) as fake, BackendClient(fake.url, KEY) as client:
            with mock.patch("http.client.HTTPConnection.endheaders", side_effect=BrokenPipeError("broken")):
                # A request that was not sent would make http.client refuse to wait for an answer.
                with mock.patch("http.client.HTTPConnection.getresponse", _response_without_request):
                    with self.assertRaises(BackendRefused) as caught:
                        client.call("s", "c")
        self.assertEqual(caught.exception.status, 413)

    def test_answers_that_break_off(self) -> None:
        for start in (
            b"",
            b"HTTP/1.1 2",
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
            b"SSH-2.0-OpenSSH\r\n",
        ):

            def broken(_: FakeServer, peer: Peer, start: bytes = start) -> None:
                peer.read_request()
                peer.send(start)

            with self.subTest(start), server(broken) as fake, BackendClient(fake.url, KEY) as client:
                with self.assertRaises(BackendUnavailable) as caught:
                    client.call("s", "c")
                self.assertNotIsInstance(caught.exception, BackendTimeout)
                self.assertTrue(caught.exception.may_have_happened)


class Silence(unittest.TestCase):
    def expect_timeout(self, start: bytes) -> None:
        def silent(fake: FakeServer, peer: Peer) -> None:
            peer.read_request()
            peer.send(start)
            fake.over.wait(PATIENCE)

        with server(silent) as fake, BackendClient(fake.url, KEY, timeout=0.05) as client:
            with self.assertRaises(BackendTimeout) as caught:
                client.call("s", "c")
            self.assertTrue(caught.exception.may_have_happened)

    def test_no_answer(self) -> None:
        self.expect_timeout(b"")

    def test_half_an_answer(self) -> None:
        self.expect_timeout(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")

    def test_the_time_is_over_before_connecting(self) -> None:
        with server(counting) as fake, BackendClient(fake.url, KEY, timeout=1e-9) as client:
            with self.assertRaises(BackendTimeout) as caught:
                client.call("s", "c")
            self.assertFalse(caught.exception.may_have_happened)
        self.assertEqual(fake.requests, [])

    def test_trickling_answer_does_not_extend_the_time(self) -> None:
        def trickle(fake: FakeServer, peer: Peer) -> None:
            peer.read_request()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while not fake.over.wait(0.01):
                peer.send(b" ")

        with server(trickle) as fake, BackendClient(fake.url, KEY, timeout=0.2) as client:
            with self.assertRaises(BackendTimeout):
                client.call("s", "c")

    def test_server_that_does_not_read(self) -> None:
        def deaf(fake: FakeServer, _: Peer) -> None:
            fake.over.wait(PATIENCE)

        with server(deaf) as fake, BackendClient(fake.url, KEY, timeout=0.2) as client:
            with self.assertRaises(BackendTimeout):
                client.publish("news", "x" * (32 << 20))


def _response_without_request(connection: "transport._Connection") -> "transport.http.client.HTTPResponse":
    answer = transport.http.client.HTTPResponse(connection.sock, method="POST")
    answer.begin()
    return answer


if __name__ == "__main__":
    unittest.main()
