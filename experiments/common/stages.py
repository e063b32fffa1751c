"""Finished stages of a study on disk, so that an interrupted one goes on where it was."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import msgspec
import numpy as np

from experiments.common.workers.processes import CarryOut

Result = TypeVar("Result")  # a frozen dataclass all of whose fields are numpy arrays

OPTIONS_FILE: Final = "options.json"
JobProgress = Callable[[int, int, str], None]
"""Is told how many jobs are done, of how many, and the last one's name."""


class StageProgress(Protocol):
    """Is told how far a stage is: its name, share 0..1 and a few words. `kept` when it was read from disk."""

    def __call__(self, stage: str, share: float, text: str, *, kept: bool = False) -> None: ...


class StagedJob(Protocol):
    """A job that makes one stage or several, by name and kind in the order in which it returns them."""

    @property
    def stages(self) -> Mapping[str, type[Any]]: ...

    @property
    def label(self) -> str: ...


Job = TypeVar("Job", bound=StagedJob)


class Stages:
    """The stages of one set of options in a folder. A stage is there as a whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, options: Mapping[str, Any]) -> list[str]:
        """Return the names of the options that differ from those of the stages found here, whose files are then removed.

        Empty when there are none yet or when they can be used. Raises OSError when the folder cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        before = self._options()
        changed = [] if before is None else sorted(n for n in {*before, *options} if before.get(n) != options.get(n))
        if before is None or changed:
            for file in self._folder.glob("*.npz"):
                file.unlink()
            self._write(OPTIONS_FILE, lambda path: path.write_bytes(msgspec.json.encode(options)))
        return changed

    def find(self, name: str, kind: type[Result]) -> Result | None:
        """Return a finished stage's result, None where there is none or its file is damaged."""
        try:
            with self._path(name).open("rb") as source, np.load(source, allow_pickle=False) as arrays:
                return kind(**{field.name: arrays[field.name] for field in fields(kind)})  # type: ignore[arg-type]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
            return None

    def keep(self, name: str, result: object) -> None:
        """Write a finished stage's result, a dataclass of numpy arrays."""
        arrays = {field.name: getattr(result, field.name) for field in fields(result)}  # type: ignore[arg-type]
        self._write(self._path(name).name, lambda path: _save(path, arrays))

    def _options(self) -> dict[str, Any] | None:
        try:
            return msgspec.json.decode((self._folder / OPTIONS_FILE).read_bytes(), type=dict[str, Any])
        except (OSError, msgspec.DecodeError, msgspec.ValidationError):
            return None

    def _write(self, name: str, write: Callable[[Path], object]) -> None:
        """A file that is whole: an interrupted write leaves only a file that nobody reads."""
        unfinished = self._folder / f".{name}.{os.getpid()}"
        try:
            write(unfinished)
            unfinished.replace(self._folder / name)
        finally:
            unfinished.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name.replace(' ', '-')}.npz"


def _save(path: Path, arrays: Mapping[str, Any]) -> None:
    with path.open("wb") as sink:  # given a name, numpy would add a suffix to it
        np.savez_compressed(sink, **arrays)


def completed(
    jobs: Sequence[Job],
    work: Callable[[Job], Sequence[object]],
    stages: Stages,
    carry_out: CarryOut,
    progress: JobProgress,
) -> dict[str, Any]:
    """Return the result of every job's stages by name. Blocks while `carry_out` does what is not finished yet."""
    results = {name: stages.find(name, kind) for job in jobs for name, kind in job.stages.items()}
    missing = [job for job in jobs if any(results[name] is None for name in job.stages)]
    for done, (job, made) in enumerate(zip(missing, carry_out(work, missing), strict=True), 1):
        for name, result in zip(job.stages, made, strict=True):
            stages.keep(name, result)
            results[name] = result
        progress(len(jobs) - len(missing) + done, len(jobs), job.label)
    return results
