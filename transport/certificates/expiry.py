"""When the certificates expire that a program's settings name."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from cryptography import x509

from contracts.configuration.parts import AllParts
from contracts.configuration.settings import variable_of
from contracts.metrics import CERTIFICATE_EXPIRY, ProgramName

_ENDINGS: Final = ("_ca_file", "_cert_file")
_OF_ONE_PROGRAM: Final[dict[str, ProgramName]] = {"console_": "console", "ingest_": "ingest"}


@dataclass(frozen=True, slots=True)
class CertificateFile:
    """A PEM file with certificates, and the variable that names it."""

    variable: str
    path: Path

    def expires_at(self) -> float | None:
        """Return when the first of its certificates expires (epoch seconds), None for a file that holds none or cannot be read."""
        try:
            found = x509.load_pem_x509_certificates(self.path.read_bytes())
        except (OSError, ValueError):
            return None
        return min(each.not_valid_after_utc.timestamp() for each in found)


def certificate_files(settings: AllParts, program: ProgramName) -> list[CertificateFile]:
    """Return the certificates and authorities that this program uses, and those that it was told to watch."""
    return [
        CertificateFile(variable_of(name), path)
        for name in type(settings).model_fields
        if _is_used(name, program)
        for path in _paths(getattr(settings, name))
    ]


def measure_certificates(settings: AllParts, program: ProgramName, clock: Callable[[], float] = time.time) -> None:
    """Let the program's metrics show the time until each expires. A file is read anew whenever Prometheus asks."""
    CERTIFICATE_EXPIRY.clear()
    for file in certificate_files(settings, program):
        shown = CERTIFICATE_EXPIRY.labels(setting=file.variable, file=str(file.path))
        shown.set_function(partial(_remaining_s, file, clock))


def _is_used(name: str, program: ProgramName) -> bool:
    owners = [owner for prefix, owner in _OF_ONE_PROGRAM.items() if name.startswith(prefix)]
    return name == "watched_cert_files" or (name.endswith(_ENDINGS) and owners in ([], [program]))


def _paths(value: Any) -> Iterator[Path]:
    if isinstance(value, Path):
        yield value
    elif isinstance(value, tuple):
        yield from map(Path, value)


def _remaining_s(file: CertificateFile, clock: Callable[[], float]) -> float:
    expires_at = file.expires_at()
    return float("nan") if expires_at is None else expires_at - clock()
