"""An export for people, from nothing but what its results.json holds: the one table, what int8 loses, what README and docs repeat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from experiments.federation_files import csv_text

Document = Mapping[str, Any]
Cells = dict[str, str]
SHARE: Final = 100
ESTIMATE: Final = ("value", "low", "high")
LATENCY: Final = ("median_us", "low_us", "high_us")


def table_of(document: Document, *, brief: bool = False) -> list[Cells]:
    """Return the one table, a row a file; every interval beside its value: 90 % of the calls for a latency, else 95 %.

    `brief` leaves out a decimal, for a terminal.
    """
    return [_cells(one, brief=brief) for one in document["files"]]


def tables_of(document: Document) -> dict[str, str]:
    """Return results.csv and results.md: the one table."""
    table = table_of(document)
    return {"results.csv": csv_text(table), "results.md": _markdown(table)}


def loss_sentence(document: Document) -> str:
    """Return what int8 loses in detection, with its interval, and on what it was measured."""
    loss, devices = document["int8_minus_float32"], document["devices"]
    found, core, other = loss["found"], loss["core_found"], loss["judged_otherwise"]
    return (
        f"Int8 in place of float32 (32 units): {_change(found)} points of strong attacks found in 4 h ({found['n']:.0f} attacks on "
        f"{devices['attacked']} devices), {_change(core)} of the core ones ({core['n']:.0f}); judged otherwise: {SHARE * other['value']:.1f} % of "
        f"attacks ({SHARE * other['low']:.1f} to {SHARE * other['high']:.1f}) and {loss['clean_decisions_changed']} of {loss['clean_decisions']:,} decisions on "
        f"{devices['clean']} clean devices."
    )


def export_line(document: Document) -> str:
    """Return the words that README holds."""
    files = {(one["model"], one["units"], one["precision"]): one for one in document["files"]}
    other = document["int8_minus_float32"]["judged_otherwise"]
    sizes = []
    for name in ("bottleneck", "blind_spot"):
        before, after = (files[name, 32, precision]["size"] for precision in ("float32", "int8"))
        sizes.append(f"{before / 1000:.0f} → {after / 1000:.0f} kB")
    return (
        f"int8 makes the two networks {' and '.join(sizes)}, and judges {SHARE * other['value']:.1f} % of {other['n']:.0f} strong "
        f"attacks otherwise ({SHARE * other['low']:.1f} to {SHARE * other['high']:.1f})"
    )


def export_block(document: Document) -> str:
    """Return what docs/export.md holds: from where, the table, and what int8 loses."""
    said = f"{loss_sentence(document)} {_core_sentence(document)}"
    return "\n".join([_provenance(document), "", _markdown(table_of(document)), said])


def _core_sentence(document: Document) -> str:
    """The share of core attacks found, which the table's share over all attacks hides."""
    judged = {one["precision"]: one["detection"]["core_found"] for one in document["files"] if one["detection"]}
    shares = " and ".join(f"{_with_interval(one, '{:.1f}', times=SHARE)} in {name}" for name, one in judged.items())
    return f"Per cent of the core attacks found in 4 h: {shares}."


def _provenance(document: Document) -> str:
    devices, windows, plan = document["devices"], document["windows"], document["plan"]
    calls = {one["calls"] for file in document["files"] for one in file["latency"].values()}
    return (
        f"`{document['command']}`, bundle `{document['bundle_sha256'][:12]}`: {len(plan['cases'])} strong attacks on each of "
        f"{devices['attacked']} synthetic devices, {devices['clean']} clean ones ({devices['clean_weeks']:.1f} device-weeks), "
        f"{windows['attacked']:,} attacked and {windows['clean']:,} clean windows, {min(calls)} timed calls a file and size of call. "
        f"{document['machine']}."
    )


def _markdown(table: Sequence[Mapping[str, str]]) -> str:
    lines = [list(table[0]), ["---"] * len(table[0]), *(list(row.values()) for row in table)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _cells(one: Mapping[str, Any], *, brief: bool) -> Cells:
    auc_form, share_form = ("{:.2f}", "{:.0f}") if brief else ("{:.3f}", "{:.1f}")
    far = one["fidelity"]
    cells = {
        "model": f"{one['model'].replace('_', ' ')} {one['units']}",
        "precision": one["precision"],
        "kB": f"{one['size'] / 1000:.0f}",
    }
    for batch, took in one["latency"].items():
        cells[f"µs a window, {batch} a call"] = _with_interval(took, "{:.0f}", names=LATENCY)
    return cells | {
        "largest difference": f"{far['largest']:.0e}" if far["largest"] < 1e-3 else f"{far['largest']:.2f}",
        "mean difference": f"{far['mean']:.0e}" if far["mean"] < 1e-4 else f"{far['mean']:.4f}",
        "AUC, error alone": _with_interval(far["auc"], auc_form),
        **dict(_judged(one["detection"], share_form)),
    }


def _judged(detection: Mapping[str, Any] | None, form: str) -> Iterator[tuple[str, str]]:
    found = false = "-"
    if detection is not None:
        found = _with_interval(detection["found"], form, times=SHARE)
        false = _with_interval(detection["clean"]["per_device_week"], "{:.2f}")
    yield "% found in 4 h", found
    yield "false exclusions a week", false


def _with_interval(
    estimate: Mapping[str, float], form: str, *, times: float = 1, names: Sequence[str] = ESTIMATE
) -> str:
    value, low, high = (form.format(times * estimate[name]) for name in names)
    return f"{value} ({low}–{high})"


def _change(estimate: Mapping[str, float]) -> str:
    """In points of a hundred, with its interval."""
    value, low, high = (f"{SHARE * estimate[name]:+.1f}" for name in ESTIMATE)
    return f"{value} ({low} to {high})"
