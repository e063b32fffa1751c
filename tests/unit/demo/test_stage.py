"""What a demo's programs are given: on open services all settings, in the secure mode a folder of their own and no word of a password."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from contracts.errors import Misconfigured
from fedsecure.demo import plan
from fedsecure.demo.stage import HOST, SecureStage, demo_stage
from fedsecure.security.principals import ADMIN
from fedsecure.security.site import Site, SiteRecord

PROGRAMS = (*plan.WORKERS, *plan.FEDERATION, "replay", "console")


@pytest.fixture
def stage(tmp_path: Path) -> SecureStage:
    site = Site(tmp_path / "site")
    site.make(SiteRecord("fedsecure", "fedsecure-workers", "127.0.0.1:1", "127.0.0.1:2"), dt.datetime.now(dt.UTC))
    site.change(devices={f"host-{HOST}": ("p1", "p2")})
    return SecureStage(site.settings_of(ADMIN, **plan.pace(tmp_path / "keys")), site)


def test_every_program_has_a_principal_and_none_is_the_administrator(stage: SecureStage) -> None:
    folders = {name: Path(stage.login(name)["FEDSECURE_SECRETS_DIR"]) for name in PROGRAMS}
    assert all(folder.is_dir() for folder in folders.values())
    assert {folder.name for folder in folders.values()} == {"worker", "coordinator", "host-demo", "replay", "console"}


def test_no_password_is_in_the_environment_and_the_pace_is(stage: SecureStage) -> None:
    environ = stage.environ()
    site = stage.site
    words = {site.kafka_password(name) for name in site.principals()} | {site.redis_password(ADMIN)}
    assert not [name for name, value in environ.items() if any(word in value for word in words)]
    assert not {"KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL"} & environ.keys()
    assert environ["FEDSECURE_ROUND_INTERVAL_S"] == str(plan.ROUND_INTERVAL_S)
    assert "FEDSECURE_REGISTER_NEW_DEVICES" not in environ, "here the administrator registers keys"


def test_a_secure_demo_does_not_take_services_of_others(tmp_path: Path) -> None:
    environ = {"REDIS_URL": "redis://127.0.0.1:1/0"}
    with (
        pytest.raises(Misconfigured, match="unset REDIS_URL"),
        demo_stage(True, tmp_path, lambda _: None, environ),
    ):
        pass
