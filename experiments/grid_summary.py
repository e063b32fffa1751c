"""An evaluation in short, as Markdown, from nothing but what its results.json holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from experiments.grid_summary_attacks import attack_lines, headline, tenths_cells
from experiments.grid_summary_numbers import (
    MET,
    count,
    decimals,
    duration,
    interval,
    measured,
    percent,
    value,
    wanted,
)
from experiments.grid_summary_rows import rows_of

Document = Mapping[str, Any]


def summary_page(document: Document) -> str:
    """Return the whole of `summary.md`."""
    return f"# The evaluation in short\n\n{summary_block(document)}\n"


def summary_block(document: Document) -> str:
    """Return every goal, every attack strong and medium, real records, and where the numbers come from."""
    cells = tenths_cells(document)
    devices = sorted({int(one["devices"]) for one in cells.values()})
    reading = (
        f"By attack, devices in tenths ({_span(devices)} an attack and level). The median counts devices never found as infinitely "
        "late; *never* stands where more than half are not found."
    )
    parts = [
        f"Of the strong core attacks {headline(cells)}. {met_sentence(document)}",
        "\n".join(_full_table(document)),
        reading,
        "\n".join(attack_lines(cells)),
        *_real(document),
        provenance(document),
    ]
    return "\n\n".join(parts)


def short_block(document: Document) -> str:
    """Return the goals grouped as the specification groups them, and where the numbers come from."""
    return "\n\n".join((met_sentence(document), "\n".join(_short_table(document)), provenance(document)))


def headline_words(document: Document) -> str:
    """Return what stands within the README's first paragraph."""
    return headline(tenths_cells(document))


def met_sentence(document: Document) -> str:
    """Return how many goals are met."""
    known = [one for one in document["goals"] if one["met"] is not None]
    unknown = len(document["goals"]) - len(known)
    rest = f"; {unknown} were not measured" if unknown else ""
    return f"{sum(one['met'] for one in known)} of the {len(known)} goals that were measured are met{rest}."


def provenance(document: Document) -> str:
    """Return bundle, threshold, seeds, devices, command, and what the untouched cohort said; no date, no machine."""
    size = document["protocol"]
    seeds = size["cohort_seeds"]
    trained = document["trained_with"].get("seed", "unknown")
    return (
        f"Bundle `{document['bundle_sha256'][:12]}`, threshold {document['threshold']}, training seed {trained}. "
        f"`{document['command']}`: {seeds} population{'s' if seeds != 1 else ''} from seed {size['seed']}, with "
        f"{seeds * size['attacked_tenths']} attacked devices in tenths and {seeds * size['attacked_whole']} in whole numbers, "
        f"{2 * seeds * size['clean_each']} clean and {2 * seeds * size['ill_each']} deteriorating ones, "
        f"{size['enrolment_min'] // 60} h of enrolment. {_untouched(document)}"
    )


def _untouched(document: Document) -> str:
    fleet = next((one for one in document["false_exclusions"] if one["fleet"].startswith("untouched")), None)
    if fleet is None:
        return "The untouched cohort was not drawn: false exclusions are those of the evaluation's own stable devices."
    rate, some = fleet["per_device_week"], fleet["devices_with_any"]
    return (
        f"The untouched cohort (seed {document['protocol']['fresh_seed']}, {fleet['devices']} devices in tenths): {fleet['episodes']} "
        f"false exclusions in {count(fleet['device_weeks'])} device-weeks, {decimals(rate['value'])} a device-week "
        f"(95 %: {decimals(rate['low'])}–{decimals(rate['high'])}), on {percent(some['value'])} % of the devices within six days "
        f"({percent(some['low'])}–{percent(some['high'])})."
    )


def _full_table(document: Document) -> Iterator[str]:
    yield "| goal | wanted | measured | 95 % interval | n | met |"
    yield "|---|---|---|---|---|---|"
    for row, goals in rows_of(document["goals"]):
        for part, goal in zip(row.parts, goals, strict=True):
            note = f" ({goal['note']})" if goal["note"] else ""
            number = f"{count(goal['n'])} {part.counted}".strip() if goal["met"] is not None else "–"
            yield _line(part.words + note, wanted(goal), value(goal), interval(goal) or "–", number, MET[goal["met"]])


def _short_table(document: Document) -> Iterator[str]:
    yield "| goal | wanted | measured (95 % interval) | met |"
    yield "|---|---|---|---|"
    for row, goals in rows_of(document["goals"]):
        bounds = list(map(wanted, goals))
        bound = f"{bounds[0]} each" if len(bounds) > 1 and len(set(bounds)) == 1 else " / ".join(bounds)
        yield _line(row.words, bound, *(" / ".join(map(say, goals)) for say in (measured, _met)))


def _met(goal: Mapping[str, Any]) -> str:
    return MET[goal["met"]]


def _real(document: Document) -> Iterator[str]:
    """A sentence on the real records whose heart and respiratory rate are doubled."""
    told = []
    rows = [
        one for one in document["real"]["attacked"] if (one["attack"], one["level"]) == ("data-poisoning-2", "strong")
    ]
    for name, pulse in dict.fromkeys((one["device_id"], one["pulse"]) for one in rows):
        found = [one["delay_min"] for one in rows if (one["device_id"], one["pulse"]) == (name, pulse)]
        told.append(f"{name} {'with' if pulse else 'without'} PULSE: {', '.join(map(_after, found))}")
    if told:
        yield f"Real records after 10 h of enrolment, doubled (data-poisoning-2, strong) at each onset in turn, excluded after: {'; '.join(told)}."


def _after(delay_min: float | None) -> str:
    return "not at all" if delay_min is None else duration(delay_min)


def _span(numbers: list[int]) -> str:
    return "none" if not numbers else f"{numbers[0]} to {numbers[-1]}" if len(numbers) > 1 else str(numbers[0])


def _line(*cells: str) -> str:
    return "| " + " | ".join(one.replace("|", "\\|") for one in cells) + " |"
