"""`fedsecure fetch` against a server on this machine that is laid out as PhysioNet is, and that can misbehave."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from record_server import Library, serving
from typer.testing import CliRunner
from wfdb_records import FILES, FIRST, FIRST_SIGNALS, SECOND, SECOND_SIGNALS, write_database

from contracts.errors import Misconfigured, Unavailable
from fedsecure.cli import app
from replay.fetching import Fetched, Server, fetch_records
from replay.fetching.waveforms import MIMIC3, database_records
from replay.sources import read_recordings


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with serving(write_database(tmp_path / "server")) as library:
        yield library


def fetch(library: Library, out: Path, patients: int = 2) -> Fetched:
    server = Server(library.url, pause=lambda _: None)
    return fetch_records(server, out, database_records(server, MIMIC3, patients))


def files_in(out: Path) -> list[str]:
    return sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())


ALL = sorted([*FILES[FIRST], *FILES[SECOND], "RECORDS-numerics"])


def test_records_arrive_as_the_server_has_them_and_can_be_read(library: Library, tmp_path: Path) -> None:
    fetched = fetch(library, tmp_path / "out")
    assert (fetched.patients, fetched.records, fetched.new_records) == (2, 2, 2)
    assert (fetched.files, fetched.sums_checked, fetched.failed) == (4, 4, ())
    assert fetched.new_bytes == sum((library.root / file).stat().st_size for files in FILES.values() for file in files)
    assert files_in(tmp_path / "out") == ALL
    for file in ALL:
        assert (tmp_path / "out" / file).read_bytes() == (library.root / file).read_bytes()
    recordings = read_recordings([tmp_path / "out"])
    assert [(r.device_id, r.minutes) for r in recordings] == [("p000020", 1315), ("s00001", 1936)]


def test_what_is_whole_is_not_fetched_again(library: Library, tmp_path: Path) -> None:
    fetch(library, tmp_path, patients=1)
    assert (tmp_path / "RECORDS-numerics").read_text() == f"{FIRST}\n"
    library.requests.clear()
    assert fetch(library, tmp_path).new_records == 1
    assert library.requests == ["RECORDS-numerics", f"{SECOND}.hea", "SHA256SUMS.txt", SECOND_SIGNALS]
    library.requests.clear()
    assert fetch(library, tmp_path, patients=1).new_records == 0
    assert library.requests == ["RECORDS-numerics"]
    assert (tmp_path / "RECORDS-numerics").read_text() == f"{FIRST}\n{SECOND}\n"


@pytest.mark.parametrize("fault", ["cut", "503"])
def test_a_file_that_fails_twice_is_tried_a_third_time(library: Library, tmp_path: Path, fault: str) -> None:
    library.faults = {SECOND_SIGNALS: 2 * [fault], "SHA256SUMS.txt": [fault], "RECORDS-numerics": [fault]}
    assert fetch(library, tmp_path / "out").records == 2
    assert files_in(tmp_path / "out") == ALL


def test_a_lost_server_leaves_whole_records_only_and_the_next_call_goes_on(library: Library, tmp_path: Path) -> None:
    out = tmp_path / "out"
    library.faults = {SECOND_SIGNALS: 3 * ["cut"]}
    with pytest.raises(
        Unavailable, match=r"3975656n\.dat does not come \(the connection ended after \d+ of \d+ bytes\)"
    ):
        fetch(library, out)
    placed = [file for file in files_in(out) if not file.startswith(".unfinished/")]
    assert placed == sorted([*FILES[FIRST], "RECORDS-numerics"])
    assert [r.device_id for r in read_recordings([out])] == ["p000020"]
    library.requests.clear()
    assert (fetch(library, out).records, files_in(out)) == (2, ALL)
    assert library.requests == ["RECORDS-numerics", "SHA256SUMS.txt", SECOND_SIGNALS]  # its header is kept


def test_damage_on_the_way_is_seen_and_the_record_fetched_again(library: Library, tmp_path: Path) -> None:
    library.faults = {FIRST_SIGNALS: ["damage"], f"{SECOND}.hea": ["damage"]}
    assert fetch(library, tmp_path / "out").failed == ()
    assert files_in(tmp_path / "out") == ALL
    for file in ALL:
        assert (tmp_path / "out" / file).read_bytes() == (library.root / file).read_bytes()


@pytest.mark.parametrize(
    ("with_sums", "reason"),
    [
        (True, r"3544749n.dat differs from the server's SHA256SUMS.txt"),
        (False, "signal 3 differ from the header's checksum"),
    ],
)
def test_lasting_damage_is_reported_and_the_others_arrive(
    library: Library, tmp_path: Path, with_sums: bool, reason: str
) -> None:
    if not with_sums:
        (library.root / "SHA256SUMS.txt").unlink()
    signals = library.root / FIRST_SIGNALS
    signals.write_bytes(signals.read_bytes()[:-1] + b"\x7f")
    fetched = fetch(library, tmp_path / "out")
    assert [name for name, _ in fetched.failed] == [FIRST]
    assert reason in fetched.failed[0][1]
    assert library.requests.count(FIRST_SIGNALS) == 2
    assert (fetched.records, fetched.sums_checked) == (1, 4 if with_sums else 0)
    assert files_in(tmp_path / "out") == sorted([*FILES[SECOND], "RECORDS-numerics"])


def test_a_file_of_another_size_than_the_header_says_is_damaged(library: Library, tmp_path: Path) -> None:
    (library.root / "SHA256SUMS.txt").unlink()
    signals = library.root / FIRST_SIGNALS
    signals.write_bytes(signals.read_bytes() + b"more")
    ((_, reason),) = fetch(library, tmp_path / "out").failed
    assert reason == "3544749n.dat has 7894 bytes; its header says 7890"


def test_a_record_that_was_damaged_here_is_fetched_again(library: Library, tmp_path: Path) -> None:
    out = tmp_path / "out"
    fetch(library, out)
    (out / FIRST_SIGNALS).write_bytes(b"")
    (out / SECOND_SIGNALS).unlink()
    assert fetch(library, out).new_records == 2
    assert (out / FIRST_SIGNALS).read_bytes() == (library.root / FIRST_SIGNALS).read_bytes()
    assert files_in(out) == ALL


def test_a_record_that_was_damaged_here_and_cannot_be_had_again_is_no_longer_listed(
    library: Library, tmp_path: Path
) -> None:
    fetch(library, tmp_path / "out")
    (tmp_path / "out" / FIRST_SIGNALS).write_bytes(b"")
    (library.root / FIRST_SIGNALS).unlink()
    assert fetch(library, tmp_path / "out").records == 1
    assert (tmp_path / "out" / "RECORDS-numerics").read_text() == f"{SECOND}\n"


def test_a_missing_file_costs_its_record_only(library: Library, tmp_path: Path) -> None:
    (library.root / FIRST_SIGNALS).unlink()
    fetched = fetch(library, tmp_path / "out")
    assert fetched.records == 1
    assert "is not there: the server answers 404" in fetched.failed[0][1]


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "p00/../../x", "p00", "p00/x y"])
def test_a_list_that_leads_out_of_the_folder_is_refused(library: Library, tmp_path: Path, name: str) -> None:
    library.write("RECORDS-numerics", f"{name}\n")
    with pytest.raises(Misconfigured, match="RECORDS-numerics holds"):
        fetch(library, tmp_path / "out")


@pytest.mark.parametrize(
    ("file_name", "words"),
    [("../../x.dat", "its header cannot be read"), ("~x.dat", "'~x.dat', which is no plain file name")],
)
def test_a_header_that_leads_out_of_the_folder_costs_its_record(
    library: Library, tmp_path: Path, file_name: str, words: str
) -> None:
    header = library.root / f"{FIRST}.hea"
    header.write_text(header.read_text().replace("3544749n.dat", file_name))
    assert words in fetch(library, tmp_path / "out").failed[0][1]


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["fetch", "mimic3-waveforms", *map(str, arguments)])


def test_the_command_says_what_came_and_what_to_do_next(library: Library, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("--patients", 5, "--out", out, "--base-url", library.url)
    assert result.stdout.splitlines() == [
        f"2 records of 2 patients, all that the server has (not 5) in {out}, 2 of them new (0.0 MB)",
        "checked: every signal against its header, 4 of 4 files by SHA-256",
        f"look at them: fedsecure inspect {out}",
    ]
    assert "none of them new" in run("--patients", 2, "--out", out, "--base-url", library.url).stdout


def test_the_command_takes_records_by_name(library: Library, tmp_path: Path) -> None:
    out = tmp_path / "out"
    at = ("--out", out, "--base-url", library.url)
    assert "1 records of 1 patients in" in run("--records", SECOND.rpartition("/")[2], *at).stdout
    assert [r.device_id for r in read_recordings([out])] == ["s00001"]
    assert "2 records of 2 patients in" in run("--records", f"{FIRST},{SECOND}", *at).stdout
    for arguments, words in (
        (("--records", "p000020-1n"), "does not list p000020-1n"),
        (("--records", FIRST, "--patients", 2), "give one of them"),
    ):
        error = run(*arguments, *at).exception
        assert isinstance(error, Misconfigured)
        assert words in str(error)


def test_the_command_fails_for_a_record_that_does_not_arrive(library: Library, tmp_path: Path) -> None:
    (library.root / FIRST_SIGNALS).unlink()
    result = run("--patients", 2, "--out", tmp_path / "out", "--base-url", library.url)
    assert isinstance(result.exception, Unavailable)
    assert "1 records could not be fetched; the same command tries them again" in str(result.exception)


def test_wrong_addresses_and_folders_are_told(library: Library, tmp_path: Path) -> None:
    for url, words in (
        (f"{library.url}/elsewhere", "has no RECORDS-numerics; --base-url names the folder that holds it"),
        ("file:///etc", "is no address of a server"),
        ("physionet.org/files", "is no address of a server"),
    ):
        error = run("--out", tmp_path / "out", "--base-url", url).exception
        assert isinstance(error, Misconfigured)
        assert words in str(error)
    (tmp_path / "file").touch()
    error = run("--out", tmp_path / "file", "--base-url", library.url).exception
    assert isinstance(error, Misconfigured)
    assert "choose another --out" in str(error)


def test_without_a_network_the_error_names_the_address() -> None:
    pauses: list[float] = []
    with pytest.raises(
        Unavailable,
        match=r"http://127\.0\.0\.1:9/RECORDS-numerics does not come \(Connection refused\); check the network",
    ):
        database_records(Server("http://127.0.0.1:9", pause=pauses.append), MIMIC3, 1)
    assert pauses == [1.0, 4.0]


@pytest.mark.timeout(60)
def test_ctrl_c_leaves_a_state_from_which_the_same_command_goes_on(
    library: Library, spawn: Any, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    library.faults = {SECOND_SIGNALS: ["stall"]}
    command = ("fetch", "mimic3-waveforms", "--patients", "2", "--out", str(out), "--base-url", library.url)
    program = spawn(*command)
    assert library.stalled.wait(30)
    program.send(signal.SIGINT)
    assert program.wait(15) == 130
    assert f"stopped: what is whole is in {out}; the same command goes on from there" in program.log
    assert "Traceback" not in program.log
    assert [r.device_id for r in read_recordings([out])] == ["p000020"]
    library.go_on.set()
    assert spawn(*command).wait(30) == 0
    assert files_in(out) == ALL
