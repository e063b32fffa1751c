from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.history import FIRST_CAPACITY, History


def rows_of(device: int, first: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    minutes = np.arange(first, first + count)
    return np.stack([1000.0 * device + minutes, -minutes], axis=1).astype(np.float32), minutes


def push(history: History, parts: list[tuple[int, np.ndarray, np.ndarray]]):
    slots = np.array([slot for slot, _, _ in parts])
    counts = np.array([len(minutes) for _, _, minutes in parts])
    values = np.concatenate([values for _, values, _ in parts])
    return history.push(slots, counts, values, np.concatenate([minutes for _, _, minutes in parts]))


@given(st.lists(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 150)), max_size=3), max_size=12))
def test_any_packing_gives_the_windows_of_the_whole_series(batches: list[list[tuple[int, int]]]) -> None:
    history = History()
    slots = [history.reserve() for _ in range(3)]
    written = [0, 0, 0]
    for batch in batches:
        parts, first_rows = [], []
        for device, count in dict(batch).items():
            parts.append((slots[device], *rows_of(device, written[device], count)))
            first_rows.append((device, written[device], count))
            written[device] += count
        if not parts:
            continue
        pushed = push(history, parts)
        expected = [(device, first + nth) for device, first, count in first_rows for nth in range(count)]
        assert pushed.usable.tolist() == [last >= 59 for _, last in expected]
        full = np.flatnonzero(pushed.usable)
        values, minutes = pushed.cut(full)
        for window, window_minutes, row in zip(values, minutes, full, strict=True):
            device, last = expected[row]
            assert np.array_equal(window, rows_of(device, last - 59, 60)[0])
            assert window_minutes.tolist() == list(range(last - 59, last + 1))


def test_a_window_over_more_than_two_hours_is_not_usable() -> None:
    history = History()
    slot = history.reserve()
    values, minutes = rows_of(0, 0, 60)
    minutes[30:] += 61  # spans 120
    assert push(history, [(slot, values, minutes)]).usable[-1]
    history.clear(slot)
    minutes[30:] += 1
    assert not push(history, [(slot, values, minutes)]).usable[-1]


def test_a_released_slot_comes_back_empty() -> None:
    history = History()
    slot = history.reserve()
    push(history, [(slot, *rows_of(0, 0, 100))])
    history.release(slot)
    assert history.reserve() == slot
    assert not push(history, [(slot, *rows_of(0, 100, 59))]).usable.any()


def test_rows_survive_growth() -> None:
    history = History()
    slots = [history.reserve() for _ in range(FIRST_CAPACITY)]
    push(history, [(slot, *rows_of(slot, 0, 59)) for slot in slots])
    more = [history.reserve() for _ in range(2 * FIRST_CAPACITY)]
    assert len({*slots, *more}) == 3 * FIRST_CAPACITY
    pushed = push(history, [(slot, *rows_of(slot, 59, 1)) for slot in slots])
    values, _ = pushed.cut(np.arange(len(slots)))
    assert values[:, 0, 0].tolist() == [1000.0 * slot for slot in slots]
    assert not push(history, [(slot, *rows_of(slot, 0, 59)) for slot in more]).usable.any()
