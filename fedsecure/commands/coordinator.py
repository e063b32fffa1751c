"""`fedsecure coordinator`: run federated rounds with the devices that stand benign now."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.configuration.settings import Settings
from fedsecure.endpoints import settings_for_running_stack
from fedsecure.options import MetricsPort

if TYPE_CHECKING:
    from detectors.bundle.bundle import Bundle
    from transport.blobs.weights import Weights


def coordinator(
    rounds: Annotated[
        int | None,
        typer.Option(
            min=1, max=1_000_000_000, help="Stop after this many rounds, skipped ones included; by default never."
        ),
    ] = None,
    interval: Annotated[
        float | None,
        typer.Option(min=0.1, help="Seconds from the start of a round to the next [FEDSECURE_ROUND_INTERVAL_S, 60]."),
    ] = None,
    quorum: Annotated[
        int | None,
        typer.Option(min=1, help="Fewest devices a round needs; with fewer it is skipped [FEDSECURE_ROUND_QUORUM, 3]."),
    ] = None,
    deadline: Annotated[
        float | None,
        typer.Option(min=0.1, help="Seconds the devices have for their answers [FEDSECURE_ROUND_DEADLINE_S, 20]."),
    ] = None,
    rule: Annotated[
        str | None,
        typer.Option(
            help="How one model is made of the updates, by name (see below) [FEDSECURE_AGGREGATION, trimmed-mean]."
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            help="What is learnt: reconstruction, forecast or classification; devices are told the same [FEDSECURE_FEDERATED_TASK, reconstruction]."
        ),
    ] = None,
    metrics_port: MetricsPort = None,
) -> None:
    """Run federated rounds: gate, collect, gate again, aggregate, publish.

    A device takes part only while Redis shows it benign, fresh and enrolled; the gate is read when the round starts
    and again when its update arrives; updates are screened against each other before the rule makes one model of them:
    fedavg, median, trimmed-mean, krum, multi-krum, geometric-median or norm-bounded. The devices then measure it on hours that they did not
    train on; one that most find worse than the model before is rejected [FEDSECURE_MODEL_TOLERANCE, 0.02]. Without a quorum, or without Redis, the round is skipped and the model stays.
    Rounds are on the topic `fl.rounds`, every decision on `fl.events`, the models on `models`.

    Examples:

    - `fedsecure coordinator`

    - `fedsecure coordinator --interval 10 --quorum 3 --metrics-port 9102`

    - `fedsecure coordinator --quorum 5 --rule multi-krum`
    """
    from contracts.metrics import BUILD_INFO
    from detectors.bundle.bundle import DEFAULT_BUNDLE, load_bundle
    from fedsecure.programs import run_program
    from fl_coordinator.program import CoordinatorProgram
    from transport.logs import configure_logs

    given = {
        "round_interval_s": interval,
        "round_quorum": quorum,
        "round_deadline_s": deadline,
        "aggregation": rule,
        "federated_task": task,
        "metrics_port": metrics_port,
    }
    settings = settings_for_running_stack(**given)
    configure_logs("coordinator")
    bundle = load_bundle(settings.bundle_dir or DEFAULT_BUNDLE)
    BUILD_INFO.info({"bundle": bundle.sha256})
    first = partial(_initial_weights, settings, bundle)
    run_program(lambda: CoordinatorProgram(settings, first, rounds_limit=rounds), settings, "coordinator")


def _initial_weights(settings: Settings, bundle: Bundle) -> Weights:
    """Return what a federation begins with: the detector's own network, or untrained weights of another task."""
    if settings.federated_task == "reconstruction":
        return bundle.parameters.network
    from fl_device.tasks.fresh_weights import SHAPES, fresh_weights

    return fresh_weights(SHAPES[settings.federated_task](), seed=0)
