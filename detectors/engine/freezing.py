"""The end of an enrolment: profile, baseline and the blocks that the next decisions go on from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from contracts.messages.verdicts import DeviceProfile
from detectors.array_types import Bools, Floats, Floats32
from detectors.baseline.own_past import baseline_start, enrolment_decisions, own_past
from detectors.baseline.profile import Profile, profile_of
from detectors.decisions.votes import stream_votes
from detectors.engine.arrays import MIDDLE_BLOCKS, DeviceArrays
from detectors.engine.model import Model, profile_record
from detectors.explanations.enrolment import enrolment_warning
from detectors.minutes.cleaning import CleanMinutes
from detectors.minutes.windows import usable_decisions
from detectors.rules import copies, pulse
from detectors.scoring.components import components_of, tail_features_of
from detectors.statistics.windows import Blocks, blocks_of, rows_of_stream, stream_statistics


@dataclass(frozen=True, slots=True)
class Frozen:
    """What an enrolment comes to. `repeats_itself`: the copy rule speaks within it, so it teaches nothing."""

    profile: DeviceProfile
    arrays: Profile
    repeats_itself: bool
    blocks: Blocks
    evidence: Floats32
    values: Floats
    keep: Bools


def freeze(model: Model, minutes: CleanMinutes, pulse_medians_bpm: Sequence[float]) -> Frozen:
    """Return what the valid minutes of an enrolment come to (at least 60). Blocks for some milliseconds."""
    profile = profile_of(minutes, len(minutes))
    rows = rows_of_stream(minutes.values, minutes.weight, profile)
    blocks = blocks_of(rows, model.network_errors(rows))
    evidence = copies.block_evidence(rows)
    values = stream_statistics(blocks)
    keep = usable_decisions(minutes)
    enrolled = enrolment_decisions(len(minutes))
    past = own_past(values, enrolled, keep)
    logits, _ = components_of(model.parameters.classifiers, tail_features_of(model.parameters, values, past))
    start = baseline_start(enrolled)
    above = (logits - own_past(logits, enrolled, keep).mean)[start:, 0]
    nats = copies.stream_nats(evidence) / copies.LIMIT_NATS
    record = profile_record(
        profile,
        pulse_limit_bpm=pulse.limit_bpm(pulse_medians_bpm),
        threshold=model.rule.threshold(model.parameters, above[keep[start:]]),
        first_event_minute=int(minutes.event_minute[0]),
        last_event_minute=int(minutes.event_minute[-1]),
        bundle_sha=model.bundle_sha,
        rule=model.rule.name,
        warning=enrolment_warning(minutes.values, values, keep, model.parameters.standardisation.between_sd),
    )
    repeats = bool((stream_votes(nats, 2) >= 1).any())
    return Frozen(record, profile, repeats, blocks, evidence, np.concatenate([values, logits], axis=1), keep)


def put(arrays: DeviceArrays, slot: int, frozen: Frozen) -> None:
    """Let a slot be judged by what its enrolment came to."""
    arrays.take_profile(slot, frozen.arrays, frozen.profile.threshold)
    put_blocks(arrays, slot, len(frozen.values), frozen.blocks, frozen.evidence)
    start = baseline_start(len(frozen.values))
    kept = frozen.values[start:][frozen.keep[start:]]
    arrays.count[slot] = len(kept)
    arrays.total[slot] = kept.sum(axis=0)
    arrays.squares[slot] = (kept**2).sum(axis=0)


def put_blocks(arrays: DeviceArrays, slot: int, end: int, blocks: Blocks, evidence: Floats32) -> None:
    """Write the blocks of the decisions before `end` into a slot's rings and sums, as far as they reach back."""
    for ring, made in ((arrays.terms, blocks.terms), (arrays.copies, evidence)):
        last = made[-ring.shape[1] :]
        ring[slot, np.arange(end - len(last), end) % ring.shape[1]] = last
    arrays.phases[slot] = blocks.phases[-MIDDLE_BLOCKS:].sum(axis=0, dtype=np.int32)
