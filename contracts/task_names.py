"""The names of what a federation can learn (`fl_device.tasks.named` holds the tasks)."""

from __future__ import annotations

from typing import Literal

TaskName = Literal["reconstruction", "forecast", "classification"]
