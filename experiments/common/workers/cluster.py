"""What runs on a cluster's workers, and what they are asked first: the same versions, the same files."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, TypeVar

from contracts.errors import Misconfigured
from detectors.training.tensorflow import limit_threads

Given = TypeVar("Given")
Made = TypeVar("Made")
Ask = Callable[..., Iterable[Any]]
"""Calls a function with arguments on every worker and returns what each returned. Raises what one raised."""

PACKAGES: Final = ("fedsecure", "numpy", "scipy", "scikit-learn", "tensorflow")
"""What must be the same here and there for results to be the same to the last bit."""
BUILDS: Final = {"tensorflow": ("tensorflow", "tensorflow-cpu")}
"""Under which names a package may be installed."""
FIRST_ANSWER_S: Final = 60.0
"""So long a cluster has until a worker answers, as one that grows by need starts its first one only then."""
CONNECT_S: Final = 10.0
_TURN: Final = threading.Lock()


class WorkersLostError(Exception):
    """A cluster's workers were ended, again and again, or nobody answers there any more."""


def versions() -> dict[str, str]:
    """Return the versions of what results depend on. Raises Misconfigured when one is not installed."""
    return {name: _version(name) for name in PACKAGES}


def check_workers(ask: Ask, files: Sequence[Path]) -> None:
    """Raise Misconfigured unless every worker has the same versions as this process and sees the same files."""
    for name, here in versions().items():
        try:
            # Of FedSecure the standard library is asked, as it alone is surely there.
            there = set(ask(version if name == PACKAGES[0] else version_of, name))
        except PackageNotFoundError:
            raise Misconfigured(
                f"a worker of the cluster has no {name}: install {name} {here} there, as here"
            ) from None
        if others := there - {here}:
            raise Misconfigured(_differs(name, here, min(others)))
    for path in files:
        if set(ask(digest_of, str(path))) != {digest_of(str(path))}:
            raise Misconfigured(
                f"a worker of the cluster does not see {path} as it is here: choose a place, and name it by its whole path, "
                "that the workers share with this machine"
            )


def digest_of(path: str) -> str:
    """Return the SHA-256 of a file's content, empty when it cannot be read."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return ""


def on_worker(work: Callable[[Given], Made], here: Mapping[str, str], job: Given) -> Made:
    """Carry out a job on a worker, which may have joined after `check_workers`. One at a time in a process.

    TensorFlow and BLAS get one thread, as they have in the processes of one machine.
    """
    for name, wanted in here.items():
        if (found := _version(name)) != wanted:
            raise Misconfigured(_differs(name, wanted, found))
    with _TURN:
        try:
            limit_threads()
        except RuntimeError:
            raise Misconfigured(
                "a worker of the cluster already runs TensorFlow on several threads: restart it"
            ) from None
        return work(job)


def version_of(name: str) -> str:
    """Return the version of a package, whichever of its builds is installed. Raises PackageNotFoundError when none is."""
    for build in BUILDS.get(name, (name,)):
        with suppress(PackageNotFoundError):
            return version(build)
    raise PackageNotFoundError(name)


def _version(name: str) -> str:
    try:
        return version_of(name)
    except PackageNotFoundError:
        raise Misconfigured(f"{name} is not installed where the study's jobs are to run") from None


def _differs(name: str, here: str, there: str) -> str:
    return (
        f"a worker of the cluster has {name} {there}, here is {here}: install the same there, as results depend on it"
    )
