"""TLS towards Kafka and Redis: one context, made of the CA file that a setting names."""

from __future__ import annotations

import ssl
from pathlib import Path

from contracts.errors import Misconfigured


def tls_context(ca_file: Path | None, variable: str) -> ssl.SSLContext:
    """Return a context that trusts this CA (None: the system's). Raises Misconfigured, naming the variable, for a file that is none."""
    if ca_file is None:
        return ssl.create_default_context()
    try:
        ca_file.read_bytes()
    except OSError as error:
        raise Misconfigured(f"{variable}: {ca_file} cannot be read ({error.strerror})") from None
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except (ssl.SSLError, ValueError):
        raise Misconfigured(f"{variable}: {ca_file} holds no certificate in PEM form") from None
