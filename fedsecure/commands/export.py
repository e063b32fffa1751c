"""`fedsecure export`: the detector's network as ONNX files for a device, in float32 and int8, and how far they are from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from fedsecure.extras import require_extra
from fedsecure.options import command_again
from fedsecure.output_files import check_target, folder_that_appears_whole, write_files, writes_into
from fedsecure.study_output import stage_bars

SHORT_HEADINGS = {
    "µs a window, 1 a call": "µs, 1\na call",
    "µs a window, 32 a call": "µs, 32\na call",
    "score, largest difference": "score,\nlargest",
    "score, mean difference": "score,\nmean",
    "log mean square, largest": "log square,\nlargest",
    "log mean square, mean": "log square,\nmean",
    "the same in its own sd": "in its\nown sd",
}


def export(
    out: Annotated[Path, typer.Option(help="Folder for the files; it must not exist yet or be empty.")],
    bundle: Annotated[
        Path | None, typer.Option(help="Folder of the detector to export (default: the one that ships).")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="On three devices: some seconds.")] = False,
    seed: Annotated[int, typer.Option(min=0, max=4_294_967_295, help="Seed of the test patients.")] = 1,
) -> None:
    """Export the detector's network as ONNX, float32 and int8, with size, latency and differences in one table.

    About a minute. The float32 file must agree with the detector's own arithmetic, or nothing is written.

    Examples:

    - `fedsecure export --out models`

    - `fedsecure export --out try --quick --bundle my-bundle`
    """
    from detectors.bundle.bundle import DEFAULT_BUNDLE, load_bundle

    require_extra("export", "fedsecure export")
    check_target(out)
    loaded = load_bundle(bundle or DEFAULT_BUNDLE)

    from experiments.export import measure as export_measure
    from experiments.export.files import document_of, loss_sentence, manifest_of, tables_of
    from experiments.report.numbers import json_bytes

    plan = replace(export_measure.QUICK if quick else export_measure.FULL, seed=seed)
    command = command_again("export", {"out": "DIR", "seed": seed, "quick": quick})
    with writes_into(out):
        with stage_bars(export_measure.STAGES) as progress:
            results = export_measure.run_export(loaded, plan, progress)
        document = document_of(results, command)
        with folder_that_appears_whole(out) as folder:
            write_files(folder, {file.name: file.content for file in results.files})
            write_files(
                folder, {"manifest.json": json_bytes(manifest_of(results)), "results.json": json_bytes(document)}
            )
            write_files(folder, tables_of(document))
    Console(soft_wrap=False).print(export_table(document))
    typer.echo(f"{loss_sentence(document)} {document['machine']}.")
    typer.echo(f"files: {out}", err=True)


def export_table(document: Mapping[str, Any]) -> Table:
    """Return a row a file of a results.json."""
    from experiments.export.files import rows_of

    rows = rows_of(document)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for name in rows[0]:
        table.add_column(SHORT_HEADINGS.get(name, name), no_wrap=True, justify="left" if name == "file" else "right")
    for row in rows:
        table.add_row(*(cell.replace(" (", "\n(") for cell in row.values()))
    return table
