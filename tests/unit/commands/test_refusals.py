"""What the operating system refuses is one sentence, a bug of ours keeps its traceback, and a reader that has gone is nobody's fault."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.errors import Misconfigured, Unavailable
from fedsecure import cli
from fedsecure.cli import refusal_of
from fedsecure.output_files import check_writable

FEDSECURE = [sys.executable, "-m", "fedsecure"]


def refused(number: int, name: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), name)


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (refused(errno.EACCES, "/x"), Misconfigured, "Permission denied: /x; choose another"),
        (refused(errno.ENAMETOOLONG, "/x"), Misconfigured, "File name too long: /x"),
        (refused(errno.EADDRINUSE), Misconfigured, "Address already in use; choose another port"),
        (refused(errno.ENOSPC, "/x"), Unavailable, "No space left on device: /x; make room"),
        (refused(errno.EMFILE), Unavailable, "Too many open files; the machine"),
        (MemoryError(), Unavailable, "not enough memory"),
    ],
)
def test_what_people_cause_is_a_sentence(error, kind, said, monkeypatch, capsys):
    def fails() -> None:
        raise error

    refusal = refusal_of(error)
    assert isinstance(refusal, kind)
    assert said in str(refusal)
    monkeypatch.setattr(cli, "app", fails)
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == (2 if kind is Misconfigured else 1)
    assert capsys.readouterr().err == f"fedsecure: {refusal}\n"


@pytest.mark.parametrize("error", [refused(errno.EBADF), refused(errno.ENOENT, "/ours"), TypeError("ours")])
def test_a_bug_keeps_its_traceback(error, monkeypatch):
    def fails() -> None:
        raise error

    monkeypatch.setattr(cli, "app", fails)
    with pytest.raises(type(error)):
        cli.main()


@pytest.mark.parametrize("words", [["attacks", "--json"], ["--help"], ["stack", "status"]])
def test_a_reader_that_has_gone_ends_it_quietly(words, tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    environ = os.environ | {"FEDSECURE_STATE_DIR": str(tmp_path)}
    done = subprocess.run([*FEDSECURE, *words], stdout=writing, stderr=subprocess.PIPE, env=environ, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("words", [["attacks", "--json"], ["--help"]])
def test_a_full_disk_under_the_output_is_a_sentence(words):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*FEDSECURE, *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "fedsecure: No space left on device; make room and try again\n")


def test_a_terminal_that_knows_fewer_letters_gets_a_mark_instead():
    environ = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run([*FEDSECURE, "attacks"], capture_output=True, env=environ, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_whether_a_folder_can_be_written_is_said_before_the_work_and_leaves_nothing(tmp_path: Path):
    (tmp_path / "file").touch()
    check_writable(tmp_path / "a" / "b" / "c")
    check_writable(tmp_path)
    for folder in ("file", "file/x", f"a/{'x' * 300}", "/proc/none/x"):
        with pytest.raises(Misconfigured, match=r"cannot write into .*; choose another --work"):
            check_writable(tmp_path / folder, "--work")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_recording_is_not_overwritten_by_its_own_scores(tmp_path: Path, monkeypatch, capsys):
    recording = tmp_path / "ward.csv"
    recording.write_text("kept")
    (tmp_path / "same.csv").symlink_to(recording)
    monkeypatch.setattr(sys, "argv", ["fedsecure", "score", str(recording), "--out", str(tmp_path / "same.csv")])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    assert "is a recording that is to be read: choose another --out" in capsys.readouterr().err
    assert recording.read_text() == "kept"
