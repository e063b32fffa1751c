"""`fedsecure cohort`: hold the synthetic patients, on which the detector is trained, against real recordings."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Callable

    from experiments.cohort_report import CohortPlan, CohortReport

DAYS, QUICK_DAYS = 4, 2
PATIENTS, QUICK_PATIENTS = 200, 24
DRAWS, QUICK_DRAWS = 1000, 100


DETERIORATING_SHARE = 0.25  # as many as in an ordinary ward of the ill, and enough of each kind to look at


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("cohort")(cohort)


def cohort(
    out: Annotated[Path, typer.Option("--out", help="Folder for cohort.json, cohort.csv and report.html.")],
    recordings: Annotated[
        list[Path] | None,
        typer.Option(
            "--recordings",
            help="Real recordings, a file or a folder in any format that `fedsecure score` reads. Repeatable; the two real "
            "records that ship are always there.",
        ),
    ] = None,
    patients: Annotated[
        int | None, typer.Option("--patients", min=8, help="Synthetic patients (default 200; quick 24).")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the patients and of the bootstrap.")] = 1,
    quick: Annotated[bool, typer.Option("--quick", help="Few short stays and few draws, to try things out.")] = False,
) -> None:
    """Compare the synthetic cohort with real recordings: levels, variability, memory, coupling, gaps.

    Groups of five or more real recordings are compared as distributions (Kolmogorov-Smirnov and Wasserstein distance with
    bootstrap intervals); single records of a monitor are placed among the synthetic patients. About half a minute.

    Examples:

    - `fedsecure cohort --out cohort-report`

    - `fedsecure cohort --out cohort-report --recordings set-a --recordings CHARTEVENTS.csv --seed 5`
    """
    _make_folder(out)
    from experiments.cohort_report import CohortPlan
    from experiments.cohort_words import findings

    plan = CohortPlan(
        seed=seed,
        patients=patients or (QUICK_PATIENTS if quick else PATIENTS),
        days=QUICK_DAYS if quick else DAYS,
        deteriorating_share=DETERIORATING_SHARE,
        draws=QUICK_DRAWS if quick else DRAWS,
    )
    report = _compared(plan, recordings or [])
    _write(out, report, _command(plan, recordings or [], quick))
    for sentence in findings(report):
        typer.echo(sentence)
    typer.echo(f"report: {out / 'report.html'}", err=True)


def _compared(plan: CohortPlan, paths: list[Path]) -> CohortReport:
    from experiments.cohort_report import compare, groups_for, steps_of

    groups = groups_for(plan, paths)
    with _progress(steps_of(groups)) as advance:
        return compare(plan, groups, advance)


def _write(out: Path, report: CohortReport, command: str) -> None:
    import matplotlib as mpl
    import msgspec

    from experiments.cohort_files import report_document, table_csv
    from experiments.cohort_page import build_page
    from experiments.cohort_pictures import pictures
    from fedsecure.report.svg import STYLE, to_svg

    css = files("fedsecure.report").joinpath("report.css").read_text(encoding="utf-8")
    document = msgspec.json.format(msgspec.json.encode(report_document(report, command))) + b"\n"
    with mpl.rc_context(STYLE):
        drawn = [(one, to_svg(one.figure, one.name, one.caption)) for one in pictures(report)]
    try:
        (out / "cohort.json").write_bytes(document)
        (out / "cohort.csv").write_text(table_csv(report), encoding="utf-8")
        (out / "report.html").write_text(build_page(report, drawn, css, command), encoding="utf-8")
    except OSError as error:
        raise Misconfigured(f"cannot write into {out}: {error.strerror or error}; choose another --out") from None


def _make_folder(out: Path) -> None:
    """Make it before the work, so that a wrong folder costs no time."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(f"cannot make the folder {out}: {error.strerror or error}; choose another --out") from None


def _command(plan: CohortPlan, paths: list[Path], quick: bool) -> str:
    """What to type for the same report; of paths only the last part, as the rest is this machine's."""
    given = "".join(f" --recordings {path.resolve().name}" for path in paths)
    return (
        f"fedsecure cohort --out DIR{given} --patients {plan.patients} --seed {plan.seed}{' --quick' if quick else ''}"
    )


@contextmanager
def _progress(steps: int) -> Iterator[Callable[[str], None]]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("comparing", total=steps)

        def advance(what: str) -> None:
            bar.update(task, advance=1, description=what)

        yield advance
