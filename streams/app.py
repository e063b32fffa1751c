"""The app of `faust -A streams.app worker`, built from the environment when it is imported."""

from __future__ import annotations

from contracts.configuration.settings import Settings
from streams.faust.app import build_app

app = build_app(Settings())
