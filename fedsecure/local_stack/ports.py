"""Free loopback ports; a server that had ports before gets the same again while nobody else took them."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

HOST = "127.0.0.1"


def choose_ports(names: Sequence[str], before: Mapping[str, int]) -> dict[str, int]:
    """Return a free port for each name, the ones of `before` if all of them are free."""
    if set(before) == set(names) and all(_is_free(port) for port in before.values()):
        return dict(before)
    with ExitStack() as held:
        # All are bound before one is let go, so that no port is given twice.
        sockets = [held.enter_context(socket.socket()) for _ in names]
        for bound in sockets:
            bound.bind((HOST, 0))
        return {name: bound.getsockname()[1] for name, bound in zip(names, sockets, strict=True)}


def _is_free(port: int) -> bool:
    with socket.socket() as attempt:
        # As the servers do: a port that only lingers in TIME_WAIT is free.
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((HOST, port))
        except OSError:
            return False
    return True


def listens(port: int) -> bool:
    """Return whether somebody accepts connections there."""
    with socket.socket() as attempt:
        attempt.settimeout(0.5)
        return attempt.connect_ex((HOST, port)) == 0
