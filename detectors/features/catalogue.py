"""Every feature's name, in the order of the arrays that hold it, and what it is about: the vocabulary of explanations."""

from __future__ import annotations

from typing import Final, NamedTuple

from detectors.features.channel import CHANNEL_FEATURES
from detectors.features.lattice import LATTICE_FEATURES
from detectors.features.long_means import LONG_MEAN_FEATURES
from detectors.features.pair import PAIR_FEATURES, RHYTHM_FEATURES
from detectors.weight_layout import AUTOENCODERS, RESIDUAL_FEATURES

HEART: Final = "heart_rate"
BREATH: Final = "resp_rate"
BOTH: Final = "both"
FAST_MIN: Final = 60
MIDDLE_MIN: Final = 180
SLOW_MIN: Final = 360

GROUP_OF: Final = {
    "mean": "level",
    "slope": "level",
    "log_variance": "variance",
    "log_difference_power": "difference",
    "log_difference_mean": "difference",
    "log_usual_difference": "difference",
    "log_usual_deviation": "variance",
    "log_band_power": "smooth",
    "difference_autocorrelation": "smooth",
    "share_alike": "flat",
    "log_longest_run": "flat",
    "log_largest_difference": "difference",
    "log_ratio_of_halves": "shape",
    "skew": "shape",
    "log_kurtosis": "shape",
    "difference_skew": "shape",
    "largest_step": "step",
    "sharpest_step": "step",
    "correlation": "coupling",
    "difference_correlation": "coupling",
    "joint_step": "step",
    "joint_sharp_step": "step",
    "opposed_step": "step",
    "autocorrelation_peak": "repetition",
    "repeated_share": "repetition",
    "heart_rate_rhythm": "rhythm",
    "resp_rate_rhythm": "rhythm",
    "joint_rhythm": "rhythm",
    "crossed_peak": "coupling",
    "crossed_at_zero": "coupling",
    "heart_rate_lattice": "lattice",
    "resp_rate_lattice": "lattice",
    "joint_lattice": "lattice",
    "span": "coverage",
    "hour_against_six": "level",
    "three_hours_against_twelve": "level",
    "twelve_hour_mean": "level",
}


class Feature(NamedTuple):
    """One number: its name, channel (heart_rate, resp_rate or both), the minutes it looks at, and its group."""

    name: str
    channel: str
    minutes: int
    group: str

    @property
    def key(self) -> str:
        """A unique name, such as `heart_rate 60 mean`."""
        return f"{self.channel} {self.minutes} {self.name}"


def _of(names: tuple[str, ...], channel: str, minutes: int) -> list[Feature]:
    return [Feature(name, channel, minutes, GROUP_OF[name]) for name in names]


def _window(minutes: int) -> list[Feature]:
    """What `signal.window_features` returns for a length, channel by channel."""
    return [
        *_of(CHANNEL_FEATURES, HEART, minutes),
        *_of(CHANNEL_FEATURES, BREATH, minutes),
        *_of(PAIR_FEATURES, BOTH, minutes),
    ]


def _residual() -> list[Feature]:
    found = []
    for autoencoder in AUTOENCODERS:
        for name in RESIDUAL_FEATURES:
            channel = next((one for one in (HEART, BREATH) if name.startswith(one)), BOTH)
            bare = name.removeprefix(f"{channel}_")
            found.append(Feature(f"{autoencoder} {bare}", channel, FAST_MIN, "residual"))
    return found


FAST: Final = (
    *_window(FAST_MIN),
    *_of(("repeated_share",), BOTH, FAST_MIN),
    *_of(LATTICE_FEATURES, BOTH, FAST_MIN),
)
RESIDUAL: Final = tuple(_residual())
SLOW: Final = (
    *_window(MIDDLE_MIN),
    *_of(("repeated_share",), BOTH, MIDDLE_MIN),
    *_window(SLOW_MIN),
    *_of(RHYTHM_FEATURES, BOTH, MIDDLE_MIN),
    *_of(RHYTHM_FEATURES, BOTH, SLOW_MIN),
    *_of(LATTICE_FEATURES, BOTH, MIDDLE_MIN),
    *_of(LATTICE_FEATURES, BOTH, SLOW_MIN),
    *_of(("span",), BOTH, SLOW_MIN),
    *_of(LONG_MEAN_FEATURES, HEART, 1080),
    *_of(LONG_MEAN_FEATURES, BREATH, 1080),
)
FEATURES: Final = (*FAST, *RESIDUAL, *SLOW)
LATTICE: Final = frozenset(index for index, feature in enumerate(FEATURES) if feature.group == "lattice")

FAST_PART: Final = slice(0, len(FAST))
RESIDUAL_PART: Final = slice(len(FAST), len(FAST) + len(RESIDUAL))
MINUTE_PART: Final = slice(0, len(FAST) + len(RESIDUAL))
SLOW_PART: Final = slice(len(FAST) + len(RESIDUAL), len(FEATURES))
