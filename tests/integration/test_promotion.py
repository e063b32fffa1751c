"""A promoted bundle on the real log: released over what ran, listed, and taken back; all byte for byte."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from plain_detector import plain_bundle

from contracts.errors import Misconfigured
from detectors.bundle.bundle import bundle_of, folder_contents, save_bundle
from detectors.training.canaries.verdict import CanaryResult
from detectors.training.cohort import Population
from detectors.training.held_out import HeldOut
from detectors.training.training import Training
from experiments.common.injection import inject_case
from fedsecure.promotion.attempt import Promotion
from fedsecure.promotion.source import release, source_on_record
from fl_coordinator.releases.releaser import Releaser, Superseded
from transport.blobs.weights import encode_weights
from transport.bundles.files import BundleFiles
from transport.bundles.releases import read_releases
from transport.kafka.publisher import Publisher

pytestmark = pytest.mark.integration


async def test_a_promotion_is_released_over_what_ran_and_rolled_back_to_it(settings, tmp_path):
    """The first promotion puts what ran before it on record too, or there would be nothing to go back to."""
    running, folder = tmp_path / "running", tmp_path / "out" / "bundle"
    for path in (running, folder):
        path.mkdir(parents=True)
    before = save_bundle(plain_bundle(1), running).sha256
    candidate = save_bundle(plain_bundle(2), folder).sha256
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(encode_weights(plain_bundle(2).parameters.network))
    settings = settings.model_copy(update={"bundle_dir": running})

    source = await source_on_record(settings, None, weights)
    assert (source.current.sha256, source.is_released) == (before, False)
    training = Training((Population("nobody", (), is_real=False),), (), (), (), inject_case, 1, network=source.weights)
    held_out = HeldOut((), (), (), inject_case, 1)
    promotion = Promotion(source.weights, source.model_sha256, source.current, training, held_out, tmp_path / "out")
    passed = CanaryResult(candidate_sha256=candidate, current_sha256=before, passed=True, reason="no figure is worse")
    for other in (
        msgspec.structs.replace(passed, passed=False),
        msgspec.structs.replace(passed, candidate_sha256=before),
    ):
        with pytest.raises(Misconfigured, match="did not pass"):
            await release(source, promotion, other)
    assert await read_releases(settings) == []

    promoted = await release(source, promotion, passed)
    again = await source_on_record(settings, None, weights)
    assert (again.current.sha256, again.is_released) == (candidate, True)
    with pytest.raises(Superseded):
        await release(replace(source, is_released=True), promotion, passed)
    async with Publisher(settings) as publisher:
        back = await Releaser.of(settings, publisher).roll_back("devices left", "a person")

    initial, *others = await read_releases(settings)
    assert others == [promoted, back]
    assert [(one.release, one.kind, one.bundle_sha256) for one in (initial, promoted, back)] == [
        (1, "initial", before), (2, "promotion", candidate), (3, "rollback", before),
    ]  # fmt: skip
    assert (promoted.model_sha256, promoted.parent_sha256) == (source.model_sha256, before)
    contents = await BundleFiles(settings).contents(back.bundle_sha256)
    assert contents == folder_contents(running)
    assert bundle_of(contents, "from Kafka").sha256 == before
