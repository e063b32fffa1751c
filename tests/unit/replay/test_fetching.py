"""Which records a fetch takes, and how it finds a few checksums in a long list."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from contracts.errors import Misconfigured
from replay.fetching.catalogue import published_sums
from replay.fetching.challenge2009 import GROUPS, choose, training_records
from replay.fetching.errors import NotThere
from replay.fetching.waveforms import MIMIC3, MIMIC4, first_patients

LIST = "p00/p000020/p000020-2183n\np00/p000030/p000030-2172n\np00/p000030/p000030-2173n\np01/p010013/p010013-2155n\n"


def test_patients_are_counted_not_records() -> None:
    assert first_patients(LIST, MIMIC3, 1) == ["p00/p000020/p000020-2183n"]
    assert first_patients(LIST, MIMIC3, 2) == [
        "p00/p000020/p000020-2183n",
        "p00/p000030/p000030-2172n",
        "p00/p000030/p000030-2173n",
    ]
    assert first_patients(LIST, MIMIC3, 99) == LIST.split()
    assert first_patients("", MIMIC3, 3) == []


def test_a_record_of_mimic_4_lies_in_a_folder_of_its_own_below_its_patients() -> None:
    names = ["waves/p100/p1/81/81", "waves/p100/p1/82/82", "waves/p101/p2/83/83"]
    assert first_patients("\n".join(names), MIMIC4, 1) == names[:2]


def test_a_name_that_is_no_record_is_refused() -> None:
    with pytest.raises(Misconfigured, match="holds '<html>'"):
        first_patients("<html>\n", MIMIC3, 1)


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


class Lists:
    """A server that has lists of records, and nothing else."""

    def __init__(self, base_url: str, lists: dict[str, str]) -> None:
        self.base_url = base_url
        self.asked: list[str] = []
        self._lists = lists

    def text(self, name: str) -> str:
        self.asked.append(name)
        if name not in self._lists:
            raise NotThere(name)
        return self._lists[name]


def test_the_training_set_has_four_groups_of_fifteen() -> None:
    assert [len(names) for names in GROUPS.values()] == [15, 15, 15, 15]
    assert len({name for names in GROUPS.values() for name in names}) == 60
    assert {"a40439", "a42928"} <= choose(["H1"]).names


def test_the_first_server_that_lists_the_training_set_is_taken() -> None:
    tests_only = Lists("one/", {"RECORDS": "test-set-a/101an\ntest-set-b/\n"})
    by_record = Lists("two/", {"a40439/RECORDS": "a40439\na40439n\n", "a40006/RECORDS": "a40006\n"})
    server, records = training_records([tests_only, by_record], choose())  # type: ignore[list-item]
    assert (server.base_url, records) == ("two/", ["a40006/a40006n", "a40439/a40439n"])
    assert tests_only.asked == ["RECORDS", "training-set/RECORDS"]  # a list that lacks them is believed
    with pytest.raises(Misconfigured, match="no list of one/ holds such records"):
        training_records([tests_only], choose())  # type: ignore[list-item]


def test_a_group_of_the_server_counts_though_its_records_are_unknown() -> None:
    lists = {"RECORDS": "H1/\nc1/\n", "H1/RECORDS": "a77777n\n", "c1/RECORDS": "a88888n\n"}
    _, records = training_records([Lists("one/", lists)], choose(["h1"]))  # type: ignore[list-item]
    assert records == ["H1/a77777n"]


def test_lists_that_name_each_other_end() -> None:
    class Endless(Lists):
        def text(self, name: str) -> str:
            self.asked.append(name)
            return "training-set/\n"

    server = Endless("one/", {})
    with pytest.raises(Misconfigured, match="no list of one/"):
        training_records([server], choose())  # type: ignore[list-item]
    assert len(server.asked) < 10
