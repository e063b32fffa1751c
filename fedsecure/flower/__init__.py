"""The live gate in front of any strategy of Flower: `GatedGrid(grid, Gate.from_env())`, and `prove_device(app)` on the clients."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from fedsecure.extras import require_extra

if TYPE_CHECKING:
    from fedsecure.flower.client import prove_device as prove_device
    from fedsecure.flower.gate import Gate as Gate
    from fedsecure.flower.gated_grid import GatedGrid as GatedGrid

__all__ = ["Gate", "GatedGrid", "prove_device"]
_ROOMS: Final = {"Gate": "gate", "GatedGrid": "gated_grid", "prove_device": "client"}


def __getattr__(name: str) -> Any:
    """Import what is asked for. Raises Misconfigured, naming the extra, where Flower is not installed."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    require_extra("flower", f"fedsecure.flower.{name}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
