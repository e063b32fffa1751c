"""The facts of recordings as a table for people, with the reasons below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, JustifyMethod
from rich.table import Table
from rich.text import Text

from fedsecure.inspection.facts import ChannelFacts, RecordingFacts, length_text

NAMES_SHOWN = 3
HEADINGS = (
    ("device", ""),
    ("recorded", "length, grid"),
    ("missing", "gaps"),
    ("heart rate", "range"),
    ("resp. rate", "range"),
    ("windows", "enrols"),
)
LEFT = 2


def facts_table(all_facts: Sequence[RecordingFacts]) -> Group:
    """Return two lines a recording, the second dim, then what the columns cannot say. Fits 80 columns."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="")
    for column, heading in enumerate(HEADINGS):
        justify: JustifyMethod = "left" if column < LEFT else "right"
        table.add_column(_cell(*heading), justify=justify, no_wrap=column > 0, overflow="fold")
    for facts in all_facts:
        table.add_row(
            *(_cell(*lines) for lines in _cells(facts)), Text.assemble(f"{facts.windows:,}\n", _enrols(facts))
        )
    return Group(table, "", *_notes(all_facts))


def _cell(first: str, second: str) -> Text:
    return Text.assemble(first, "\n", (second, "dim"))


def _cells(facts: RecordingFacts) -> Iterator[tuple[str, str]]:
    gaps, wrong = facts.gaps, facts.artefacts
    artefacts = f"{wrong:,} artefact{'s' * (wrong > 1)}" if wrong else ""
    yield facts.name, "charted" if facts.charted else artefacts  # charts are read without artefacts
    yield facts.start[:-1].replace("T", " "), f"{length_text(facts.minutes)}, {facts.grid_bpm}"
    span = f" ({gaps.median_min:.0f}, {gaps.longest_min})" if gaps.count else ""
    yield f"{facts.missing_share:.1%}", f"{gaps.count:,}{span}"
    for name in ("heart_rate_bpm", "resp_rate_bpm"):
        yield _rates(facts.channels[name])


def _rates(facts: ChannelFacts) -> tuple[str, str]:
    if facts.median is None:
        return "-", ""
    return f"{facts.median:.0f} ({facts.p5:.0f}-{facts.p95:.0f})", f"{facts.minimum:.0f}-{facts.maximum:.0f}"


def _enrols(facts: RecordingFacts) -> Text:
    """Return the longest enrolment that the recording is enough for."""
    usable = [enrolment for enrolment in facts.enrolments if enrolment.usable]
    return Text(f"{usable[-1].hours} h", style="green") if usable else Text("no", style="yellow")


def _notes(all_facts: Sequence[RecordingFacts]) -> Iterator[Text]:
    """Yield each reason once, with the devices that it concerns."""
    devices: dict[str, list[str]] = {}
    for facts in all_facts:
        for note, who in _reasons(facts):
            devices.setdefault(note, []).append(who)
    for note, named in sorted(devices.items()):
        more = f" and {len(named) - NAMES_SHOWN} more" if len(named) > NAMES_SHOWN else ""
        yield Text.assemble((f"{note}: ", "yellow"), f"{', '.join(named[:NAMES_SHOWN])}{more}")


def _reasons(facts: RecordingFacts) -> Iterator[tuple[str, str]]:
    """Yield (what is to be known, whom it concerns)."""
    failed = next((enrolment for enrolment in facts.enrolments if not enrolment.usable), None)
    if facts.sparse:
        yield f"{facts.sparse}: not judged", facts.name
    elif failed and facts.charted:
        yield f"no enrolment, {failed.why}", facts.name
    elif failed:
        yield f"too short to enrol for {failed.hours} h", f"{facts.name} ({failed.why})"
    for caution in facts.cautions:
        yield caution, facts.name
    for difference in facts.unlike_references:
        yield f"unlike the reference patients: {difference.words}", f"{facts.name} ({difference.sd:+.1f} sd)"
