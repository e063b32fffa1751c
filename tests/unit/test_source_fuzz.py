"""Whatever is done to a valid file, reading it ends in recordings or in a sentence, soon and in little memory."""

from __future__ import annotations

import os
import resource
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from valid_files import ValidFile, all_valid_files

from contracts.errors import Misconfigured
from replay.recording import Recording
from replay.sources import read_sources
from replay.sources.minutes.charted import LONGEST_BETWEEN_MIN
from replay.sources.source import all_sources

with tempfile.TemporaryDirectory() as _room:
    FILES = all_valid_files(Path(_room))
IDS = [file.name for file in FILES]
MOST_KILOBYTES = 500 * 1024
EXAMPLES = 10 * int(os.environ.get("FUZZ_TIMES", "1"))  # many more in `make release-check`


def read(file: ValidFile, **changed: bytes) -> dict[str, Recording] | None:
    """The recordings of the file with some of its parts changed, by device; None when they are refused."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in {**file.parts, **changed}.items():
            (Path(folder) / name).write_bytes(content)
        try:
            reading = read_sources([Path(folder) / file.name])
        except Misconfigured:
            return None
    return {recording.device_id: recording for recording in reading.recordings}


def minutes_of(recording: Recording) -> dict[int, tuple[float, float]]:
    rates = zip(recording.heart_rate_bpm.tolist(), recording.resp_rate_bpm.tolist(), strict=True)
    return dict(enumerate(rates, recording.first_event_minute))


def assert_same_minutes(damaged: dict[str, Recording], whole: dict[str, Recording], *, is_cut: bool) -> None:
    """Every minute that both have is the same, but for the last of a cut file: its end may lie within a value."""
    for device_id, recording in damaged.items():
        if device_id not in whole:
            continue  # the cut went through its name, which a table cannot know
        expected = minutes_of(whole[device_id])
        seen = minutes_of(recording)
        but_last = (
            (LONGEST_BETWEEN_MIN + 1 if recording.charted else 1) if is_cut else 0
        )  # a line leads to a charted value
        for minute in sorted(seen)[: max(0, len(seen) - but_last)]:
            np.testing.assert_array_equal(seen[minute], expected[minute], str(minute))


@pytest.fixture(autouse=True)
def little_memory():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_KILOBYTES


def test_every_source_has_a_valid_file() -> None:
    seen = set()
    for file in FILES:
        with tempfile.TemporaryDirectory() as folder:
            for name, content in file.parts.items():
                (Path(folder) / name).write_bytes(content)
            reading = read_sources([Path(folder) / file.name])
            assert reading.recordings, file.name
            seen |= set(reading.formats)
    assert seen == {source.name for source in all_sources()}


@pytest.mark.parametrize("file", FILES, ids=IDS)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_a_cut_file_gives_what_is_there_or_a_sentence(file: ValidFile, data: st.DataObject) -> None:
    part = data.draw(st.sampled_from(sorted(file.parts)))
    content = file.parts[part]
    whole = read(file)
    damaged = read(file, **{part: content[: data.draw(st.integers(0, len(content) - 1))]})
    assert whole is not None
    if damaged is not None and part == file.name:
        assert_same_minutes(damaged, whole, is_cut=True)


@pytest.mark.parametrize("file", FILES, ids=IDS)
@settings(max_examples=2 * EXAMPLES)
@given(data=st.data())
def test_flipped_bits_give_recordings_or_a_sentence(file: ValidFile, data: st.DataObject) -> None:
    part = data.draw(st.sampled_from(sorted(file.parts)))
    content = bytearray(file.parts[part])
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    read(file, **{part: bytes(content)})


@pytest.mark.parametrize("file", FILES, ids=IDS)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_moved_blocks_give_recordings_or_a_sentence(file: ValidFile, data: st.DataObject) -> None:
    part = data.draw(st.sampled_from(sorted(file.parts)))
    content = file.parts[part]
    size = data.draw(st.integers(max(1, len(content) // 12), max(1, len(content) // 2)))
    blocks = [content[begin : begin + size] for begin in range(0, len(content), size)]
    read(file, **{part: b"".join(data.draw(st.permutations(blocks)))})


@pytest.mark.parametrize("file", [file for file in FILES if file.head is not None], ids=lambda file: file.name)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_rows_in_any_order_give_the_same_minutes(file: ValidFile, data: st.DataObject) -> None:
    lines = file.parts[file.name].splitlines(keepends=True)
    head, rows = lines[: file.head], lines[file.head :]
    shuffled = read(file, **{file.name: b"".join([*head, *data.draw(st.permutations(rows))])})
    whole = read(file)
    assert shuffled is not None
    assert whole is not None
    assert shuffled.keys() == whole.keys()
    assert_same_minutes(shuffled, whole, is_cut=False)


@pytest.mark.parametrize("file", [file for file in FILES if file.head], ids=lambda file: file.name)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_bytes_put_in_anywhere_give_recordings_or_a_sentence(file: ValidFile, data: st.DataObject) -> None:
    content = file.parts[file.name]
    at = data.draw(st.integers(0, len(content)))
    put_in = data.draw(
        st.binary(max_size=8)
        | st.sampled_from([b'"', b"\r", b"\x00", b"1e400", b"\xff\xfe", b"-" * 70000, b";", b"\n\n"])
    )
    read(file, **{file.name: content[:at] + put_in + content[at:]})
