"""Finds messages in a stream of bytes (0x0b, the message, 0x1c 0x0d), many in one packet, or one in many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from contracts.errors import FedSecureError

START: Final = b"\x0b"
END: Final = b"\x1c\x0d"
BETWEEN: Final = b"\r\n \t\x00"


class TooLong(FedSecureError):
    """A message that is longer than may be. `beginning` is what came of it."""

    def __init__(self, beginning: bytes, limit: int) -> None:
        super().__init__(f"the message is longer than {limit} bytes (FEDSECURE_INGEST_MAX_MESSAGE_BYTES)")
        self.beginning = beginning


class NoFraming(FedSecureError):
    """So many bytes without a message that nobody speaks MLLP there."""


def framed(message: bytes) -> bytes:
    """Return a message as it travels."""
    return START + message + END


class Deframer:
    """Takes bytes as they come and gives messages out. Holds at most one of `limit` bytes, and what came last.

    `on_bad_frame` is told of each stretch of bytes between messages, and of each message that another's start cut off.
    """

    def __init__(self, limit: int, on_bad_frame: Callable[[], None] = lambda: None) -> None:
        self._limit = limit
        self._on_bad_frame = on_bad_frame
        self._held = bytearray()
        self._between = 0
        self._in_junk = False
        self.is_open = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the messages that these bytes complete. Raises TooLong or NoFraming, after which the stream is lost."""
        while data:
            if not self.is_open:
                data = self._skip(data)
                continue
            seen = max(0, len(self._held) - 1)
            self._held += data
            data = b""
            end = self._held.find(END, seen)
            if end >= 0:
                message, data = bytes(self._held[:end]), bytes(self._held[end + len(END) :])
                self._held.clear()
                self.is_open = False
                yield self._last_begun(message)
            elif len(self._held) > self._limit + 1:
                raise TooLong(bytes(self._held[: self._limit]), self._limit)

    def _last_begun(self, message: bytes) -> bytes:
        """Return the message from the last start in it: a sender that began anew did not end the one before."""
        _, cut, last = message.rpartition(START)
        if cut:
            self._on_bad_frame()
        if len(last) > self._limit:
            raise TooLong(last[: self._limit], self._limit)
        return last

    def _skip(self, data: bytes) -> bytes:
        """Return what follows the next start, and count what stands before it."""
        junk, start, rest = data.partition(START)
        if junk.strip(BETWEEN):
            if not self._in_junk:
                self._on_bad_frame()
            self._in_junk = True
        self._between += len(junk)
        if self._between > self._limit:
            raise NoFraming(f"{self._between} bytes without a message")
        if start:
            self.is_open, self._in_junk, self._between = True, False, 0
        return rest
