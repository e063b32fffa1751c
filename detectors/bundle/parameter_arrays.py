"""A detector's parameters as arrays by name, and back. Names, shapes and values are checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.array_types import Floats32
from detectors.baseline.references import Standardisation
from detectors.network.layout import network_shapes
from detectors.scoring.classifier import NAMES, classifier_shapes, input_sizes
from detectors.scoring.common_scale import CommonScale
from detectors.scoring.components import SCALES, DetectorParameters
from detectors.scoring.tails import SHARES, Tails, fast_columns, slow_columns
from detectors.statistics.registry import columns

Arrays = dict[str, NDArray[Any]]

POSITIVE: Final = (
    "/own_sd",
    "/own_variance",
    "/between_sd",
    "_tails/slope",
    "threshold",
    *(f"scale/{name}/slope" for name in SCALES),
)


def encoded(parameters: DetectorParameters) -> Arrays:
    """Return all arrays by name, sorted, without the network's."""
    arrays: Arrays = {
        f"standardisation/{field.name}": np.asarray(getattr(parameters.standardisation, field.name), np.float64)
        for field in fields(Standardisation)
    }
    for name in NAMES:
        arrays |= {
            f"{name}_dnn/{key}": np.asarray(array, np.float32) for key, array in parameters.classifiers[name].items()
        }
        tails = getattr(parameters, f"{name}_tails")
        arrays |= {f"{name}_tails/quantiles": tails.quantiles, f"{name}_tails/slope": tails.slope}
    for name, scale in parameters.scales.items():
        arrays |= {f"scale/{name}/value": scale.value, f"scale/{name}/g": scale.g}
        arrays[f"scale/{name}/slope"] = np.array([scale.slope])
    arrays["threshold"] = np.array([parameters.threshold])
    return dict(sorted(arrays.items()))


def decoded(arrays: Mapping[str, NDArray[Any]], network: Mapping[str, NDArray[Any]]) -> DetectorParameters:
    """Return the parameters. Raises ValueError saying what does not fit this version."""
    _check_network(network)
    _check(arrays)
    return DetectorParameters(
        network=dict(network),
        standardisation=Standardisation(
            *(arrays[f"standardisation/{field.name}"] for field in fields(Standardisation))
        ),
        fast_tails=Tails(arrays["fast_tails/quantiles"], arrays["fast_tails/slope"]),
        slow_tails=Tails(arrays["slow_tails/quantiles"], arrays["slow_tails/slope"]),
        classifiers={name: _weights(arrays, f"{name}_dnn/") for name in NAMES},
        scales={
            name: CommonScale(
                arrays[f"scale/{name}/value"], arrays[f"scale/{name}/g"], float(arrays[f"scale/{name}/slope"][0])
            )
            for name in SCALES
        },
        threshold=float(arrays["threshold"][0]),
    )


def _weights(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, Floats32]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        f"standardisation/{field.name}": (len(columns()),) for field in fields(Standardisation)
    }
    for name, count in (("fast", len(fast_columns())), ("slow", len(slow_columns()))):
        shapes |= {f"{name}_tails/quantiles": (len(SHARES), count), f"{name}_tails/slope": (count,)}
        shapes |= {f"{name}_dnn/{key}": shape for key, shape in classifier_shapes(input_sizes()[name]).items()}
    return shapes | {"threshold": (1,)} | {f"scale/{name}/slope": (1,) for name in SCALES}


def _check(arrays: Mapping[str, NDArray[Any]]) -> None:
    expected = _shapes()
    knots = {f"scale/{name}/{part}" for name in SCALES for part in ("value", "g")}
    wrong = sorted((arrays.keys() ^ (expected.keys() | knots)) | _misshapen(arrays, expected))
    if wrong:
        raise ValueError(f"wrong arrays: {', '.join(wrong[:5])}")
    for name, array in arrays.items():
        kind = np.float32 if "_dnn/" in name else np.float64
        if array.dtype != kind or not np.isfinite(array).all():
            raise ValueError(f"{name} is not finite {kind.__name__}")
        if name.endswith(POSITIVE) and not (array > 0).all():
            raise ValueError(f"{name} is not above zero everywhere")
        if name.endswith("_tails/quantiles") and (np.diff(array, axis=0) < 0).any():
            raise ValueError(f"{name} do not rise")
    for name in SCALES:
        value, g = arrays[f"scale/{name}/value"], arrays[f"scale/{name}/g"]
        if (
            value.ndim != 1
            or value.shape != g.shape
            or len(value) < 2
            or (np.diff(value) < 0).any()
            or (np.diff(g) < 0).any()
        ):
            raise ValueError(f"the scale {name} does not rise")


def _misshapen(arrays: Mapping[str, NDArray[Any]], expected: Mapping[str, tuple[int, ...]]) -> set[str]:
    return {name for name, shape in expected.items() if name in arrays and arrays[name].shape != shape}


def _check_network(network: Mapping[str, NDArray[Any]]) -> None:
    expected = network_shapes()
    wrong = sorted((network.keys() ^ expected.keys()) | _misshapen(network, expected))
    if wrong:
        raise ValueError(f"wrong network weights: {', '.join(wrong[:5])}")
    if any(array.dtype != np.float32 or not np.isfinite(array).all() for array in network.values()):
        raise ValueError("the network holds weights that are not finite float32")
