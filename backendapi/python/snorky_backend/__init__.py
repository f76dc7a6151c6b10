"""Client for the backend services of a Snorky server.

    with BackendClient("http://127.0.0.1:5801/backend", key) as snorky:
        snorky.publish("news", {"title": "Hello"})
"""

from .client import BackendClient
from .datasync import Delta, Item, delete, insert, update
from .errors import (
    BackendError,
    BackendRefused,
    BackendTimeout,
    BackendUnavailable,
    BadAnswer,
    BatchError,
    SnorkyError,
)

__all__ = [
    "BackendClient",
    "BackendError",
    "BackendRefused",
    "BackendTimeout",
    "BackendUnavailable",
    "BadAnswer",
    "BatchError",
    "Delta",
    "Item",
    "SnorkyError",
    "delete",
    "insert",
    "update",
]

__version__ = "0.1.0"
