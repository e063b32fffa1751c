"""`fedsecure secure init | renew | apply | add-device | revoke`: certificates, passwords and rights of an installation."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.configuration.addresses import checked_brokers, parse_redis
from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from contracts.identifiers import check_device_id

if TYPE_CHECKING:
    from fedsecure.security.site import Site

secure = typer.Typer(
    rich_markup_mode="markdown",
    help="Make and renew certificates and passwords, and put in force on Kafka and Redis who may do what (docs/security-principals.md).",
    no_args_is_help=True,
)
NewFolder = Annotated[
    Path, typer.Argument(help="Folder for all of it; only who owns it may read it.", metavar="DIR", show_default=False)
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--dir",
        metavar="DIR",
        help="The folder that `init` made.  [default: that of the local stack]",
        show_default=False,
    ),
]
Device = Annotated[str, typer.Argument(help="A device, e.g. p000020.", metavar="ID")]


@secure.command()
def init(
    out: NewFolder,
    kafka: Annotated[str, typer.Option(help="Where Kafka will be, HOST:PORT, several with commas.")] = "127.0.0.1:9092",
    redis: Annotated[str, typer.Option(help="Where Redis will be, HOST:PORT.")] = "127.0.0.1:6379",
    host: Annotated[
        list[str] | None,
        typer.Option(help="A name or address that a server is reached under, beside those and localhost. Repeatable."),
    ] = None,
) -> None:
    """Make an authority, certificates for Kafka, Redis and the console, and a password for each program, as files.

    A program takes what it needs by `FEDSECURE_SECRETS_DIR=DIR/programs/<its name>`. Nothing is changed on a server: `fedsecure secure apply`
    does that. `fedsecure stack up --secure` does all of it for the local stack.

    Examples:

    - `fedsecure secure init /etc/fedsecure --kafka kafka.ward:9093 --redis redis.ward:6379`
    """
    from fedsecure.output_files import writes_into
    from fedsecure.security.site import Site, SiteRecord

    settings, site = Settings(), Site(out)
    brokers, redis_at = _brokers(kafka), _redis(redis)
    named = [broker.rpartition(":")[0].strip("[]") for broker in [*brokers.split(","), redis_at]]
    record = SiteRecord(
        settings.prefix,
        settings.worker_group,
        brokers,
        redis_at,
        hosts=tuple(dict.fromkeys((*named, *map(_host, host or ())))),
    )
    with writes_into(out, "folder of the installation"):
        site.make(record, dt.datetime.now(dt.UTC))
    _show(site)


@secure.command()
def renew(out: NewFolder) -> None:
    """Replace the servers' keys and certificates. The authority stays, so that clients need nothing new.

    Then restart the servers, Kafka's brokers one after another: they read their certificates at their start.

    Examples:

    - `fedsecure secure renew /etc/fedsecure`
    """
    from fedsecure.security.site import Site

    site = Site(out)
    site.renew(dt.datetime.now(dt.UTC))
    _show_certificates(site)
    typer.echo("restart Kafka (brokers one after another), Redis and the console: they take them up at their start")


@secure.command()
def apply(folder: Folder = None) -> None:
    """Make every principal on the running Kafka and Redis what the table says, and the fixed topics. May be called at any time.

    Examples:

    - `fedsecure secure apply --dir /etc/fedsecure`
    """
    from fedsecure.security.provisioning import apply as put_in_force

    site = _site(folder)
    principals = put_in_force(site)
    typer.echo(f"in force for {len(principals)} principals: {', '.join(each.name for each in principals)}")


@secure.command("add-device")
def add_device(
    device: Device,
    folder: Folder = None,
    on_host: Annotated[
        str | None,
        typer.Option(
            "--host",
            metavar="NAME",
            help="Make it one of the devices of this host, which has one principal for all of them.",
        ),
    ] = None,
) -> None:
    """Give a device a principal of its own, with rights to its own topics and keys alone, while everything runs.

    Examples:

    - `fedsecure secure add-device p000020`

    - `fedsecure secure add-device p000020 --host bedside-4`
    """
    from fedsecure.security.provisioning import add_devices

    site = _site(folder)
    for principal in add_devices(site, [check_device_id(device)], on_host):
        typer.echo(
            f"{principal.name} may take part for {device}: FEDSECURE_SECRETS_DIR={site.program_folder(principal.name)}"
        )


@secure.command()
def revoke(device: Device, folder: Folder = None) -> None:
    """Take its principal's rights from a device while everything runs; nobody else notices.

    Redis ends its connections at once. Kafka refuses whatever it asks from then on, and ends a connection at its first question after
    the log-in is due again, which is so every ten minutes. Its signing key is another matter: `fedsecure device revoke ID`.

    Examples:

    - `fedsecure secure revoke p000020`
    """
    from fedsecure.security.provisioning import revoke_device

    site = _site(folder)
    name = revoke_device(site, check_device_id(device))
    within = f"{site.record.reauth_s:g} s"
    typer.echo(f"{name} may do nothing more for {device}; what is open of it at Kafka ends within {within}")


def _site(folder: Path | None) -> Site:
    from fedsecure.local_stack import default_state_dir
    from fedsecure.security.site import LOCAL_FOLDER, Site

    site = Site(folder or default_state_dir() / LOCAL_FOLDER)
    _ = site.record  # says what is wrong before anything is asked
    return site


def _show(site: Site) -> None:
    _show_certificates(site)
    typer.echo(f"passwords       a folder a program in {site.folder / 'programs'}, by its name")
    for principal in site.principals().values():
        typer.echo(f"  {principal.name:<14}{principal.is_for}")
    typer.echo(f"Redis' users    {site.users_file}")


def _show_certificates(site: Site) -> None:
    for file, until in site.certificates().items():
        typer.echo(f"certificate     {until:%Y-%m-%d}  {file}")


def _brokers(text: str) -> str:
    try:
        return checked_brokers(text)
    except ValueError as error:
        raise Misconfigured(f"--kafka {error}") from None


def _redis(text: str) -> str:
    try:
        return parse_redis(f"redis://{text}/0").where
    except ValueError:
        raise Misconfigured("--redis is no address of a Redis: write HOST:PORT") from None


def _host(text: str) -> str:
    try:
        parse_redis(f"redis://{text}:1/0") if ":" not in text else parse_redis(f"redis://[{text}]:1/0")
    except ValueError:
        raise Misconfigured(f"--host {text[:100]!r} is no host name or address") from None
    return text
