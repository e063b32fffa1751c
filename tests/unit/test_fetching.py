"""Which records a fetch takes, and how it finds a few checksums in a long list."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from contracts.errors import Misconfigured
from replay.fetching.checksums import published_sums
from replay.fetching.errors import NotThere
from replay.fetching.mimic3_waveforms import choose_records

LIST = "p00/p000020/p000020-2183n\np00/p000030/p000030-2172n\np00/p000030/p000030-2173n\np01/p010013/p010013-2155n\n"


def test_patients_are_counted_not_records() -> None:
    assert choose_records(LIST, 1) == ["p00/p000020/p000020-2183n"]
    assert choose_records(LIST, 2) == [
        "p00/p000020/p000020-2183n",
        "p00/p000030/p000030-2172n",
        "p00/p000030/p000030-2173n",
    ]
    assert choose_records(LIST, 99) == LIST.split()
    assert choose_records("", 3) == []


def test_a_name_that_is_no_record_is_refused() -> None:
    with pytest.raises(Misconfigured, match="holds '<html>'"):
        choose_records("<html>\n", 1)


class Lines:
    """A server that gives lines one by one, and counts them."""

    def __init__(self, *lines: str) -> None:
        self._lines = lines
        self.given = 0

    def lines_until(self, name: str, take: Callable[[str], bool]) -> None:
        if not self._lines:
            raise NotThere(name)
        for line in self._lines:
            self.given += 1
            if take(line):
                return


def test_sums_are_read_only_as_far_as_needed() -> None:
    server = Lines("AA a.hea", "bb  *b.hea", "cc  ./c.hea", "dd d.hea", "ee e.hea", "")
    assert published_sums(server, ["c.hea", "a.hea", "b.hea"]) == {"a.hea": "aa", "b.hea": "bb", "c.hea": "cc"}  # type: ignore[arg-type]
    assert server.given == 3


def test_a_file_that_is_not_listed_has_no_sum() -> None:
    server = Lines("aa a.hea", "")
    assert published_sums(server, ["a.hea", "x.hea"]) == {"a.hea": "aa"}  # type: ignore[arg-type]
    assert published_sums(Lines(), ["a.hea"]) == {}  # type: ignore[arg-type]
    assert published_sums(server, []) == {}  # type: ignore[arg-type]
