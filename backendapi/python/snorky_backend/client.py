"""Calls as Python functions; the HTTP is in transport."""

from __future__ import annotations

import json
import ssl
from types import TracebackType
from typing import Any, Dict, Iterable, List, Mapping, NoReturn, Optional, Tuple, Type, Union

from .datasync import Delta, Item
from .errors import BadAnswer, BatchError, SnorkyError
from .transport import Transport

#: What the result of one item of a batch takes in an answer, in bytes, if it is not refused at length.
RESULT_SIZE = 64


class BackendClient:
    """Makes calls to the backend gateway of one Snorky server.

    Make one and share it: it may be used by several threads at once and keeps connections alive between calls. A process
    that was forked opens connections of its own.

    A call is never sent twice unless it is certain that the first attempt did not reach the server as a whole.
    """

    def __init__(
        self,
        url: str,
        key: Union[str, bytes],
        timeout: float = 10.0,
        *,
        max_answer: int = 4 * 1024 * 1024,
        tls: Optional[ssl.SSLContext] = None,
    ) -> None:
        """Prepare a client; nothing is sent yet.

        :param url: such as ``http://127.0.0.1:5801/backend``
        :param key: what the server has in its key file
        :param timeout: the seconds a call may take, from connecting to the end of the answer
        :param max_answer: the most bytes that are accepted as an answer
        :param tls: how to check the server's certificate, for ``https`` addresses
        :raises ValueError: if one of them cannot be used; the text does not show the key
        """
        if not timeout > 0:
            raise ValueError("the timeout has to be positive")
        self._transport = Transport(url, key, timeout, max_answer, tls)

    def call(self, service: str, command: str, /, **params: Any) -> Any:
        """Run a command of a backend service and return its result.

        :raises SnorkyError: the service answered with an error
        :raises BackendRefused: the server refused the request, by its HTTP status
        :raises BackendUnavailable: there was no answer; its subclass BackendTimeout if there was none in time
        :raises BadAnswer: the answer makes no sense
        :raises ValueError: the parameters hold NaN or infinity, which are no JSON
        :raises TypeError: the parameters hold something else that has no JSON form
        """
        return self._call(service, command, params)

    def _call(self, service: str, command: str, params: Dict[str, Any], items: int = 0) -> Any:
        packet = {"service": service, "message": {"command": command, "params": params}}
        body = json.dumps(packet, allow_nan=False, separators=(",", ":")).encode("ascii")
        return _result(self._transport.exchange(body, items * RESULT_SIZE))

    def publish(self, channel: Any, message: Any, service: str = "pubsub_backend") -> None:
        """Send a message to all subscribers of a channel; both may be any JSON value.

        It returns when the server has accepted the publication. The errors are those of ``call``.
        """
        self.call(service, "publish", channel=channel, message=message)

    def publish_many(self, channel: Any, messages: Iterable[Any], service: str = "pubsub_backend") -> None:
        """Send several messages to all subscribers of a channel, in their order, in one request.

        It returns when the server has dealt with all of them; one that is refused does not stop the others.

        :raises BatchError: some of them were refused; it says which, and all others were published
        :raises BackendRefused: with status 413 the batch is longer than the server takes, and nothing was published

        The other errors are those of ``call``. They, too, concern the batch as a whole.
        """
        batch = _listed(messages, "messages")
        answer = self._call(service, "publishMany", {"channel": channel, "messages": batch}, len(batch))
        _check_results(answer, len(batch))

    def broadcast(self, channels: Iterable[Any], message: Any, service: str = "pubsub_backend") -> None:
        """Send a message to all subscribers of each of several channels, in one request.

        Whoever is subscribed to several of them gets it several times. The errors are those of ``publish_many``.
        """
        batch = _listed(channels, "channels")
        answer = self._call(service, "broadcast", {"channels": batch, "message": message}, len(batch))
        _check_results(answer, len(batch))

    def authorize_subscription(
        self, items: Iterable[Union[Item, Tuple[str, Any]]], service: str = "datasync_backend"
    ) -> str:
        """Allow a client what the items ask for, and return the token with which it acquires the subscription.

        An item is the name of a dealer and a query for it, such as ``("FilteredTasks", ["==", "owner", "ann"])``. What
        the items match from now on waits for the client: look up the data it starts with after this call, and nothing is
        missed in between.

        Whoever knows the token can use it, once; it is for the client alone. The errors are those of ``call``.
        """
        wanted = [{"dealer": dealer, "query": query} for dealer, query in _listed(items, "items")]
        token = self._call(service, "authorizeSubscription", {"items": wanted})
        if not isinstance(token, str):
            raise BadAnswer("the token is no text")
        return token

    def publish_deltas(self, deltas: Iterable[Delta], service: str = "datasync_backend") -> None:
        """Send changes to the clients whose subscriptions match them, in one request.

        Deltas are made by ``insert``, ``update`` and ``delete``; those of one model arrive in their order. It returns
        when the server has dealt with all of them.

        :raises SnorkyError: a delta was refused; then no delta of the call was delivered

        The other errors are those of ``call``.
        """
        self._call(service, "publishDeltas", {"deltas": _listed(deltas, "deltas")})

    def close(self) -> None:
        """Close the connections that lie idle. The client stays usable."""
        self._transport.close()

    def __enter__(self) -> BackendClient:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<BackendClient of {self._transport.place}>"


def _result(answer: bytes) -> Any:
    """The result in the body of a 200, or the error of the service."""
    try:
        packet = json.loads(answer.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as problem:
        raise BadAnswer("the answer is not JSON") from problem
    message = packet.get("message") if isinstance(packet, dict) else None
    if isinstance(message, dict):
        if message.get("type") == "response" and "data" in message:
            return message["data"]
        if message.get("type") == "error" and isinstance(message.get("message"), str):
            raise SnorkyError(message["message"])
    raise BadAnswer("the answer is neither a response nor an error")


def _listed(items: Iterable[Any], name: str) -> List[Any]:
    """The items as a list. What can be iterated over by accident is none: a text would become one of its characters."""
    if isinstance(items, (str, bytes, bytearray, Mapping)):
        raise TypeError(f"{name} has to be a list, not {type(items).__name__}")
    return list(items)


def _check_results(answer: Any, items: int) -> None:
    """Raise what the results of a batch say."""
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, list) or len(results) != items:
        raise BadAnswer(f"the answer does not have {items} results")
    refused: Dict[int, str] = {}
    for index, result in enumerate(results):
        status = result.get("status") if isinstance(result, dict) else None
        if status == "refused" and isinstance(result.get("error"), str):
            refused[index] = result["error"]
        elif status != "published":
            raise BadAnswer(f"the result of number {index} is neither published nor refused")
    if refused:
        raise BatchError(items, refused)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
