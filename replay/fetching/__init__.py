"""Brings public recordings to this machine: whole or not at all, checked, and resumable."""

from __future__ import annotations

from replay.fetching.mimic3_waveforms import Fetched, FetchProgress, fetch_numerics
from replay.fetching.server import Server

__all__ = ["FetchProgress", "Fetched", "Server", "fetch_numerics"]
