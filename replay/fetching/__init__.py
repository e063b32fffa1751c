"""Brings public recordings to this machine: whole or not at all, checked, and resumable."""

from __future__ import annotations

from replay.fetching.records import Fetched, FetchProgress, fetch_records
from replay.fetching.server import Server

__all__ = ["FetchProgress", "Fetched", "Server", "fetch_records"]
