"""One device of a saved run as a picture: `python -m fedsecure.report.picture report p000020 docs/images/demo.png`."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from contracts.errors import Misconfigured
from experiments.report.figures import STYLE
from fedsecure.demo.observing.observation import decode_observation
from fedsecure.report.figures import describe_device, draw_device


def draw_picture(report_dir: Path, device_id: str, picture: Path) -> None:
    """Draw a device of the run whose report lies in a folder. Raises Misconfigured for a device that it did not have."""
    observation = decode_observation((report_dir / "observation.json").read_bytes())
    if device_id not in observation.devices:
        raise Misconfigured(f"no device {device_id!r} in this run: use {', '.join(sorted(observation.devices))}")
    trace = observation.devices[device_id]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 5.0), layout="constrained")
        draw_device(figure, observation, trace)
        figure.suptitle(describe_device(observation, trace), fontsize=9)
        figure.savefig(picture, dpi=110, facecolor="white")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: python -m fedsecure.report.picture REPORT_DIR DEVICE_ID PICTURE.png")
    draw_picture(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
