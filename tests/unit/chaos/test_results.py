"""Finished seeds stay, also when the run was broken off; the page says how many failed at first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from chaos.page import FIGURE, TABLE, by_kind, summary, write_page
from chaos.results import Results
from chaos.run import Outcome

FAULT = {"kind": "kill", "target": "worker-1", "hold_s": 2.0, "service": "", "amount": 0.0}
STRUCK = {"what": "kill worker-1", "faults": [FAULT], "at_min": 500, "heal_s": 4.0, "limit_s": 20.0, "round_s": 1.0}
COUNTS = {
    "minutes": 5040, "published again": 3, "changes of state": 10, "rounds committed": 9, "rounds skipped": 1,
    "rounds failed": 0, "updates in models": 30,
}  # fmt: skip


def outcome(seed: int, *faults: str, **struck: object) -> Outcome:
    return Outcome(seed, 0, [STRUCK | struck], list(faults), [], COUNTS, {}, {}, {}, 80.0, 1.0)


def test_seeds_that_are_there_are_not_run_again_unless_they_failed(tmp_path: Path) -> None:
    results = Results(tmp_path)
    assert results.left(range(3)) == [0, 1, 2]
    results.add(outcome(0))
    results.add(outcome(2, "something"))
    assert Results(tmp_path).left(range(4)) == [1, 3]
    assert Results(tmp_path).left(range(4), again=True) == [1, 2, 3]
    results.add(outcome(2))
    assert Results(tmp_path).left(range(4), again=True) == [1, 3]


def test_a_line_that_was_cut_off_is_run_again(tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.add(outcome(0))
    with results.path.open("ab") as stream:
        stream.write(b'{"seed":1,"wa')
    assert list(results.newest()) == [0]
    assert results.left(range(2)) == [1]
    results.add(outcome(1))
    assert list(Results(tmp_path).newest()) == [0, 1], "the next line begins anew"


def test_the_page_tells_first_failures_from_those_that_are_left(tmp_path: Path) -> None:
    runs = [outcome(0), outcome(1, "minutes lost"), outcome(1), outcome(2, "round lost")]
    said = summary(runs)
    assert "3 seeds, 3 disasters" in said
    assert "2 seeds failed when they were first run (1, 2); 1 fail in their newest run (2)" in said
    for run in runs:
        Results(tmp_path).add(run)
    write_page(tmp_path)
    table = (tmp_path / TABLE).read_text()
    assert "| 2 | 500 | kill worker-1 | 2 s | 4.0 s | 1.0 s | round lost |" in table
    assert "minutes lost" not in table
    assert (tmp_path / FIGURE).read_text().startswith("<svg")


def test_the_table_of_kinds_counts_what_healed_late_or_not_at_all() -> None:
    late, never = outcome(1, heal_s=30.0), outcome(2, heal_s=None)
    unknown = replace(outcome(3), disasters=[{"what": "x", "faults": [FAULT], "left_out": "no disk"}])
    assert "| kill worker | 4 | 17.0 s | 30.0 s | 20 s | 2 |" in by_kind([outcome(0), late, never, unknown])
