"""A round's updates lie in a file and are read in parts: never more of them at once than is allowed, and with the same result."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from round_world import World
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from contracts.configuration.settings import Settings
from contracts.messages.federation import RoundPhase
from contracts.messages.verdicts import DeviceState
from fl_coordinator.aggregation import stacking
from fl_coordinator.aggregation.base import aggregation_rules
from fl_coordinator.aggregation.stacking import Stack
from fl_coordinator.updates import outliers as screen
from fl_coordinator.updates.spool import NoRoom, UpdateSpool

RULES = aggregation_rules()


@pytest.fixture
def small_blocks(monkeypatch):
    """Of some tens of updates only one or two weights are in memory at once."""
    monkeypatch.setattr(stacking, "BLOCK_BYTES", 1024)


def spooled(rows: np.ndarray, samples=None, base=None) -> Stack:
    """The rows as a coordinator has them: put in another order than they are read in, on the disk from the first byte on."""
    spool = UpdateSpool(in_memory_bytes=1)
    names = [f"d{at:03}" for at in range(len(rows))]
    for at in np.random.default_rng(1).permutation(len(rows)):
        spool.put(names[at], rows[at].astype(np.float32))
    return Stack(
        spool.rows(names),
        np.ones(len(rows)) if samples is None else samples,
        np.zeros(rows.shape[1]) if base is None else base,
    )


def in_memory(stack: Stack) -> Stack:
    return Stack(stack.rows, stack.samples, stack.base)


# --- the file -----------------------------------------------------------------------------------------------------


def test_updates_are_read_in_the_order_asked_for_in_whole_and_in_part():
    spool = UpdateSpool(in_memory_bytes=1)
    for name, value in (("b", 2), ("a", 1), ("c", 3)):
        spool.put(name, np.full(4, value, np.float32) + np.arange(4, dtype=np.float32) / 8)
    rows = spool.rows(["c", "a"])
    assert len(rows) == 2
    assert rows[:, :].tolist() == [[3, 3.125, 3.25, 3.375], [1, 1.125, 1.25, 1.375]]
    assert rows[1:2, 1:3].tolist() == [[1.125, 1.25]]
    assert rows[:, :].dtype == np.float64


def test_an_update_that_is_put_again_takes_the_place_of_the_first():
    spool = UpdateSpool()
    for value in (1, 2):
        spool.put("a", np.full(2, value, np.float32))
        spool.put("b", np.zeros(2, np.float32))
    assert spool.rows(["a", "b"])[:, :].tolist() == [[2, 2], [0, 0]]


def test_nothing_of_a_round_is_left_for_the_next():
    spool = UpdateSpool(in_memory_bytes=1)
    spool.put("a", np.ones(2, np.float32))
    spool.clear()
    with pytest.raises(KeyError):
        spool.rows(["a"])
    spool.put("b", np.zeros(3, np.float32))
    assert spool.rows(["b"])[:, :].tolist() == [[0, 0, 0]]


def test_a_folder_that_takes_nothing_is_said_in_one_sentence(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with pytest.raises(NoRoom, match=r"folder for temporary files takes no more updates \(No such file"):
        UpdateSpool(in_memory_bytes=1).put("a", np.ones(2, np.float32))


async def test_a_round_whose_updates_find_no_room_fails_and_says_so(monkeypatch):
    world = World(Settings(round_quorum=2, aggregation="fedavg"), dict.fromkeys("abc", DeviceState.BENIGN))
    coordinator = world.coordinator()
    world.script[:] = [lambda: world.script.insert(0, world.answer("a", world.records()[-1]))]
    monkeypatch.setattr(UpdateSpool, "put", lambda *_: (_ for _ in ()).throw(NoRoom("no room")))
    record = await coordinator.run_round(1)
    assert (record.phase, record.reason) == (RoundPhase.FAILED, "no_room")


# --- no more in memory than is allowed ----------------------------------------------------------------------------


@dataclass
class Counting:
    """Rows that remember the most that was ever asked for at once."""

    rows: np.ndarray
    most: int = field(default=0)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, part):
        block = self.rows[part]
        self.most = max(self.most, block.size)
        return block


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(
    "work", [screen.outliers, *(rule.combine for rule in RULES.values())], ids=lambda work: work.__qualname__
)
def test_the_screen_and_every_rule_read_one_update_or_one_block_at_a_time(work):
    rows = Counting(np.random.default_rng(0).normal(size=(40, 90)))
    work(Stack(rows, np.ones(40), np.zeros(90)))
    assert 0 < rows.most <= max(90, 1024 // 8)


# --- the same as with all in memory -------------------------------------------------------------------------------


def of_all_at_once(stack: Stack) -> dict[str, np.ndarray]:
    """What each rule makes, written down for a matrix as its paper has it."""
    rows, count, fifth = stack.rows, len(stack), max(1, len(stack) // 5)
    lengths = np.linalg.norm(stack.changes, axis=1)
    cut = np.minimum(1, np.divide(np.median(lengths), lengths, out=np.ones(count), where=lengths > 0))
    squares = np.square(rows[:, None] - rows[None]).sum(axis=2)
    liars = (count - 3) // 2
    scores = np.sort(squares, axis=1)[:, 1 : count - liars - 1].sum(axis=1)
    return {
        "fedavg": stack.shares @ rows,
        "median": np.median(rows, axis=0),
        "trimmed-mean": np.sort(rows, axis=0)[fifth : count - fifth].mean(axis=0),
        "norm-bounded": stack.base + (stack.shares * cut) @ stack.changes,
        "krum": rows[np.argmin(scores)],
        "multi-krum": rows[np.sort(np.argsort(scores, kind="stable")[: count - liars])].mean(axis=0),
    }


def verdicts_of_all_at_once(stack: Stack) -> dict[int, str]:
    """The screen as it was with all updates in memory."""
    changes = stack.changes
    lengths = np.linalg.norm(changes, axis=1)

    def cosines(others):
        products = np.outer(lengths, np.linalg.norm(others, axis=1))
        return np.clip(np.divide(changes @ others.T, products, out=np.zeros_like(products), where=products > 0), -1, 1)

    between = cosines(changes)
    first = fcluster(linkage(squareform(1 - between, checks=False), "average"), 2, "maxclust") == 1
    camp = first if 2 * first.sum() < len(first) else ~first
    if not (2 <= camp.sum() < len(camp) / 2 and between[camp][:, ~camp].mean() < screen.LEAST_COSINE_OF_CLUSTERS):
        camp = np.zeros_like(camp)
    against = cosines(np.median(changes[~camp], axis=0)[None])[:, 0] < screen.LEAST_COSINE
    reasons = np.select([lengths > screen.LONGEST * np.median(lengths), camp, against], screen.OUTLIERS, "")
    return {at: str(reason) for at, reason in enumerate(reasons) if reason}


@st.composite
def rounds(draw) -> Stack:
    """Honest updates that have something in common, and some that are long, turned round, or pull together against all."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count, width = draw(st.integers(5, 24)), draw(st.integers(2, 40))
    rows = rng.normal(size=width) * draw(st.sampled_from([0.0, 0.3, 1.0, 3.0])) + rng.normal(size=(count, width))
    liars = draw(st.integers(0, count // 2))
    factor = draw(st.sampled_from([-8.0, -1.0, 0.0, 6.0]))
    rows[:liars] = factor * (rows[:liars] if draw(st.booleans()) else rows.mean(axis=0))
    base = rng.normal(size=width)
    return spooled(rng.permutation(rows + base), rng.integers(1, 256, count).astype(float), base)


@pytest.mark.usefixtures("small_blocks")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stack=rounds())
def test_the_screen_says_of_streamed_updates_what_it_says_of_all_at_once(stack):
    assert dict(screen.outliers(stack)) == verdicts_of_all_at_once(in_memory(stack))


@pytest.mark.usefixtures("small_blocks")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stack=rounds())
def test_a_rule_makes_of_streamed_updates_what_it_makes_of_all_at_once(stack):
    for name, expected in of_all_at_once(in_memory(stack)).items():
        np.testing.assert_allclose(RULES[name].combine(stack), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("rule", sorted(RULES))
def test_where_the_updates_lie_leaves_no_trace_in_the_bits(rule):
    stack = spooled(np.random.default_rng(3).normal(size=(30, 50)), np.arange(1.0, 31))
    np.testing.assert_array_equal(RULES[rule].combine(stack), RULES[rule].combine(in_memory(stack)))
