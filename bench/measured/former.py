"""The former release beside ours: the same files judged by `fedsecure score` of both, each in an environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from bench.measured.score_files import write_ward
from bench.row import Row
from contracts.errors import Unavailable

FORMER: Final = "1d0e937"
"""The last commit whose judgement ran on TensorFlow."""
ROOT: Final = Path(__file__).parents[2]
DEVICES: Final = 8
REPEATED: Final = 2
"""The less of so many is taken: a start varies by more than some minutes cost."""


def measure(*, quick: bool) -> list[Row]:
    """Return what a file costs with either release, of processor time: all that does not grow with it, and a further minute.

    Raises Unavailable where the checkout has no history, or the former release's environment cannot be made.
    """
    with TemporaryDirectory(prefix="fedsecure-bench-") as folder:
        one, some, many = (write_ward(Path(folder), DEVICES, days) for days in ((1, 2, 8) if quick else (1, 4, 16)))
        former = _spent([_former_release(Path(folder)), "score"], [one, some])
        ours = _spent([sys.executable, "-m", "fedsecure", "score", "--jobs", "1"], [one, many])
    return [
        Row("score, a further minute, former release", former.minute_us, "us"),
        Row("score, a further minute, ours", ours.minute_us, "us"),
        Row("former release to ours", former.minute_us / ours.minute_us, "x"),
        Row("score, its start, former release", former.start_s, "s"),
        Row("score, its start, ours", ours.start_s, "s"),
    ]


class _Spent(NamedTuple):
    """Processor time: a line through two files' costs."""

    start_s: float
    minute_us: float


def _former_release(folder: Path) -> str:
    """Unpack the former release and make its environment as its own README does. Returns its `fedsecure`."""
    there = folder / "former"
    there.mkdir()
    packed = folder / "former.tar"
    _done("git", "-C", str(ROOT), "archive", "--output", str(packed), FORMER)
    _done("tar", "-xf", str(packed), "-C", str(there))
    _done("make", "--silent", "-C", str(there), "setup")
    return str(there / ".venv/bin/fedsecure")


def _done(*command: str) -> None:
    # `make bench` hands its own flags down.
    environ = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    if shutil.which(command[0]) is None:
        raise Unavailable(f"the former release ({FORMER}) cannot be made: {command[0]} is not installed")
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"the former release ({FORMER}) cannot be made: {done.stderr.strip()[-300:]}")


def _spent(command: Sequence[str], files: Sequence[Path]) -> _Spent:
    minutes = [sum(1 for _ in path.open("rb")) - 1 for path in files]
    _processor_s(command, files[0])  # byte code is compiled once
    few, many = (min(_processor_s(command, path) for _ in range(REPEATED)) for path in files)
    each_s = (many - few) / (minutes[1] - minutes[0])
    return _Spent(few - each_s * minutes[0], each_s * 1e6)


def _processor_s(command: Sequence[str], path: Path) -> float:
    out = path.with_suffix(".judged.csv")
    process = subprocess.Popen(
        [*command, str(path), "--out", str(out)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime
