"""The address a program listens on, and the error when it cannot."""

from __future__ import annotations

import errno
import ipaddress
import socket

from contracts.configuration.addresses import shown_host
from contracts.errors import Misconfigured


def url_of(host: str, port: int, *, is_tls: bool = False) -> str:
    """Return the address for a browser, an IPv6 one in brackets."""
    return f"{'https' if is_tls else 'http'}://{shown_host(host)}:{port}/"


def resolved(host: str, port: int) -> tuple[socket.AddressFamily, str]:
    """Return the family and the address that a host to listen on stands for. Raises OSError (a host that nobody knows) or ValueError."""
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, address = addresses[0]
    return family, str(address[0])


def cannot_listen(host: str, port: int, setting: str, error: OSError | ValueError) -> Misconfigured:
    """Return the error for an address that cannot be listened on.

    `setting` is how the port's and the host's variables begin: FEDSECURE_METRICS or FEDSECURE_CONSOLE.
    """
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return Misconfigured(
            f"port {port} on {host} is taken: choose another ({setting}_PORT or the option; 0 takes a free one)"
        )
    if number in {errno.EACCES, errno.EPERM}:
        return Misconfigured(
            f"port {port} on {host} is not for this user: choose one above 1023 ({setting}_PORT or the option)"
        )
    if _is_address(host):
        said = "is no address of this machine"
    else:
        said = "is a name that stands for no address of this machine"
    return Misconfigured(
        f"{setting}_HOST: {host!r} {said}; 127.0.0.1 or ::1 is this machine alone, 0.0.0.0 or :: lets the network in"
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
