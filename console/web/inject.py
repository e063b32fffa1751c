"""Asks a running replay to begin or end an attack: the one thing that the console writes, and only when it was told to."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import msgspec
import structlog
from aiohttp import web

from console.web.security import is_same_origin
from contracts.configuration.settings import Settings
from contracts.errors import InvalidMessage, Unavailable
from contracts.messages.replay_commands import ReplayCommand, decode_command, encode_command
from transport.kafka.publisher import Publisher

MOST_BYTES: Final = 2048
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class AttackChoice:
    """An attack that a person may start, and its levels in words."""

    name: str
    summary: str
    levels: Mapping[str, str]


class Injector:
    """Publishes commands for the attacks it knows."""

    def __init__(self, settings: Settings, choices: Sequence[AttackChoice]) -> None:
        self._settings = settings
        self._choices = {choice.name: choice for choice in choices}

    def choices(self) -> list[dict[str, Any]]:
        """Return what the page offers."""
        return [asdict(choice) for choice in self._choices.values()]

    async def handle(self, request: web.Request) -> web.Response:
        """Answer POST /api/inject: 202 once Kafka has the command, which the replay then carries out."""
        if not is_same_origin(request) or request.content_type != "application/json":
            raise web.HTTPForbidden(text="Only this console's own page may ask for that.\n")
        body = await request.content.read(MOST_BYTES + 1)
        try:
            command = self._checked(body)
        except InvalidMessage as error:
            raise web.HTTPBadRequest(text=f"{error.detail or error.reason}\n") from None
        try:
            async with Publisher(self._settings) as publisher:
                topic = self._settings.topics.replay_commands
                await publisher.send(topic, command.device_id, encode_command(command))
        except Unavailable as error:
            raise web.HTTPServiceUnavailable(text=f"{error}\n") from None
        log.warning("attack_asked_for", action=command.action, device_id=command.device_id, attack=command.attack)
        return web.json_response({"asked": command.action}, status=202)

    def _checked(self, body: bytes) -> ReplayCommand:
        if len(body) > MOST_BYTES:
            raise InvalidMessage("too_large")
        try:
            fields = msgspec.json.decode(body, type=dict[str, Any])
        except msgspec.DecodeError:
            raise InvalidMessage("not_json") from None
        command = decode_command(msgspec.json.encode(fields | {"sent_at": time.time()}))
        choice = self._choices.get(command.attack)
        if command.action == "start" and (choice is None or command.level not in choice.levels):
            raise InvalidMessage("unknown_attack", f"there is no attack {command.attack!r} of level {command.level!r}")
        return command
