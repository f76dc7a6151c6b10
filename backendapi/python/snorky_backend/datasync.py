"""What a DataSync service is told: queries of subscriptions, and changes of data."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple

#: A change of data, made by ``insert``, ``update`` or ``delete``.
Delta = Dict[str, Any]


class Item(NamedTuple):
    """One query of a subscription."""

    #: The name of a dealer of the service.
    dealer: str
    #: What the dealer is asked for: a key, or a filter such as ``["==", "owner", "ann"]``. Some dealers ignore it.
    query: Any = None


def insert(model: str, data: Any) -> Delta:
    """The delta of data that are new."""
    return {"type": "insert", "model": model, "data": data}


def update(model: str, *, old: Any, new: Any) -> Delta:
    """The delta of data that have changed. Of the old ones, what queries ask for and what identifies them is enough."""
    return {"type": "update", "model": model, "newData": new, "oldData": old}


def delete(model: str, data: Any) -> Delta:
    """The delta of data that are gone. What queries ask for and what identifies them is enough."""
    return {"type": "delete", "model": model, "data": data}
