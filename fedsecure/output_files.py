"""Writing results: checked before the work, whole or not at all, and a refusal of the disk in one sentence."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from contracts.errors import Misconfigured


def check_target(out: Path) -> None:
    """Raise Misconfigured unless the folder is still to be made or empty, and can be written."""
    check_writable(out)
    if out.exists() and any(out.iterdir()):
        raise Misconfigured(f"{out} exists and is not an empty folder; choose another --out")


def check_writable(folder: Path, option: str = "--out") -> None:
    """Raise Misconfigured unless a folder can be written, or made with all above it: said before the work, not after. Leaves nothing."""
    made = [path for path in (folder, *folder.parents) if not os.path.lexists(path)]
    try:
        with writes_into(folder, option):
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
    finally:
        for path in made:
            with contextlib.suppress(OSError):
                path.rmdir()


@contextmanager
def writes(what: str, choose: str) -> Iterator[None]:
    """Raise Misconfigured when the disk refuses to write `what` ("into FOLDER"), with what to `choose` instead."""
    try:
        yield
    except OSError as error:
        raise Misconfigured(f"cannot write {what}: {error.strerror or error}; choose {choose}") from None


def writes_into(folder: Path, option: str = "--out") -> AbstractContextManager[None]:
    """Raise Misconfigured when the disk refuses to write into a folder, which another `option` would name."""
    return writes(f"into {folder}", f"another {option}")


def write_files(out: Path, contents: Mapping[str, str | bytes]) -> None:
    """Write files by name into their folder, made if need be. Raises Misconfigured when that is not possible."""
    with writes_into(out):
        out.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            (out / name).write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def shared_file(folder: Path) -> Iterator[Path]:
    """Yield a file in a folder, made if need be, by whose content others can tell that they see this very folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix=".seen-", dir=folder) as file:
        file.write(secrets.token_bytes())
        file.flush()
        yield Path(file.name)


@contextmanager
def folder_that_appears_whole(out: Path) -> Iterator[Path]:
    """Yield a folder beside `out` that takes its place at the end, or vanishes with an error or Ctrl-C."""
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        yield unfinished
        unfinished.chmod(0o755)
        unfinished.replace(out)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
