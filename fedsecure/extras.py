"""The optional packages of FedSecure that some commands need, named when they are not installed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Final, Literal

from contracts.errors import Misconfigured

NOT_IN_CORE: Final = {"matplotlib": "draws pictures", "PIL": "makes pictures", "pyarrow": "reads Parquet"}
Extra = Literal["train", "export", "flower", "dask", "ray"]
PACKAGES: Final[Mapping[Extra, tuple[str, ...]]] = {
    "train": ("tensorflow", "threadpoolctl", "dp_accounting"),
    "export": ("onnx", "onnxruntime"),
    "flower": ("flwr",),
    "dask": ("dask", "distributed"),
    "ray": ("ray",),
}
LARGE: Final = {"ray"}
"""What `make setup` leaves out."""


def require_extra(extra: Extra, command: str, *also: str) -> None:
    """Raise Misconfigured when a package of the extra, or one of `also`, is not installed. None is imported."""
    missing = [name for name in (*PACKAGES[extra], *also) if find_spec(name) is None]
    if missing:
        set_up = "" if extra in LARGE else "run `make setup`, or "
        raise Misconfigured(
            f"{command} needs {' and '.join(missing)}: {set_up}install FedSecure with its extra, "
            f"`pip install 'fedsecure[{extra}]'`"
        )


def lacking(error: ModuleNotFoundError) -> Misconfigured | None:
    """Return the sentence for a package that the container image `core` leaves out, or None for any other."""
    package = (error.name or "").partition(".")[0]
    if package not in NOT_IN_CORE:
        return None
    return Misconfigured(
        f"{package}, which {NOT_IN_CORE[package]}, is not installed: the container image `core` is without it, "
        f"take the image `full` or `pip install fedsecure`"
    )
