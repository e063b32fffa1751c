"""The page on detection says at which limits the rules fire, and those are the rules'."""

from __future__ import annotations

from pathlib import Path

from detectors.decisions.votes import AGREE, RULES
from detectors.rules import copies, frozen, pulse, replay

PAGE = Path(__file__).parents[4] / "docs" / "detection.md"


def documented(rule: str) -> tuple[str, str]:
    """Return what the page's table of rules says: what the rule sees, and its limit."""
    (line,) = [line for line in PAGE.read_text().splitlines() if line.startswith(f"| {rule} |")]
    _, _, what, limit, _ = (cell.strip() for cell in line.split("|"))
    return what, limit


def test_every_limit_is_the_one_on_the_page() -> None:
    first, last = copies.LAGS_MIN[[0, -1]]
    assert f"what came {first} to {last} minutes before" in documented("copy")[0]
    assert documented("copy")[1] == f"{copies.LIMIT_NATS:g} nats, twice"
    assert documented("frozen")[1] == f"{frozen.LIMIT_MIN} observed minutes, twice"
    assert (documented("replay")[1], replay.LIMIT_SHARE) == ("half, twice", 0.5)
    assert documented("pulse")[1] == f"{pulse.LIMIT_BPM:g} to {pulse.HIGHEST_LIMIT_BPM:g} bpm by the enrolment, twice"
    assert {AGREE[rule] for rule in RULES} == {2}
