"""A worker looks for reference cycles seldom, but it still finds them."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from streams.collecting import YOUNG_OBJECTS, collect_seldom


class Cycle:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_what_is_there_at_the_start_is_looked_at_no_more() -> None:
    collect_seldom()
    assert gc.get_freeze_count() > 1000
    assert gc.get_threshold()[0] == YOUNG_OBJECTS


def test_a_cycle_that_comes_later_is_found() -> None:
    collect_seldom()
    gone = weakref.ref(Cycle())
    kept: list[list[None]] = []
    while gone() is not None:
        assert len(kept) < 2 * YOUNG_OBJECTS
        kept.append([])
