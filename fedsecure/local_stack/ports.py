"""Free loopback ports, for a server that had ports before the same again while they are free."""

from __future__ import annotations

import random
import socket
from collections.abc import Container, Mapping, Sequence

PortsOf = Mapping[str, Mapping[str, int]]
"""The ports of each server, by their names."""
HOST = "127.0.0.1"
# Below the range from which outgoing connections take theirs (Linux: 32768-60999): while a server is down, a client
# that retries could otherwise be given the server's own port, and even connect to itself.
CHOICE = range(20_000, 32_000)


def choose_ports(names: Sequence[str], before: Mapping[str, int], reserved: Container[int] = ()) -> dict[str, int]:
    """Return a free port for each name, none that is reserved: the ones of `before` if all of them are free."""
    if set(before) == set(names) and all(is_free(port) for port in before.values()):
        return dict(before)
    candidates = random.Random().sample(CHOICE, len(CHOICE))  # noqa: S311 - no secret
    free = (port for port in candidates if port not in reserved and is_free(port))
    return {name: next(free) for name in names}


def is_free(port: int) -> bool:
    """Return whether a server could listen there now."""
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
