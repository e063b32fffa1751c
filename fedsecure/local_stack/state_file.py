"""What runs, in one small file of the state folder, and the lock that keeps two `up`s from starting two stacks."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from contracts.errors import Misconfigured
from fedsecure.local_stack.processes import ProcessId


class ServerRecord(msgspec.Struct, frozen=True):
    """One server as it was last started. The ports stay its own when it is started again."""

    process: ProcessId | None
    ports: dict[str, int]
    owner: ProcessId | None = None  # the process whose end is also this server's

    def runs(self) -> bool:
        return self.process is not None and self.process.find() is not None


class StateFile:
    """`stack.json` of one state folder."""

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / "stack.json"
        self._lock_path = state_dir / "stack.lock"

    def read(self) -> dict[str, ServerRecord]:
        """Return the servers by name, {} if none was ever started. Raises Misconfigured if it cannot be read."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=dict[str, ServerRecord])
        except FileNotFoundError:
            return {}
        except NotADirectoryError:
            raise Misconfigured(
                f"{self.path.parent} is no folder: choose another with --state-dir or FEDSECURE_STATE_DIR"
            ) from None
        except (msgspec.DecodeError, OSError) as error:
            raise Misconfigured(
                f"{self.path} cannot be read ({error}): end its servers by hand and remove {self.path.parent}"
            ) from None

    def note(self, name: str, record: ServerRecord) -> None:
        """Write one server's record. Readers see the old file or the new one, never half. Raises OSError."""
        records = self.read() | {name: record}
        written = self.path.with_suffix(".new")
        try:
            written.write_bytes(msgspec.json.format(msgspec.json.encode(records)))
            written.replace(self.path)
        finally:
            written.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the state folder for one process. Blocks while another one starts or stops its servers."""
        try:
            self._lock_path.parent.mkdir(parents=True, exist_ok=True)
            stream = self._lock_path.open("w")
        except OSError as error:
            raise Misconfigured(
                f"cannot write to {self._lock_path.parent} ({error.strerror}): choose another folder with --state-dir "
                "or FEDSECURE_STATE_DIR"
            ) from None
        with stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield
