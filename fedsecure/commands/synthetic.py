"""`fedsecure synthetic`: write synthetic patients into a file, to try the other commands on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from contracts.errors import Misconfigured
from fedsecure.output_files import writes


def synthetic(
    out: Annotated[Path, typer.Argument(metavar="FILE.csv", help="The table to write.")],
    patients: Annotated[int, typer.Option(min=1, max=1000, help="How many patients.", metavar="N")] = 2,
    minutes: Annotated[int, typer.Option(min=2, max=100_000, help="How long each of them is, in minutes.")] = 1440,
    seed: Annotated[int, typer.Option(min=0, max=4_294_967_295, help="Another seed, other patients.")] = 0,
) -> None:
    """Write synthetic intensive-care patients as a table of vital signs, as your own data may look: a row a minute.

    They are the patients that `fedsecure replay --synthetic` streams. No patient is in them.

    Examples:

    - `fedsecure synthetic ward.csv --patients 3 --seed 7`
    """
    from replay.recording import csv_lines
    from replay.sources.synthetic import synthetic_cohort

    if out.suffix.lower() != ".csv":
        raise Misconfigured(f"{out} is written as CSV: name it {out.with_suffix('.csv')}")
    with writes(str(out), "another file"), out.open("w", encoding="utf-8") as table:
        table.writelines(csv_lines(synthetic_cohort(seed, patients, minutes)))
    typer.echo(f"{patients} patients of {minutes} minutes in {out}; look at them: fedsecure inspect {out}", err=True)
