"""A folder of any size gives the recordings of a small one, in memory that does not grow with it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from wfdb_records import write_database

from contracts.errors import Misconfigured, Unavailable
from replay.recording import Recording
from replay.sources import read_sources
from replay.sources.formats import folder_recordings
from replay.sources.parts import bytes_to_read, collected
from replay.sources.source import Reading, describe_skipped, merged
from replay.sources.table_folder import FolderRecordings
from replay.sources.tables import blocks, plain_columns, row_store
from replay.sources.tables.recording_store import RecordingStore

COLUMNS = "device_id,observed_at,heart_rate_bpm,resp_rate_bpm"
START = datetime(2150, 1, 1, tzinfo=UTC)


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder into which goes whatever is more than a few rows."""
    monkeypatch.setattr("replay.sources.parts.MOST_ROWS_IN_MEMORY", 10)
    monkeypatch.setattr(row_store, "FEWEST_ROWS_A_RUN", 500)
    (tmp_path / "spilled").mkdir()
    return tmp_path / "spilled"


def table(devices: range, minutes: range) -> str:
    rows = (
        f"Bed {device},{START + timedelta(minutes=minute):%Y-%m-%dT%H:%MZ},{80 + minute % 7}.5,15"
        for device in devices
        for minute in minutes
    )
    return "\n".join([COLUMNS, *rows]) + "\n"


def ward(folder: Path, minutes: int) -> Path:
    """Twelve devices over four files, of which each has half of some device's minutes."""
    folder.mkdir()
    half = minutes // 2
    for name, devices, span in (
        ("a", range(6), range(half)),
        ("b", range(6), range(half, minutes)),
        ("c", range(6, 12), range(half, minutes)),
        ("d", range(3, 12), range(half)),
    ):
        (folder / f"{name}.csv").write_text(table(devices, span))
    return folder


def shown(reading: Reading) -> tuple[list[object], str]:
    return [_shown(recording) for recording in reading.recordings], describe_skipped(reading.skipped)


def _shown(recording: Recording) -> object:
    channels = {name: values.tolist() for name, values in recording.channels().items()}
    return recording.device_id, recording.label, recording.first_event_minute, recording.origin, repr(channels)


def in_parts(folder: Path, spilled: Path, jobs: int = 2) -> Reading:
    (found,) = collected([folder], spilled, lambda _: None)
    return merged(reading for part in found.parts(jobs) for reading in part.readings())


def test_a_folder_read_by_parts_gives_what_it_gives_as_a_whole(little_memory: Path, tmp_path: Path) -> None:
    folder = ward(tmp_path / "ward", 300)
    (folder / "cut.csv").write_text(table(range(20, 22), range(200)) + "Bed 21,yesterday,80,15\n")
    whole = read_sources([folder])
    assert shown(in_parts(folder, little_memory)) == shown(whole)
    assert [len(reading.recordings) for reading in (whole, in_parts(folder, little_memory))] == [12, 12]
    assert "'yesterday' is not a time" in describe_skipped(whole.skipped)


def test_a_file_that_breaks_off_gives_nothing(tmp_path: Path) -> None:
    whole = read_sources([ward(tmp_path / "ward", 60)])

    def broken() -> Iterator[Reading]:
        yield whole
        raise Misconfigured(f"{tmp_path / 'cut.csv'}: it ends within a row")

    found = FolderRecordings(tmp_path, RecordingStore())
    found.add(tmp_path / "cut.csv", broken)
    assert found.devices == 0
    assert describe_skipped(found.reading().skipped) == "it ends within a row (1: cut.csv)"


def test_only_recordings_stay_on_the_disk_and_no_rows_of_tables(little_memory: Path, tmp_path: Path) -> None:
    recordings = in_parts(ward(tmp_path / "ward", 300), little_memory).recordings
    values = sum(recording.minutes * len(recording.channels()) for recording in recordings)
    (file,) = little_memory.iterdir()
    assert 0 <= file.stat().st_size - 8 * values <= 8 * 2 * 300 * 3  # `d` has three devices of `a` once more


def test_records_of_a_list_are_kept_one_at_a_time(little_memory: Path, tmp_path: Path) -> None:
    (tmp_path / "database").mkdir()
    write_database(tmp_path / "database")
    assert shown(in_parts(tmp_path / "database", little_memory)) == shown(read_sources([tmp_path / "database"]))
    assert list(little_memory.iterdir())


def test_memory_does_not_grow_with_the_folder(
    little_memory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1 << 15)
    monkeypatch.setattr(plain_columns, "LEAST_BYTES", 1 << 12)

    def peak(minutes: int) -> int:
        folder = ward(tmp_path / f"of-{minutes}", minutes)
        in_parts(folder, little_memory)  # imports what is needed
        tracemalloc.start()
        (found,) = collected([folder], little_memory, lambda _: None)
        for part in found.parts(1):
            for reading in part.readings():
                assert reading.recordings
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    small, large = peak(1_000), peak(4_000)
    assert large - small < 3_000 * 12 * 8  # half of what the recordings grow by


def test_a_folder_that_is_full_is_one_sentence(little_memory: Path, tmp_path: Path) -> None:
    little_memory.rmdir()
    with pytest.raises(Unavailable, match=r"cannot hold the recordings of a large folder .*; make room there"):
        folder_recordings(ward(tmp_path / "ward", 60), RecordingStore(little_memory, 10))


def test_the_bar_counts_what_a_folder_holds(little_memory: Path, tmp_path: Path) -> None:
    folder = ward(tmp_path / "ward", 60)
    read: list[int] = []
    collected([folder], little_memory, read.append)
    assert bytes_to_read([folder]) - sum(read) == 4 * len(COLUMNS + "\n")
    (folder / "e.csv.gz").write_bytes(b"")
    assert bytes_to_read([folder]) is None
