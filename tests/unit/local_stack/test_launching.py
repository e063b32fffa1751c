"""A server is on record or ended again, and why it ended is said in one line."""

from __future__ import annotations

import errno
import shutil
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from contracts.errors import Misconfigured, Unavailable
from fedsecure.local_stack import LocalStack, launching
from fedsecure.local_stack.launching import launch_on_record, sizes_of, wait_until_answers, why_ended, writing_into
from fedsecure.local_stack.processes import ProcessId, start_detached, stop
from fedsecure.local_stack.state_file import ServerRecord, StateFile


class Sleeper:
    """A server that is a process which sleeps, or one that says a word and ends."""

    name = "redis"
    title = "Sleeper"
    start_timeout_s = 60.0

    def __init__(self, folder: Path, program: str = "import time; time.sleep(600)") -> None:
        self.folder = folder
        self.log = folder / "sleeper.log"
        self.logs = (self.log,)
        self.launched: list[ProcessId] = []
        self._program = program

    def launch(self) -> ProcessId:
        self.launched.append(start_detached([sys.executable, "-c", self._program], {}, self.log))
        return self.launched[-1]

    def answers(self, _ports: dict[str, int]) -> bool:
        return False


class FullDisk(StateFile):
    """A state file of which so many can be written before the disk is full."""

    def __init__(self, folder: Path, writes: int) -> None:
        super().__init__(folder)
        self.writes = writes

    def note(self, name: str, record: ServerRecord) -> None:
        if self.writes == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.writes -= 1
        super().note(name, record)


def test_nothing_is_started_where_nothing_can_be_written(tmp_path: Path) -> None:
    server = Sleeper(tmp_path)
    with pytest.raises(OSError, match="No space"):
        launch_on_record(cast("Any", server), {"client": 1}, FullDisk(tmp_path, 0), None)
    assert server.launched == []


def test_a_server_that_cannot_be_put_on_record_is_ended_again(tmp_path: Path) -> None:
    server = Sleeper(tmp_path)
    with pytest.raises(OSError, match="No space"):
        launch_on_record(cast("Any", server), {"client": 1}, FullDisk(tmp_path, 1), None)
    assert server.launched[0].find() is None
    assert not StateFile(tmp_path).read()["redis"].runs()


def test_a_server_on_record_is_found_again(tmp_path: Path) -> None:
    server = Sleeper(tmp_path)
    launch_on_record(cast("Any", server), {"client": 1}, StateFile(tmp_path), None)
    try:
        assert StateFile(tmp_path).read()["redis"].process == server.launched[0]
    finally:
        stop(server.launched[0], grace_s=5)


def test_a_server_that_ends_while_it_starts_is_explained_in_one_line_of_its_log(tmp_path: Path) -> None:
    server = Sleeper(tmp_path, "raise RuntimeError('no such cluster')")
    server.log.write_text("ERROR: of yesterday\n")
    before, state = sizes_of(server.logs), StateFile(tmp_path)
    launch_on_record(cast("Any", server), {"client": 1}, state, None)
    with pytest.raises(Unavailable) as why:
        wait_until_answers(cast("Any", server), state, before)
    assert str(why.value) == f"Sleeper ended while it started; {server.log} says: RuntimeError: no such cluster"


def test_a_full_disk_is_the_reason_whatever_the_logs_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "LEAST_FREE_BYTES", shutil.disk_usage(tmp_path).total + 1)
    assert (
        why_ended(tmp_path, {})
        == f"the disk of {tmp_path} is full: free some space, or choose another folder with --state-dir"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("INFO well\nERROR Main: bad\njava.io.IOException: No space left\n\tat java.x\n\t... 3 more\n", "java.io.IOException: No space left"),
        ("# Could not create server TCP listening socket\nbye\n", "# Could not create server TCP listening socket"),
        ("hello\nbye\n", "bye"),
        ("", "nothing is said"),
        ("\x00\xffError: " + "x" * 9999, "Error: x"),
    ],
)  # fmt: skip
def test_the_last_telling_line_is_the_reason(tmp_path: Path, text: str, said: str) -> None:
    log = tmp_path / "a.log"
    log.write_text("Error: of yesterday\n")
    before = sizes_of((log, tmp_path / "none.log"))
    with log.open("a") as stream:
        stream.write(text)
    why = why_ended(tmp_path, before)
    assert said in why
    assert "yesterday" not in why
    assert len(why) < 600


def test_what_the_disk_refuses_is_a_sentence_with_the_folder(tmp_path: Path) -> None:
    with (
        pytest.raises(Unavailable, match=f"cannot write into {tmp_path} .No space left on device.: make room"),
        writing_into(tmp_path),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_half_a_state_file_is_never_left(tmp_path: Path) -> None:
    state = StateFile(tmp_path)
    state.note("redis", ServerRecord(None, {"client": 1}))
    state.path.with_suffix(".new").mkdir()  # as a disk that refuses
    with pytest.raises(OSError, match="directory"):
        state.note("redis", ServerRecord(None, {"client": 2}))
    assert state.read()["redis"].ports == {"client": 1}


@pytest.mark.parametrize(
    "call", [LocalStack.up, LocalStack.status, LocalStack.endpoints, LocalStack.down, LocalStack.wipe]
)
def test_a_state_folder_that_is_a_file_is_named(tmp_path: Path, call: Any) -> None:
    file = tmp_path / "state"
    file.write_text("")
    with pytest.raises(Misconfigured, match=f"{file}"):
        call(LocalStack(file, environ={}))
