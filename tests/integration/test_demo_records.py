"""The demo's records come from a server that is laid out as PhysioNet is, once; synthetic patients where they do not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from record_server import Library, serving
from wfdb_records import sha256_of, stays, write_record

from contracts.errors import Misconfigured, Unavailable
from replay import demo_records as demo
from replay.attacks import parse_attack
from replay.fetching.pinned import PinnedRecord
from replay.sources import read_recordings

HEADER, SIGNALS = (
    "mimic3wdb-matched/1.0/p00/p000020/p000020-2183-04-28-17-47n.hea",
    "mimic3wdb-matched/1.0/p00/p000020/3544749n.dat",
)
OTHER_HEADER, OTHER_SIGNALS = (
    "mimic2wdb/matched/s00001/s00001-2896-10-10-00-31n.hea",
    "mimic2wdb/matched/s00001/3975656n.dat",
)
ALL = [SIGNALS, HEADER, OTHER_SIGNALS, OTHER_HEADER]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """A server with two synthetic patients in the records' places; their sums are the pinned ones for the test."""
    root = tmp_path / "server"
    pinned = []
    for record, stay in zip(demo.RECORDS, stays(), strict=True):
        header, signals = record.sha256
        write_record(root / record.folder / header, stay, signals=signals)
        sums = {name: sha256_of(root / record.folder / name) for name in record.sha256}
        pinned.append(PinnedRecord(record.device_id, record.server, record.folder, sums))
    monkeypatch.setattr(demo, "RECORDS", tuple(pinned))
    with serving(root) as library:
        yield library


def had(library: Library | str, tmp_path: Path, *, offline: bool = False) -> tuple[demo.DemoRecords, list[str]]:
    said: list[str] = []
    server = library if isinstance(library, str) else library.url
    found = demo.demo_records(
        demo.wanted_records(["demo"]), tmp_path / "kept", server=server, offline=offline, say=said.append
    )
    return found, said


def test_the_records_are_fetched_as_they_are_with_one_notice_of_source_and_licence(
    library: Library, tmp_path: Path
) -> None:
    found, said = had(library, tmp_path)
    assert sorted(library.requests) == sorted(ALL)
    assert found.device_ids == ["p000020", "s00001"]
    for recording, stay in zip(found.recordings(), stays(), strict=True):
        assert (recording.device_id, recording.first_event_minute) == (stay.device_id, stay.first_event_minute)
        np.testing.assert_array_equal(recording.heart_rate_bpm, stay.heart_rate_bpm)
    kept = read_recordings([tmp_path / "kept"])
    assert {recording.device_id for recording in kept} == {"p000020", "s00001"}
    (notice,) = said
    for words in (
        "fetched p000020 (MIMIC-III",
        "s00001 (MIMIC-II Waveform",
        "Moody et al. 2020",
        "Open Database License",
        "Goldberger",
    ):
        assert words in notice


def test_what_was_fetched_once_needs_no_network_and_no_words(library: Library, tmp_path: Path) -> None:
    had(library, tmp_path)
    found, said = had("http://127.0.0.1:9", tmp_path)
    assert (found.device_ids, said) == (["p000020", "s00001"], [])


def test_what_was_changed_here_is_fetched_again(library: Library, tmp_path: Path) -> None:
    had(library, tmp_path)
    library.requests.clear()
    (tmp_path / "kept" / SIGNALS).write_bytes(b"")
    assert had(library, tmp_path)[0].device_ids == ["p000020", "s00001"]
    assert library.requests == [SIGNALS]
    assert (tmp_path / "kept" / SIGNALS).read_bytes() == (library.root / SIGNALS).read_bytes()


@pytest.mark.parametrize("fault", ["cut", "503", "damage"])
def test_one_bad_answer_is_asked_again(library: Library, tmp_path: Path, fault: str) -> None:
    library.faults = {SIGNALS: [fault]}
    assert had(library, tmp_path)[0].device_ids == ["p000020", "s00001"]
    assert library.requests.count(SIGNALS) == 2


def test_other_bytes_than_the_pinned_ones_are_an_error_and_not_kept(library: Library, tmp_path: Path) -> None:
    (library.root / SIGNALS).write_bytes(b"other bytes")
    with pytest.raises(
        Unavailable, match=r"3544749n\.dat holds other bytes than this version knows, twice, and is not used"
    ):
        had(library, tmp_path)
    assert not (tmp_path / "kept" / SIGNALS).exists()


