"""`python -m bench`, as `make bench` runs it."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from threadpoolctl import threadpool_limits

from bench.docs import RESULTS, refresh
from bench.federation import measured as federation
from bench.machine import machine
from bench.measured import former, gate, images, judging, latency, peers, restore, scale, score_files, start, worker
from bench.page import page, shown
from bench.row import Row
from contracts.errors import Unavailable
from experiments.report.numbers import json_bytes, plain

MEASURED = {
    "judging": judging.measure,
    "scale": scale.measure,
    "restore": restore.measure,
    "worker": worker.measure,
    "start": start.measure,
    "latency": latency.measure,
    "score": score_files.measure,
    "federation": federation.measure,
    "images": images.measure,
    "peers": peers.measure,
    "former": former.measure,
    "gate": gate.measure,
}

WHOLE = {"scale": lambda: scale.measure_sizes(scale.SIZES), "federation": federation.measure_whole}


def main(
    names: Annotated[list[str] | None, typer.Argument(help=f"Of {', '.join(MEASURED)}; without any, all.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Small and short: whether it runs, not what it costs.")
    ] = False,
    whole: Annotated[
        bool,
        typer.Option("--whole", help="`scale` up to 100,000 devices: a quarter of an hour; `federation` up to 1,000."),
    ] = False,
    out: Annotated[Path, typer.Option("--out", help="Folder of the JSON files and the page.")] = RESULTS,
) -> None:
    """Measure what FedSecure costs on this machine: minutes, and nothing else should run meanwhile.

    Writes NAME.json for everything measured and report.html with tables and plots. Figures are processor time or
    ratios of one run wherever that is possible; of the rest, the machine is said. Ends with 1 if a part could not be measured.
    """
    if unknown := set(names or ()) - set(MEASURED):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: there is {', '.join(MEASURED)}")
    out.mkdir(parents=True, exist_ok=True)
    where, results = machine(), dict[str, list[Row]]()
    missing: list[str] = []
    for name in names or MEASURED:
        typer.echo(f"{name} …", err=True)
        began = time.monotonic()
        try:
            with threadpool_limits(1):  # every figure is of one thread unless it says otherwise
                measured = WHOLE[name]() if whole and name in WHOLE else MEASURED[name](quick=quick)
        except Unavailable as error:
            typer.echo(f"! {name} is not measured: {error}", err=True)
            missing.append(name)
            continue
        results[name] = measured
        document = {"machine": where, "quick": quick, "rows": plain([asdict(row) for row in measured])}
        (out / f"{name}.json").write_bytes(json_bytes(document))
        for row in measured:
            mark = {True: "  ", False: "! ", None: "  "}[row.is_met]
            typer.echo(f"{mark}{row.name}: {shown(row)}")
        typer.echo(f"{name}: {time.monotonic() - began:.0f} s", err=True)
    (out / "report.html").write_text(page(results, where, " ".join(["python -m bench", *sys.argv[1:]])), "utf-8")
    if out.resolve() == RESULTS.resolve():
        refresh()
    typer.echo(f"written to {out}", err=True)
    if missing:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
