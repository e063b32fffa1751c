"""Draws what each attack does to a synthetic patient: what was recorded beside what is sent, a column a level."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MultipleLocator
from numpy.typing import NDArray
from PIL import Image

from experiments.report.figures import BLUE, GREY, STYLE, VERMILION
from fedsecure.inspection.facts import runs
from fedsecure.output_files import writes
from replay.attacks import Attack, AttackSpec, Injection, inject
from replay.recording import Recording
from replay.sources.synthetic import synthetic_recording

PATIENT_SEED: Final = 18
PATIENT_MINUTES: Final = 1936  # a replay of yesterday needs a yesterday
SEED: Final = 7
COLUMN_INCHES: Final = 3.2
DOTS_PER_INCH: Final = 110
COLOURS: Final = 48  # a palette makes a file a third as large
SHADE: Final = "#FBECCC"  # a fifth of orange on white


@dataclass(frozen=True, slots=True)
class View:
    """Minutes of the record: the attack lasts from `onset_min` to `end_min`, shown is [first_min, last_min)."""

    onset_min: int
    end_min: int
    first_min: int
    last_min: int
    minutes_a_unit: int
    ticks_every: float
    beyond_percent: float = 0.0  # values beyond the axis: over hours, single artefacts would flatten everything else


MINUTES: Final = View(1000, 1140, 970, 1160, minutes_a_unit=1, ticks_every=30)
NEXT_DAY: Final = View(1445, 1585, 1415, 1600, minutes_a_unit=1, ticks_every=30)
HALF_DAY: Final = View(895, 1375, 835, 1375, minutes_a_unit=60, ticks_every=2, beyond_percent=0.2)
DAY: Final = View(360, 1900, 240, 1900, minutes_a_unit=60, ticks_every=6, beyond_percent=0.2)
VIEWS: Final = {"backdoor-1": HALF_DAY, "jittered-replay": NEXT_DAY, "replay": NEXT_DAY, "slow-drift": DAY}


# Of each vital sign: its field in a recording, how an axis is labelled, and its colour.
SIGNS: Final = (("heart_rate_bpm", "heart rate (bpm)", BLUE), ("resp_rate_bpm", "respiratory rate (/min)", VERMILION))


def write_pictures(folder: Path, attacks: Sequence[Attack]) -> list[Path]:
    """Draw one PNG an attack into the folder, which is made if need be, and return their paths.

    Writes files. Raises Misconfigured when the folder cannot be written to.
    """
    patient, donor = shown_patients()
    paths = [folder / f"{file_stem(attack.name)}.png" for attack in attacks]
    with writes(f"pictures into {folder}", "another folder"):
        folder.mkdir(parents=True, exist_ok=True)
        for path, attack in zip(paths, attacks, strict=True):
            path.write_bytes(_png(attack, patient, donor))
    return paths


def shown_patients() -> tuple[Recording, Recording]:
    """Return the patient that is drawn, and the one whose data `spoof` takes: both on tenths, as most monitors are."""
    patient, donor = (synthetic_recording(PATIENT_SEED, at, PATIENT_MINUTES, resolution_bpm=0.1) for at in (1, 0))
    return patient, donor


def file_stem(name: str) -> str:
    """Return what an attack's picture is called: the attack's name, without the folders of an own one."""
    return Path(name).name.replace(".py:", "-").replace(":", "-")


def _png(attack: Attack, record: Recording, donor: Recording) -> bytes:
    drawn, small = io.BytesIO(), io.BytesIO()
    with mpl.rc_context(STYLE):
        draw_attack(attack, record, donor).savefig(drawn, dpi=DOTS_PER_INCH, facecolor="white")
    picture = Image.open(drawn).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    picture.save(small, format="PNG", optimize=True)
    return small.getvalue()


def draw_attack(attack: Attack, record: Recording, donor: Recording) -> Figure:
    """Return the figure: heart rate above respiratory rate, a column a level, poisoned minutes shaded."""
    view = VIEWS.get(attack.name, MINUTES)
    length = view.end_min - view.onset_min
    figure = Figure(figsize=(COLUMN_INCHES * max(2, len(attack.levels)), 4.5), layout="constrained")
    grid = figure.subplots(len(SIGNS), len(attack.levels), sharex=True, sharey="row", squeeze=False)
    for column, level in zip(grid.T, attack.levels, strict=True):
        spec = AttackSpec(attack.name, record.device_id, view.onset_min, length, level, SEED)
        injection = inject(record, spec, donor)
        for axes, (sign, _, colour) in zip(column, SIGNS, strict=True):
            _draw_sign(axes, sign, colour, record, injection, view)
        column[0].set_title(f"{level}\n{attack.describe(level)}", fontsize=8, loc="left")
        column[-1].set_xlabel(f"{'minutes' if view.minutes_a_unit == 1 else 'hours'} since the onset", fontsize=8)
    for row, (_, label, _) in zip(grid, SIGNS, strict=True):
        row[0].set_ylabel(label, fontsize=8)
        _limit(row, view.beyond_percent)
    figure.align_ylabels(grid[:, 0])
    figure.suptitle(f"{attack.name} - {attack.summary}", fontsize=10, x=0.008, ha="left")
    _legend(figure, grid)
    return figure


def _draw_sign(axes: Axes, sign: str, colour: str, record: Recording, injection: Injection, view: View) -> None:
    """Draw one sign. Outside the attack nothing is coloured, as what is sent is what was recorded."""
    shown = slice(view.first_min, view.last_min)
    minute = np.arange(record.minutes)
    during = (minute >= view.onset_min) & (minute < view.end_min)
    sent = np.where(during, injection.recording.channels()[sign], np.nan)
    time = (minute - view.onset_min) / view.minutes_a_unit
    for run in runs(injection.poisoned):
        start, end = (run - 0.5 - view.onset_min) / view.minutes_a_unit
        axes.axvspan(start, end, facecolor=SHADE, linewidth=0.0)
    axes.plot(time[shown], record.channels()[sign][shown], color=GREY, linewidth=0.9)
    axes.plot(time[shown], sent[shown], color=colour, linewidth=1.0)
    axes.tick_params(labelsize=8)
    axes.xaxis.set_major_locator(MultipleLocator(view.ticks_every))
    axes.set_xlim(time[view.first_min], time[view.last_min - 1])


def _limit(row: NDArray[np.object_], beyond_percent: float) -> None:
    """Limit the y axis, which a row of panels shares, to all values but so many at either end."""
    values = np.concatenate([np.asarray(line.get_ydata(), float) for axes in row for line in axes.get_lines()])
    low, high = np.nanpercentile(values, (beyond_percent, 100 - beyond_percent))
    margin = 0.05 * (high - low)
    row[0].set_ylim(low - margin, high + margin)


def _legend(figure: Figure, grid: NDArray[np.object_]) -> None:
    recorded, heart = grid[0, 0].get_lines()
    breath = grid[1, 0].get_lines()[1]
    handles = [recorded, heart, breath, Patch(facecolor=SHADE)]
    names = ["recorded", "heart rate sent", "respiratory rate sent", "poisoned minutes"]
    figure.legend(handles, names, loc="outside lower left", ncols=4, fontsize=8)
