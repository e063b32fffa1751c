"""Three seeds of disasters to a whole installation, which streams under attack meanwhile; `make chaos` runs as many as one likes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from chaos.disasters.schedule import names_of, schedule
from chaos.run import Pace, run_on, ward_of
from chaos.site.installation import COMMANDS
from chaos.site.services import Services
from chaos.site.ward import ENROLMENT_MIN, HORIZON_MIN

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

# One disaster each, in a stream of a third of a minute. How long healing may take is stated for an idle machine.
PACE = Pace(stream_s=20.0, disasters=1, patience=4.0)
SEEDS = {
    6: ["cut everybody kafka"],
    13: ["restart worker-1 and kill coordinator"],
    20: ["kill kafka"],
}
log = logging.getLogger(__name__)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with Services(tmp_path_factory.mktemp("chaos"), tuple(COMMANDS), small_disk=False) as running:
        yield running


@pytest.mark.parametrize("seed", SEEDS)
def test_after_a_disaster_all_is_as_on_a_quiet_day(services: Services, tmp_path: Path, seed: int) -> None:
    assert names_of(schedule(seed, PACE.disasters)) == SEEDS[seed]
    outcome = run_on(services, seed, tmp_path, PACE, log.info)
    log.info("%s", outcome)
    assert outcome.faults == []
    # Of a ward that still enrols nobody has windows to train on before the stream is over.
    trains = ward_of(seed).before_min >= ENROLMENT_MIN + HORIZON_MIN
    assert outcome.counts["trainings"] or not trains
    assert all(struck["heal_s"] is not None for struck in outcome.disasters)
