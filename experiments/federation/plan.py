"""What the federation study runs: which runs there are, on how long recordings, over how many rounds and seeds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Literal

Gate = Literal["none", "live", "oracle"]

DEVICES: Final = 5
POISONED: Final = 1  # Dev2, as in the paper's Table II
SHOWN: Final = (1, 3)  # Dev2 and Dev4, as in its Fig. 10
LEVEL: Final = "strong"
ATTACKS: Final = ("data-poisoning-1", "data-poisoning-2", "backdoor-1", "backdoor-2")
WORST: Final = "data-poisoning-2"
NOISY: Final = ATTACKS[:2]  # those whose many poisoned windows a delay or a defence could matter for
HARMFUL: Final = ("sign-flip", "scaling", "sybil")  # update attacks that ruined undefended federations
UPDATE_ATTACKS: Final = ("sign-flip", "scaling", "alie", "ipm", "gaussian", "free-rider", "sybil")
BASELINE: Final = "no attack"
ONE_FEWER: Final = "no attack, one device fewer"
UNDEFENDED: Final = "fedavg"
DEFENCE: Final = "trimmed-mean"
DEFENCE_OF_TWO: Final = "median"  # two of five lie: a trimmed mean gives up one at each end
FLIPPED: Final = 2
OTHER_NETWORKS: Final = ("per-step", "forecast")
FLIP: Final = "classification, label flip"


@dataclass(frozen=True, slots=True)
class Run:
    """One federation: what is attacked, who is kept out and how, and how updates become one model.

    `task` is what is learnt (`federation_tasks`). `attack` poisons Dev2's vital signs, `update_attack` its update, and so many
    devices from Dev2 on train on `flipped` labels. The gate is the paper's (`none`: nobody is kept out, all
    windows are trained on), the `live` detector's, or an `oracle` that knows the onset. `delay` False trains on windows at
    once, without waiting for the vote's horizon. With `screen` the cohort is looked at before the rule, with `accept` the devices
    measure what came of it, on hours that they do not train on, and a worse model than the one before does not count.
    """

    name: str
    attack: str | None = None
    gate: Gate = "none"
    rule: str = UNDEFENDED
    screen: bool = False
    accept: bool = False
    update_attack: str | None = None
    absent: bool = False
    delay: bool = True
    task: str = "reconstruction"
    flipped: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """Minutes count from a recording's start. `tail_min` at the end are held out to measure the model on."""

    seeds: tuple[int, ...] = (1, 2, 3)
    rounds: int = 30
    first_round_min: int = 1500
    between_rounds_min: int = 120
    onset_min: int = 1560
    tail_min: int = 720
    enrolment_min: int = 600
    max_windows: int = 256
    local_epochs: int = 1
    batch_size: int = 32
    tolerance: float = 0.02
    learning_rate: float = (
        3e-3  # of 1e-3 and 3e-3 the one whose clean loss was lower after 30 rounds, on two other seeds
    )
    attacks: tuple[str, ...] = ATTACKS
    update_attacks: tuple[str, ...] = UPDATE_ATTACKS

    @property
    def last_round_min(self) -> int:
        """When the last round takes place."""
        return self.first_round_min + (self.rounds - 1) * self.between_rounds_min

    @property
    def minutes(self) -> int:
        """Length of every recording."""
        return self.last_round_min + 60 + self.tail_min


FULL: Final = Plan()
QUICK: Final = replace(
    FULL, seeds=(1,), rounds=6, first_round_min=1080, onset_min=1110, tail_min=360, attacks=ATTACKS[1:2],
    update_attacks=UPDATE_ATTACKS[:2],
)  # fmt: skip


def runs(plan: Plan) -> list[Run]:
    """Return the runs of the paper's Table II (1 to 6), those that its honest form adds, then other networks and flipped labels."""
    return [
        Run(BASELINE),
        *_gated(plan),
        *(Run(f"{attack}, oracle gate", attack, "oracle") for attack in plan.attacks),
        Run(ONE_FEWER, absent=True),
        Run("no attack, live gate", gate="live"),
        Run("no attack, update defence", rule=DEFENCE, screen=True),
        Run("no attack, live gate, update defence", gate="live", rule=DEFENCE, screen=True),
        *(run for attack in plan.attacks if attack in NOISY for run in _crossed(attack)),
        *(Run(f"{attack}, no defence", update_attack=attack) for attack in plan.update_attacks),
        *(
            Run(f"{attack}, update defence", rule=DEFENCE, screen=True, update_attack=attack)
            for attack in plan.update_attacks
        ),
        Run("no attack, live gate, acceptance", gate="live", accept=True),
        *(
            Run(f"{attack}, live gate, acceptance", gate="live", accept=True, update_attack=attack)
            for attack in plan.update_attacks
            if attack in HARMFUL
        ),
        *(run for task in OTHER_NETWORKS for run in _of_network(task, plan)),
        *_of_labels(),
    ]


def baseline_of(run: Run) -> str:
    """Return the name of the run that a run is measured against."""
    return BASELINE if run.task == "reconstruction" else f"{run.task}, {BASELINE}"


def _gated(plan: Plan) -> list[Run]:
    return [
        *(Run(f"{attack}, no gate", attack) for attack in plan.attacks),
        *(Run(f"{attack}, live gate", attack, "live") for attack in plan.attacks),
    ]


def _crossed(attack: str) -> list[Run]:
    """Return an attack's runs without the delay, and with the update defence instead of the gate and beside it."""
    return [
        Run(f"{attack}, live gate without delay", attack, "live", delay=False),
        Run(f"{attack}, update defence", attack, rule=DEFENCE, screen=True),
        Run(f"{attack}, live gate, update defence", attack, "live", DEFENCE, screen=True),
    ]


def _of_network(task: str, plan: Plan) -> list[Run]:
    attacked = _gated(plan if task == "per-step" else replace(plan, attacks=(WORST,)))
    asked = (Run(BASELINE), *attacked, Run("no attack, live gate", gate="live"))
    return [replace(run, name=f"{task}, {run.name}", task=task) for run in asked]


def _of_labels() -> list[Run]:
    def run(name: str, *, flipped: int = FLIPPED, **how: Any) -> Run:
        return Run(name, task="classification", flipped=flipped, **how)

    return [
        run(f"classification, {BASELINE}", flipped=0),
        run(f"{FLIP}, no gate"),
        run(f"{FLIP}, live gate", gate="live"),
        run(f"{FLIP}, oracle gate", gate="oracle"),
        run(f"{FLIP}, update defence", rule=DEFENCE_OF_TWO, screen=True),
        run(f"{FLIP}, live gate, update defence", gate="live", rule=DEFENCE_OF_TWO, screen=True),
    ]
