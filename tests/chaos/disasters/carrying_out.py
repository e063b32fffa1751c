"""Brings a fault about, and ends it."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import psutil

from chaos.disasters.schedule import EVERYBODY, SERVICES, Fault
from chaos.site.installation import Installation
from chaos.site.links import Link
from contracts.content_hash import sha256_of
from contracts.messages.bundle_manifest import MANIFEST
from contracts.messages.releases import BundleRelease
from detectors.bundle.bundle import DEFAULT_BUNDLE, load_bundle, packed_bundle
from transport.bundles.releases import publish_release
from transport.kafka.publisher import Publisher


def begin(site: Installation, fault: Fault) -> None:
    """Let it go wrong. Returns at once, but for a restart, which waits for the end of the program."""
    BEGIN[fault.kind](site, fault)


def end(site: Installation, fault: Fault) -> None:
    """Let whoever looks after things do what they would: start what is down, free what is full."""
    if fault.kind in END:
        END[fault.kind](site, fault)


def _kill(site: Installation, fault: Fault) -> None:
    if fault.target in SERVICES:
        site.services.stack.kill(fault.target)
    else:
        site.programs[fault.target].kill()


def _start(site: Installation, fault: Fault) -> None:
    if fault.target not in SERVICES:
        site.programs[fault.target].start()
    elif not site.services.is_disk_full:  # else it could not, and is started when there is room again
        site.services.start(fault.target)


def _freeze(site: Installation, fault: Fault) -> None:
    _signal(site, fault, thaw=False)


def _thaw(site: Installation, fault: Fault) -> None:
    _signal(site, fault, thaw=True)


def _signal(site: Installation, fault: Fault, *, thaw: bool) -> None:
    if fault.target not in SERVICES:
        site.programs[fault.target].freeze(thaw=thaw)
    elif process := site.services.process_of(fault.target):
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGCONT if thaw else signal.SIGSTOP)


def _restart(site: Installation, fault: Fault) -> None:
    code = site.programs[fault.target].stop()
    if code != 0:
        site.note(f"{fault.target} ended with {code} when it was asked to stop")
    site.programs[fault.target].start()


def _links(site: Installation, fault: Fault) -> list[Link]:
    links = site.services.network.links
    whose = site.programs if fault.target == EVERYBODY else [fault.target]
    return [links[f"{program}-{fault.service}"] for program in whose]


def _harm(site: Installation, fault: Fault) -> None:
    def change() -> None:
        for link in _links(site, fault):
            if fault.kind == "delay":
                link.delay_s = fault.amount
            elif fault.kind == "narrow":
                link.bytes_per_s = fault.amount
            elif fault.kind == "cut":
                link.mode = "cut"
                link.end_all()
            else:
                link.mode = "half-open"

    site.services.network.change(change)


def _mend(site: Installation, fault: Fault) -> None:
    site.services.network.change(lambda: [link.heal() for link in _links(site, fault)] and None)


def _fill(site: Installation, fault: Fault) -> None:
    site.services.fill_disk()


def _free(site: Installation, fault: Fault) -> None:
    site.services.free_disk()
    for server in SERVICES:
        if site.services.process_of(server) is None:  # a broker whose only disk was full has ended itself
            site.services.start(server)


def _step(site: Installation, fault: Fault) -> None:
    site.programs[fault.target].set_clock(fault.amount)


def _set_right(site: Installation, fault: Fault) -> None:
    site.programs[fault.target].set_clock(0.0)


def _release(site: Installation, fault: Fault) -> None:
    """Release the same detector under another name: all devices change over, and no verdict may."""
    shipped = load_bundle(DEFAULT_BUNDLE)
    number = len(site.releases) + 1
    contents = packed_bundle(replace(shipped, metadata={**shipped.metadata, "chaos": number}))
    sha256 = sha256_of(contents[MANIFEST])
    release = BundleRelease(
        release=number, bundle_sha256=sha256, parent_sha256=shipped.sha256, model_sha256=None, kind="promotion",
        reason="chaos", released_at=time.time(),
    )  # fmt: skip

    async def publish() -> None:
        async with Publisher(site.settings) as publisher:
            await publish_release(publisher, site.settings.topics, release, contents)

    asyncio.run(publish())
    site.releases.append(sha256)


Act = Callable[[Installation, Fault], None]
NETWORK = ("delay", "cut", "half-open", "narrow")
BEGIN: dict[str, Act] = {
    "kill": _kill, "freeze": _freeze, "restart": _restart, "disk-full": _fill, "clock": _step, "release": _release,
    **dict.fromkeys(NETWORK, _harm),
}  # fmt: skip
END: dict[str, Act] = {
    "kill": _start, "freeze": _thaw, "disk-full": _free, "clock": _set_right, **dict.fromkeys(NETWORK, _mend),
}  # fmt: skip
