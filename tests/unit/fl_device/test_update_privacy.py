"""What leaves a device is no longer than was set and carries the noise that was set; what that is worth agrees with the formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm
from structlog.testing import capture_logs

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from fl_device.training.privacy import PrivateAnswers, UpdatePrivacy, epsilon, length, privacy_of, secret_generator

BASE = {"kernel": np.full((3, 4), 0.5, np.float32), "bias": np.zeros(4, np.float32)}


def trained(size: float) -> dict[str, np.ndarray]:
    """All sixteen weights moved by `size`: a change 4 * size long."""
    return {name: array + np.float32(size) for name, array in BASE.items()}


def change(sent) -> dict[str, np.ndarray]:
    return {name: sent[name].astype(np.float64) - BASE[name] for name in BASE}


def seeded() -> np.random.Generator:
    return np.random.default_rng(5)


@pytest.mark.parametrize(("size", "sent_length"), [(0.1, 0.4), (0.25, 1.0), (2.0, 1.0), (-50.0, 1.0)])
def test_an_update_is_shortened_to_the_bound_and_a_short_one_stays_as_it_is(size, sent_length):
    sent = UpdatePrivacy(clip=1.0).applied(trained(size), BASE, seeded())
    assert length(change(sent)) == pytest.approx(sent_length, rel=1e-6)
    for part in change(sent).values():  # its direction is kept
        np.testing.assert_allclose(part, math.copysign(sent_length / 4, size), rtol=1e-6)
    assert {name: array.dtype for name, array in sent.items()} == dict.fromkeys(BASE, np.float32)


def test_an_update_that_changed_nothing_stays_nothing():
    sent = UpdatePrivacy(clip=1.0).applied(BASE, BASE, seeded())
    assert length(change(sent)) == 0


def test_what_nobody_trains_goes_back_as_it_came_and_counts_towards_no_bound():
    """The context's statistics travel with the detector's network: no noise on them, no length of theirs, no draw for them."""
    own = {"context_mean": np.full(4, 0.1, np.float32), "context_sd": np.full(4, 3.0, np.float32)}
    changed = {name: array + np.float32(100) for name, array in own.items()}
    privacy = UpdatePrivacy(clip=1.0, noise=2.0)
    sent = privacy.applied({**changed, **trained(2.0)}, {**own, **BASE}, seeded())
    assert list(sent) == ["context_mean", "context_sd", *BASE]
    for name, array in own.items():
        np.testing.assert_array_equal(sent[name], array)
    without = privacy.applied(trained(2.0), BASE, seeded())
    for name in BASE:
        np.testing.assert_array_equal(sent[name], without[name])


def test_no_noise_is_the_clip_alone_whatever_the_generator():
    one, other = (UpdatePrivacy(1.0, 0.0).applied(trained(2.0), BASE, np.random.default_rng(at)) for at in (1, 2))
    for name in BASE:
        np.testing.assert_array_equal(one[name], other[name])


def test_noise_has_the_deviation_that_was_set_and_no_mean():
    base = {"w": np.zeros(40_000, np.float32)}
    sent = UpdatePrivacy(clip=0.5, noise=0.3).applied({"w": np.full(40_000, 9.0, np.float32)}, base, seeded())
    noise = sent["w"] - 0.5 / math.sqrt(40_000)
    assert noise.std() == pytest.approx(0.15, rel=0.02)
    assert abs(noise.mean()) < 4 * 0.15 / math.sqrt(40_000)


def test_the_same_generator_gives_the_same_update_and_the_next_one_another():
    privacy, rng = UpdatePrivacy(1.0, 1.0), seeded()
    first, again, next_one = (privacy.applied(trained(0.1), BASE, dice) for dice in (seeded(), rng, rng))
    np.testing.assert_array_equal(first["kernel"], again["kernel"])
    assert not np.array_equal(first["kernel"], next_one["kernel"])


def test_in_use_nobody_can_say_the_noise_beforehand():
    one, other = secret_generator().standard_normal(4), secret_generator().standard_normal(4)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("clip", "noise"), [(0.0, 0.0), (-1.0, 0.0), (math.nan, 0.0), (math.inf, 1.0), (1.0, -0.1), (1.0, math.nan)]
)
def test_a_bound_or_noise_that_makes_no_sense_is_refused(clip, noise):
    with pytest.raises(Misconfigured, match="clip"):
        UpdatePrivacy(clip, noise)


def test_noise_needs_a_clip_and_nothing_set_is_nothing_done():
    assert privacy_of(None, 0.0) is None
    assert privacy_of(2.0, 0.0) == UpdatePrivacy(2.0)
    with pytest.raises(Misconfigured, match="FEDSECURE_DP_CLIP"):
        privacy_of(None, 0.1)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"FEDSECURE_DP_NOISE": "0.1"}, "FEDSECURE_DP_NOISE .*set FEDSECURE_DP_CLIP"),
        ({"FEDSECURE_DP_CLIP": "0"}, "FEDSECURE_DP_CLIP: Input should be greater than 0"),
        ({"FEDSECURE_DP_CLIP": "nan"}, "FEDSECURE_DP_CLIP: Input should be"),
        ({"FEDSECURE_DP_CLIP": "1", "FEDSECURE_DP_NOISE": "-1"}, "FEDSECURE_DP_NOISE: Input should be greater than or equal"),
        ({"FEDSECURE_DP_CLIP": "1", "FEDSECURE_DP_NOISE": "inf"}, "FEDSECURE_DP_NOISE: Input should be a finite number"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named_with_what_would_be_right(variables, said, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Misconfigured, match=said):
        Settings()


def test_settings_hold_what_was_set(monkeypatch):
    assert (Settings().dp_clip, Settings().dp_noise) == (None, 0.0)
    monkeypatch.setenv("FEDSECURE_DP_CLIP", "1.5")
    monkeypatch.setenv("FEDSECURE_DP_NOISE", "0.01")
    assert (Settings().dp_clip, Settings().dp_noise) == (1.5, 0.01)


def test_a_host_sends_what_was_trained_unless_told_otherwise():
    learnt = trained(2.0)
    assert PrivateAnswers(Settings()).sent("a", 1, learnt, BASE) is learnt
    sent = PrivateAnswers(Settings(dp_clip=1.0)).sent("a", 1, learnt, BASE)
    assert length(change(sent)) == pytest.approx(1.0, rel=1e-6)


def test_a_host_adds_its_noise_and_puts_on_record_what_all_rounds_gave_away():
    answers = PrivateAnswers(Settings(dp_clip=1.0, dp_noise=2.0), seeded)
    with capture_logs() as logs:
        sent = answers.sent("a", 7, trained(2.0), BASE)
    expected = UpdatePrivacy(1.0, 2.0).applied(trained(2.0), BASE, seeded())
    np.testing.assert_array_equal(sent["kernel"], expected["kernel"])
    (entry,) = logs
    assert entry["event"] == "privacy_spent"
    assert (entry["device_id"], entry["round"], entry["delta"]) == ("a", 7, 1e-5)
    assert entry["epsilon_at_most"] == epsilon(2.0, 7)


# --- what it is worth ---------------------------------------------------------------------------------------------


def gaussian_delta(deviation: float, eps: float) -> float:
    """Balle & Wang, ICML 2018, Theorem 8: of noise with this deviation on something that one neighbour moves by 1."""
    return norm.cdf(1 / (2 * deviation) - eps * deviation) - math.exp(eps) * norm.cdf(
        -1 / (2 * deviation) - eps * deviation
    )


@pytest.mark.parametrize("noise", [1.0, 4.0, 30.0])
def test_one_round_agrees_with_the_formula_for_data_replaced(noise):
    assert gaussian_delta(noise / 2, epsilon(noise, 1)) == pytest.approx(1e-5, rel=1e-4)


def test_rounds_add_up_as_one_round_with_less_noise_and_below_simple_addition():
    assert epsilon(3.0, 9) == pytest.approx(epsilon(1.0, 1), rel=1e-6)
    assert epsilon(3.0, 1) < epsilon(3.0, 9) < 9 * epsilon(3.0, 1)


def test_without_noise_nothing_is_promised_and_without_an_answer_nothing_is_spent():
    assert epsilon(0.0, 1) == math.inf
    assert epsilon(1.0, 0) == 0
