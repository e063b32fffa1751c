"""`fedsecure export`: the autoencoders as ONNX files for a device, in float32 and int8, and what each costs and loses."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from contracts.errors import Misconfigured, Unavailable

if TYPE_CHECKING:
    from detectors.bundle import Bundle
    from experiments.export_models import ExportPlan
    from experiments.export_results import ExportResults

NEEDED = ("onnx", "onnxruntime")
GOES_ON = "the same command goes on from the last finished stage"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export")(export)


def export(
    out: Annotated[Path, typer.Option("--out", help="Folder for the files; it must not exist yet or be empty.")],
    bundle: Annotated[
        Path | None, typer.Option("--bundle", help="Folder of the detector to export (default: the one that ships).")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Without 64 units and on few devices: under a minute.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the test patients and of the attacks.")] = 1,
    processes: Annotated[
        int, typer.Option("--processes", min=1, help="Worker processes; changes nothing but time.")
    ] = 2,
) -> None:
    """Export the autoencoders as ONNX, float32 and int8, with size, latency and the loss in detection in one table.

    The two of 32 units are the bundle's; the same of 64 units are trained first, on the same patients. About ten minutes on two
    free cores. Stopped with Ctrl-C, the same command goes on from the last finished stage, kept in OUT.work.

    Examples:

    - `fedsecure export --out models`

    - `fedsecure export --out try --quick --bundle my-bundle`
    """
    from dataclasses import replace

    from detectors.bundle import DEFAULT_BUNDLE, load_bundle
    from fedsecure.commands.train import check_target

    check_runtime()
    check_target(out)
    loaded = load_bundle(bundle or DEFAULT_BUNDLE)

    from experiments import export_models

    plan = replace(export_models.QUICK if quick else export_models.FULL, seed=seed)
    work = out.with_name(f"{out.name}.work")
    try:
        results = _exported(loaded, plan, work, processes)
        document = _write(out, results, f"fedsecure export --out DIR --seed {seed}{' --quick' if quick else ''}")
    except OSError as error:
        raise Misconfigured(f"cannot write {out}: {error.strerror or error}; choose another --out") from None
    shutil.rmtree(work, ignore_errors=True)
    _show(document, out)


def check_runtime() -> None:
    """Raise Misconfigured when the packages of the extra `export` are not installed."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise Misconfigured(
            f"fedsecure export needs {' and '.join(missing)}: run `make setup`, or install FedSecure with its extra, "
            "`pip install '.[export]'`"
        )


def _exported(bundle: Bundle, plan: ExportPlan, work: Path, processes: int) -> ExportResults:
    from concurrent.futures.process import BrokenProcessPool

    import onnxruntime

    from detectors.scoring.tensorflow_runtime import limit_threads
    from detectors.training.pool import pool
    from detectors.training.trace_jobs import Means
    from detectors.training.workfolder import WorkFolder
    from experiments.export_results import run_export, stage_names
    from experiments.grid_traces import Workbench
    from fedsecure.commands.evaluate import learner_of, stage_bars

    learner = learner_of(bundle, processes)
    work.mkdir(parents=True, exist_ok=True)  # before minutes of work, not after
    known = bundle.knowledge
    means = Means(known.expectations, known.population)
    folder = WorkFolder(work, repr((bundle.sha256, plan, onnxruntime.__version__)))
    limit_threads()
    with (
        stage_bars(stage_names(plan)) as progress,
        pool(bundle.autoencoder, bundle.blind_spot, processes) as workers,
    ):
        try:
            return run_export(bundle, learner, plan, Workbench(folder, workers, means, progress))
        except BrokenProcessPool:
            raise Unavailable(
                f"a worker process was ended from outside, perhaps for want of memory; {GOES_ON}"
            ) from None
        except KeyboardInterrupt:
            typer.echo(f"stopped; {GOES_ON}", err=True)
            raise


def _write(out: Path, results: ExportResults, command: str) -> dict[str, Any]:
    """Return what results.json holds."""
    from experiments.export_files import document_of, files_of
    from fedsecure.whole_folder import folder_that_appears_whole

    document = document_of(results, command)
    with folder_that_appears_whole(out) as folder:
        for name, content in files_of(results, document).items():
            (folder / name).write_bytes(content)
    return document


def _show(document: dict[str, Any], out: Path) -> None:
    from rich.console import Console

    from experiments.export_summary import loss_sentence
    from fedsecure.export_table import export_table

    Console(soft_wrap=False).print(export_table(document))
    typer.echo(f"{loss_sentence(document)} {document['machine']}.")
    typer.echo(f"files: {out}", err=True)
