"""Helpers for every test: wait for something with a bound, run a program as a user would, one local stack for all."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from functools import partial
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, Protocol, TypeVar

import hypothesis
import pytest
from programs import Program, clean_environ

from contracts.configuration.settings import Settings
from fedsecure.endpoints import environ_of
from fedsecure.local_stack import LocalStack

Found = TypeVar("Found")
LOG_TAIL_CHARS = 6000
# How long an example takes, to make or to run, is the machine's business.
hypothesis.settings.register_profile("no times", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("no times")


class WaitUntil(Protocol):
    def __call__(self, predicate: Callable[[], Found], timeout_s: float, what: str) -> Found: ...


class Spawn:
    """Starts programs with given settings; all are ended with the test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.programs: list[Program] = []

    def __call__(
        self,
        *arguments: str,
        settings: Settings | None = None,
        environ: Mapping[str, str] | None = None,
        module: str = "fedsecure",
    ) -> Program:
        """Start `fedsecure ARGUMENTS` (or `python -m MODULE ARGUMENTS`)."""
        command = [sys.executable, "-m", module, *arguments]
        given = environ_of(settings) if settings else {}
        log_path = self._folder / f"program-{len(self.programs)}.log"
        program = Program(command, clean_environ(given | dict(environ or {})), log_path)
        self.programs.append(program)
        return program


def pytest_configure(config: pytest.Config) -> None:
    """Let all processes of a session share what XLA compiles, each program once: here alone, as loading it is running it."""
    if hasattr(config, "workerinput"):  # a worker of pytest-xdist inherits the folder
        return
    folder = mkdtemp(prefix="fedsecure-xla-")
    config.add_cleanup(partial(rmtree, folder, ignore_errors=True))
    flags = os.environ.get("TF_XLA_FLAGS", "")
    os.environ["TF_XLA_FLAGS"] = f"{flags} --tf_xla_persistent_cache_directory={folder}"


@pytest.fixture(scope="session")
def one_thread() -> None:
    """TensorFlow in this process has one thread, as a program that is run here asks for (see `pytest_collection_finish`)."""


def pytest_collection_finish(session: pytest.Session) -> None:
    """Limit TensorFlow where any test will want it: it cannot be had after the first operation, which may be another test's."""
    if any("one_thread" in getattr(item, "fixturenames", ()) for item in session.items):
        from detectors.training.tensorflow import limit_threads  # noqa: PLC0415 - most tests need no TensorFlow

        limit_threads()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The local stack, or the services of KAFKA_BOOTSTRAP_SERVERS and REDIS_URL where they are set: one for all tests."""
    with LocalStack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Spawn]:
    started = Spawn(tmp_path)
    yield started
    for program in started.programs:
        program.stop()


@pytest.fixture(scope="session")
def wait_until() -> WaitUntil:
    def wait(predicate: Callable[[], Found], timeout_s: float, what: str) -> Found:
        deadline = time.monotonic() + timeout_s
        while not (found := predicate()):
            if time.monotonic() > deadline:
                pytest.fail(f"after {timeout_s:g} s still not: {what}")
            time.sleep(0.05)
        return found

    return wait


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Show the end of each program's log under a test that failed."""
    report: Any = yield
    spawned = getattr(item, "funcargs", {}).get("spawn")
    if report.failed and isinstance(spawned, Spawn):
        for program in spawned.programs:
            title = " ".join(program.command[1:]) + f" (exit {program.process.poll()})"
            report.sections.append((title, program.log[-LOG_TAIL_CHARS:]))
    return report