def test_without_a_network_one_line_says_that_synthetic_patients_take_their_places(
    library: Library, tmp_path: Path
) -> None:
    found, said = had("http://127.0.0.1:9", tmp_path)
    assert found.device_ids == ["synthetic-p000020", "synthetic-s00001"]
    (line,) = said
    assert line.startswith(
        "http://127.0.0.1:9/mimic3wdb-matched/1.0/p00/p000020/p000020-2183-04-28-17-47n.hea does not come (no connection): "
    )
    assert line.endswith("take the places of p000020 and s00001 (devices synthetic-p000020 and synthetic-s00001)")
    assert "\n" not in line


def test_a_record_that_alone_does_not_come_is_alone_replaced(library: Library, tmp_path: Path) -> None:
    (library.root / OTHER_SIGNALS).unlink()
    found, said = had(library, tmp_path)
    assert [recording.device_id for recording in read_recordings([tmp_path / "kept"])] == ["p000020"]
    assert (tmp_path / "kept" / "RECORDS-numerics").read_text().count("\n") == 1
    assert found.device_ids == ["p000020", "synthetic-s00001"]
    assert [recording.device_id for recording in found.recordings()] == found.device_ids
    assert said[0].startswith("fetched p000020 (MIMIC-III")
    assert "s00001" not in said[0]
    assert (
        "(the server answers 404 Not Found): a synthetic patient takes the place of s00001 (device synthetic-s00001)"
        in said[1]
    )


def test_offline_asks_nobody_and_uses_synthetic_patients_even_where_the_records_are_kept(
    library: Library, tmp_path: Path
) -> None:
    had(library, tmp_path)
    library.requests.clear()
    found, said = had(library, tmp_path, offline=True)
    assert (found.device_ids, library.requests, len(said)) == (["synthetic-p000020", "synthetic-s00001"], [], 1)
    assert said[0].startswith("offline: synthetic patients take the places of p000020 and s00001")


def test_a_synthetic_patient_is_as_long_as_the_record_always_the_same_and_says_what_it_is() -> None:
    first, second = (demo.stand_in(name) for name in ("p000020", "s00001"))
    assert (first.minutes, second.minutes) == (1315, 1936)
    assert first.origin == "synthetic patient in place of p000020"
    np.testing.assert_array_equal(first.heart_rate_bpm, demo.stand_in("p000020").heart_rate_bpm)


def test_an_attack_on_a_record_goes_to_the_patient_in_its_place_also_to_a_repetition() -> None:
    found = demo.DemoRecords({}, {"p000020": "synthetic-p000020", "s00001": "synthetic-s00001"})
    names = ("p000020", "p000020-r2", "bed-1", "p000020-run")
    attacks = found.redirected([parse_attack(f"spoof:device={name},onset=1,donor=s00001") for name in names])
    assert [attack.device for attack in attacks] == [
        "synthetic-p000020",
        "synthetic-p000020-r2",
        "bed-1",
        "p000020-run",
    ]
    assert {attack.donor for attack in attacks} == {"synthetic-s00001"}
    assert found.redirected([parse_attack("bias:device=p000020,onset=1")])[0].donor is None


def test_a_folder_that_cannot_be_written_to_and_a_wrong_address_are_said(library: Library, tmp_path: Path) -> None:
    (tmp_path / "kept").touch()
    with pytest.raises(Misconfigured, match=r"cannot write to .*kept.*; set FEDSECURE_STATE_DIR"):
        had(library, tmp_path)
    (tmp_path / "kept").unlink()
    for address, words in (
        ("physionet.org", "is no address of a server"),
        ("http://me:secret@host", "without user and password"),
    ):
        with pytest.raises(Misconfigured, match=words) as refused:
            had(address, tmp_path)
        assert "secret" not in str(refused.value)


def test_another_name_is_told_the_records(tmp_path: Path) -> None:
    assert [record.device_id for record in demo.wanted_records(["s00001"])] == ["s00001"]
    assert [record.device_id for record in demo.wanted_records(["s00001", "demo"])] == ["p000020", "s00001"]
    with pytest.raises(Misconfigured, match="no demo record 'p1': use demo, p000020, s00001"):
        demo.wanted_records(["p1"])
