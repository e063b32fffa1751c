"""Screens that look at the same view: each message is made once and queued for each screen."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, Protocol

import msgspec

MOST_WAITING: Final = 64
_encoder = msgspec.json.Encoder()


class View(Protocol):
    """What a page shows: all of it for a screen that comes, and what has changed since for those that are there."""

    def snapshot(self) -> Mapping[str, Any]: ...

    def changes(self) -> Mapping[str, Any] | None: ...


def encode_event(kind: str, data: Mapping[str, Any]) -> bytes:
    """Return a server-sent event. The data is one line of JSON."""
    return b"event: " + kind.encode() + b"\ndata: " + _encoder.encode(data) + b"\n\n"


class Screen:
    """One browser's queue. `next` returns None when it was let go: it comes back by itself and starts with a snapshot."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue(MOST_WAITING)
        self.is_closed = False

    def put(self, message: bytes) -> None:
        """Queue a message, or let the screen go when it has taken none for too long."""
        if self.is_closed:
            return
        try:
            self._waiting.put_nowait(message)
        except asyncio.QueueFull:
            self.close()

    def close(self) -> None:
        """Forget what is queued and wake whoever waits."""
        self.is_closed = True
        while not self._waiting.empty():
            self._waiting.get_nowait()
        self._waiting.put_nowait(None)

    async def next(self) -> bytes | None:
        """Return the next message."""
        return await self._waiting.get()


class Hub:
    """One view and its screens."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.screens: set[Screen] = set()

    def join(self) -> Screen:
        """Add a screen. Its first message is a snapshot."""
        # Whoever looks already gets what has changed first, so that the snapshot is where all go on from.
        self.send_changes()
        screen = Screen()
        screen.put(encode_event("snapshot", self.view.snapshot()))
        self.screens.add(screen)
        return screen

    def leave(self, screen: Screen) -> None:
        """Take a screen out."""
        self.screens.discard(screen)

    def send_changes(self) -> None:
        """Send what has changed since the last call. Without screens nothing is made."""
        changes = self.view.changes()
        if changes is not None and self.screens:
            self.send(encode_event("changes", changes))

    def send(self, message: bytes) -> None:
        """Send the same to all."""
        for screen in self.screens:
            screen.put(message)
