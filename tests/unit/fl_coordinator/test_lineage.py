"""The line of descent of global models, read from the rounds and models on record."""

from __future__ import annotations

import pytest
from rich.console import Console

from contracts.messages.federation import AcceptedMeasurement, GlobalModel, RoundPhase, RoundRecord
from fedsecure.tables.federation import model_table
from fl_coordinator.models.lineage import descent, model_lines


def committed(number: int, parent: str, made: str, *, phase: RoundPhase = RoundPhase.COMMITTED) -> RoundRecord:
    return RoundRecord(
        round=number, phase=phase, task="reconstruction", lease_token=1, model_sha256=parent, gated_at=100.0 * number,
        deadline_at=100.0 * number + 20, cohort=["p1", "p2"], excluded={}, accepted=["p1", "p2"],
        aggregation="median", new_model_sha256=made if phase is RoundPhase.COMMITTED else None, loss=0.5 / number,
        ended_at=100.0 * number + 5,
    )  # fmt: skip


def published(sha256: str, number: int, parent: str | None = None) -> GlobalModel:
    return GlobalModel(
        sha256=sha256, parent_sha256=parent, round=number, task="reconstruction", published_at=50.0 + number, weights=b"w" * 2000
    )  # fmt: skip


ROUNDS = {
    1: committed(1, "aa0", "bb1"),
    2: committed(2, "bb1", "", phase=RoundPhase.SKIPPED),
    3: committed(3, "bb1", "cc3"),
}


def test_every_committed_model_has_its_parent_round_devices_and_loss_and_the_last_is_current() -> None:
    lines = model_lines(ROUNDS, {"aa0": published("aa0", 0), "cc3": published("cc3", 3, "bb1")})
    assert [(line.sha256, line.round, line.parent_sha256, line.state) for line in lines] == [
        ("aa0", 0, None, "earlier"), ("bb1", 1, "aa0", "earlier"), ("cc3", 3, "bb1", "current"),
    ]  # fmt: skip
    assert (lines[2].devices, lines[2].aggregation, lines[2].loss, lines[2].made_at) == (
        ("p1", "p2"),
        "median",
        0.5 / 3,
        305.0,
    )
    assert [line.size_bytes for line in lines] == [2000, None, 2000], "the weights of bb1 are no longer on the topic"


def test_a_model_that_no_round_committed_is_never_current() -> None:
    models = {"aa0": published("aa0", 0), "dd4": published("dd4", 4, "cc3")}
    assert {line.sha256: line.state for line in model_lines(ROUNDS, models)}["dd4"] == "never committed"


REJECTED = RoundRecord(
    round=4, phase=RoundPhase.REJECTED, task="reconstruction", lease_token=1, model_sha256="cc3", gated_at=400.0, deadline_at=420.0,
    cohort=["p1", "p2"], excluded={}, accepted=["p1", "p2"], aggregation="median", candidate_sha256="dd4", loss=0.9,
    change=0.31, tolerance=0.02, ended_at=405.0,
    measurements={"p1": AcceptedMeasurement(loss_before=1.0, loss_after=1.31, samples=16, key_id="k")},
)  # fmt: skip
TAKEN_BACK = RoundRecord(
    round=5, phase=RoundPhase.ROLLED_BACK, task="reconstruction", lease_token=1, model_sha256="cc3", gated_at=500.0,
    deadline_at=500.0, cohort=[], excluded={}, accepted=[], candidate_sha256="bb1", new_model_sha256="bb1", reason="why", request="r",
    by="me", ended_at=500.0,
)  # fmt: skip


def test_a_rejected_model_is_shown_with_what_the_devices_found_and_is_never_current() -> None:
    lines = {line.sha256: line for line in model_lines(ROUNDS | {4: REJECTED}, {"aa0": published("aa0", 0)})}
    assert (lines["dd4"].state, lines["dd4"].change, lines["dd4"].measured_by) == ("rejected", 0.31, 1)
    assert (lines["dd4"].parent_sha256, lines["cc3"].state) == ("cc3", "current")
    first = RoundRecord(
        **{name: getattr(REJECTED, name) for name in REJECTED.__struct_fields__} | {"model_sha256": "aa0"}
    )
    both = {"aa0": published("aa0", 0), "dd4": published("dd4", 4)}
    assert {line.sha256: line.state for line in model_lines({4: first}, both)} == {"aa0": "current", "dd4": "rejected"}


def test_a_model_that_was_taken_back_to_is_current_with_the_descent_that_it_had() -> None:
    lines = model_lines(ROUNDS | {4: REJECTED, 5: TAKEN_BACK}, {"aa0": published("aa0", 0)})
    assert {line.sha256: line.state for line in lines} == {
        "aa0": "earlier", "bb1": "current", "cc3": "earlier", "dd4": "rejected",
    }  # fmt: skip
    assert [line.sha256 for line in descent(lines, "bb")] == ["bb1", "aa0"]


def test_the_table_says_what_was_measured_and_fits_a_terminal() -> None:
    console = Console(width=80)
    with console.capture() as shown:
        console.print(model_table(model_lines(ROUNDS | {4: REJECTED}, {})))
    row = shown.get().splitlines()[-1]
    assert row.split() == ["4", "dd4", "cc3", "1970-01-01", "00:06:45", "2", "0.9000", "rejected", "+31.0%"]


def test_before_the_first_round_the_model_that_federation_begins_with_is_current() -> None:
    (line,) = model_lines({}, {"aa0": published("aa0", 0)})
    assert (line.state, line.round, line.loss) == ("current", 0, None)
    assert model_lines({}, {}) == []


def test_the_descent_runs_from_a_model_to_the_first_and_a_name_must_be_one_models() -> None:
    lines = model_lines(ROUNDS, {"aa0": published("aa0", 0)})
    assert [line.sha256 for line in descent(lines, "cc")] == ["cc3", "bb1", "aa0"]
    with pytest.raises(LookupError, match="no models begin"):
        descent(lines, "zz")
    with pytest.raises(LookupError, match="3 models begin"):
        descent(lines, "")


def test_the_table_shows_what_there_is_and_a_dash_for_what_there_is_not() -> None:
    console = Console(width=80)
    with console.capture() as shown:
        console.print(model_table(model_lines(ROUNDS, {"aa0": published("aa0", 0)})))
    rows = shown.get().splitlines()
    assert rows[1].split() == ["0", "aa0", "-", "1970-01-01", "00:00:50", "-", "-", "earlier"]
    assert rows[3].split() == ["3", "cc3", "bb1", "1970-01-01", "00:05:05", "2", "0.1667", "current"]


def test_the_table_of_whole_hashes_fits_a_terminal_of_80_columns() -> None:
    first, second = "a" * 64, "b" * 64
    models = {first: published(first, 0), second: published(second, 2, first)}
    console = Console(width=80)
    with console.capture() as shown:
        console.print(model_table(model_lines({1000: committed(1000, first, "c" * 64)}, models)))
    assert "…" not in shown.get()
    assert "never committed" in shown.get()
