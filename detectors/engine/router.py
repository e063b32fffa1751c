"""All devices of one program, each judged by one bundle: the one in force, or an older one until it is taken over."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.messages.verdicts import DeviceSnapshot
from detectors.engine.chunks import MinuteChunk, Verdicts
from detectors.engine.engine import DetectionEngine


class EngineRouter:
    """Owned by one thread like the engines in it.

    A device is open under one bundle at a time and changes only by `take_over`, so that every verdict is of one bundle.
    """

    def __init__(self, current: DetectionEngine) -> None:
        self._current = current
        self._engine_of: dict[str, DetectionEngine] = {}
        self._kept: set[str] = set()

    @property
    def bundle_sha(self) -> str:
        """The bundle in force, which judges every new device."""
        return self._current.bundle_sha

    def bundle_sha_of(self, device_id: str) -> str:
        """Return the bundle that judges an open device."""
        return self._engine_of[device_id].bundle_sha

    def loaded(self, bundle_sha: str) -> DetectionEngine | None:
        """Return the engine of a bundle that judges devices now, or None."""
        return next((engine for engine in self._engine_of.values() if engine.bundle_sha == bundle_sha), None)

    def use(self, engine: DetectionEngine) -> None:
        """Put another bundle in force. Open devices stay with theirs until they are taken over."""
        self._current = engine
        self._kept.clear()

    def behind(self) -> list[str]:
        """Return the devices that the bundle in force is still to take over. Not those that their own had to keep."""
        return [
            device_id
            for device_id, engine in self._engine_of.items()
            if engine is not self._current
            and (device_id not in self._kept or engine.snapshot(device_id).profile is None)  # a new session enrols anew
        ]

    def take_over(self, device_id: str, snapshot: DeviceSnapshot, chunks: Sequence[MinuteChunk]) -> bool:
        """Let the bundle in force judge a device from its snapshot on, as `DetectionEngine.take_over`. False: it stays as it is."""
        if not self._current.take_over(device_id, snapshot, chunks):
            return False
        before = self._engine_of.get(device_id)
        if before is not None and before is not self._current:
            before.close(device_id)
        self._engine_of[device_id] = self._current
        return True

    def take_over_or_keep(
        self, device_id: str, snapshot: DeviceSnapshot, chunks: Sequence[MinuteChunk], *, is_whole: bool
    ) -> bool:
        """Take a device over if its enrolment can be judged again, else note that it stays as it is (False).

        `is_whole` says that `chunks` are all its minutes since `DetectionEngine.history_needed_to_take_over`; a device without a
        profile has no enrolment to judge again and is taken over in any case.
        """
        if (snapshot.profile is None or is_whole) and self.take_over(device_id, snapshot, chunks):
            return True
        self.keep(device_id)
        return False

    def keep(self, device_id: str) -> None:
        """Note a device that cannot be taken over, its enrolment being gone: it stays with its bundle until it enrols again."""
        self._kept.add(device_id)

    def open(self, device_id: str, snapshot: DeviceSnapshot | None, engine: DetectionEngine | None = None) -> None:
        """Start or restore a device, under the bundle in force or under another."""
        self.close(device_id)
        self._engine_of[device_id] = self._current if engine is None else engine
        self._engine_of[device_id].open(device_id, snapshot)

    def close(self, device_id: str) -> None:
        """Forget a device, if it is open."""
        engine = self._engine_of.pop(device_id, None)
        self._kept.discard(device_id)
        if engine is not None:
            engine.close(device_id)

    def fill(self, chunk: MinuteChunk) -> None:
        """See `DetectionEngine`."""
        self._engine_of[chunk.device_id].fill(chunk)

    def apply(self, chunks: Sequence[MinuteChunk]) -> list[Verdicts]:
        """Judge the chunks in order, in one micro-batch a bundle. A device may occur many times."""
        parts: dict[DetectionEngine, list[int]] = {}
        for place, chunk in enumerate(chunks):
            parts.setdefault(self._engine_of[chunk.device_id], []).append(place)
        verdicts: dict[int, Verdicts] = {}
        for engine, places in parts.items():
            verdicts.update(zip(places, engine.apply([chunks[place] for place in places]), strict=True))
        return [verdicts[place] for place in range(len(chunks))]

    def invalid(self, device_id: str) -> DeviceSnapshot:
        """See `DetectionEngine`."""
        return self._engine_of[device_id].invalid(device_id)

    def snapshot(self, device_id: str) -> DeviceSnapshot:
        """See `DetectionEngine`."""
        return self._engine_of[device_id].snapshot(device_id)

    def reason(self, device_id: str) -> str:
        """See `DetectionEngine`."""
        return self._engine_of[device_id].reason(device_id)
