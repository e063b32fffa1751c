"""A folder of WFDB numerics gives every usable record that it lists, each as a device of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from wfdb_records import FIRST, write_database

from contracts.errors import Misconfigured
from replay.sources import read_recordings, read_sources


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The two records as PhysioNet lays them out, and two that cannot be used."""
    write_database(tmp_path)
    (tmp_path / "s00/s00001/s00001-2896-10-09-01-56n.hea").write_text(
        "s00001-2896-10-09-01-56n 2 0.0166666666667 1 01:56:00 09/10/2896\n"
        "x.dat 16 10/bpm 16 0 0 0 0 HR\nx.dat 16 10/pm 16 0 0 0 0 RESP\n"
    )
    (tmp_path / "s00/s00001/x.dat").write_bytes(bytes(4))
    first, second = (tmp_path / "RECORDS-numerics").read_text().split()
    unusable = ("s00/s00001/s00001-2896-10-09-01-56n", "p00/p000021/p000021-2100-01-01-00-00n")
    (tmp_path / "RECORDS-numerics").write_text("\n".join([first, unusable[0], second, unusable[1]]) + "\n")
    return tmp_path


def add_record(folder: Path, name: str) -> None:
    """Put the first record under another name of the same subject, and list it last."""
    text = (folder / f"{FIRST}.hea").read_text()
    (folder / f"p00/p000020/{name}.hea").write_text(text.replace(Path(FIRST).name, name, 1))
    with (folder / "RECORDS-numerics").open("a") as records:
        records.write(f"p00/p000020/{name}\n")


def test_usable_records_are_read_and_others_counted(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    recordings = read_recordings([folder])
    assert [(r.device_id, r.minutes) for r in recordings] == [("p000020", 1315), ("s00001", 1936)]
    (message,) = caplog.messages
    assert message == (
        "skipped 2 of 4 recordings: 1 minute long; at least 2 are needed (1: s00001-2896-10-09-01-56n); "
        "listed, but its header is not there (1: p000021-2100-01-01-00-00n)"
    )


def test_more_records_of_a_subject_are_devices_of_their_own(folder: Path) -> None:
    add_record(folder, "p000020-2183-04-30-00-00n")
    add_record(folder, "p000020-2183-05-02-00-00n")
    assert [r.device_id for r in read_recordings([folder])] == ["p000020", "s00001", "p000020-2", "p000020-3"]


def test_a_damaged_record_among_others_is_skipped(folder: Path) -> None:
    add_record(folder, "p000020-2183-04-30-00-00n")
    signal = folder / "p00/p000020/3544749n.dat"
    signal.write_bytes(signal.read_bytes()[:100])
    reading = read_sources([folder])
    assert [r.device_id for r in reading.recordings] == ["s00001"]
    reasons = [error.reason for error in reading.skipped if "p000020" in error.name]
    assert len(reasons) == 2
    assert all(reason.startswith("not a readable WFDB record: ") for reason in reasons)


def test_a_folder_of_only_unusable_records_is_refused_with_the_reasons(folder: Path) -> None:
    (folder / "RECORDS-numerics").write_text("s00/s00001/s00001-2896-10-09-01-56n\nnowhere\n")
    with pytest.raises(Misconfigured, match=r"no usable recording among 2: 1 minute long.*; listed, but its header"):
        read_recordings([folder])
    (folder / "RECORDS-numerics").write_text("\n")
    with pytest.raises(Misconfigured, match="RECORDS-numerics is empty"):
        read_recordings([folder])
