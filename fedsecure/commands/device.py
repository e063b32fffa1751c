"""`fedsecure device`: take part in federated rounds for one or many devices, and look after their keys."""

from __future__ import annotations

from typing import Annotated

import typer

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from contracts.identifiers import device_ids_of
from fedsecure.commands import device_keys, device_re_enrol
from fedsecure.endpoints import device_key_dir, settings_for_device_host
from fedsecure.extras import require_extra
from fedsecure.options import MetricsPort

device = typer.Typer(rich_markup_mode="markdown", invoke_without_command=True, no_args_is_help=False)
for _command in (device_keys.register, device_keys.rotate, device_keys.revoke, device_keys.keys):
    device.command()(_command)
device.command("re-enrol")(device_re_enrol.re_enrol)


@device.callback()
def host(
    context: typer.Context,
    devices: Annotated[
        list[str] | None, typer.Option("--device", help="A device to host, e.g. p000020. Repeatable.", metavar="ID")
    ] = None,
    host_all: Annotated[
        bool, typer.Option("--all", help="Host every device that has a vitals topic, new ones as they appear.")
    ] = False,
    metrics_port: MetricsPort = None,
    key_dir: device_keys.KeyDir = None,
    dp_clip: Annotated[
        float | None,
        typer.Option(min=0, max=1e9, help="The longest an update may be (L2 norm); a longer one is shortened."),
    ] = None,
    dp_noise: Annotated[
        float | None,
        typer.Option(min=0, max=1e6, help="Noise on every number of an update, its deviation in units of --dp-clip."),
    ] = None,
) -> None:
    """Host devices in federated rounds: each trains on its own vitals and sends only weights, signed with its own key.

    A device reads its own vitals topic, judges its windows with the frozen detector, and trains on those that were
    not flagged and after which it stayed benign for the vote's horizon (120 minutes). It joins once its topic exists,
    and answers a round that invites it on its own topic `fl.updates.v1.<id>`.

    No round invites a device without a registered key. With the local stack a host registers its new devices by itself;
    elsewhere an administrator does, once a device (or allows it with FEDSECURE_REGISTER_NEW_DEVICES=true).

    Examples:

    - `fedsecure device --device p000020 --device s00001`

    - `fedsecure device --all --metrics-port 9103`

    - `fedsecure device register p000020`

    - `fedsecure device --all --dp-clip 1 --dp-noise 0.01`

    - `fedsecure device re-enrol p000020`
    """
    from transport.logs import configure_logs

    given = {"metrics_port": metrics_port, "device_key_dir": key_dir, "dp_clip": dp_clip, "dp_noise": dp_noise}
    if context.invoked_subcommand is not None:
        if devices or host_all or any(value is not None for value in given.values()):
            raise Misconfigured(f"options of `fedsecure device {context.invoked_subcommand}` come after that word")
        return
    if bool(devices) == host_all:
        raise Misconfigured("name the devices (`--device p000020 --device s00001`) or take them all (`--all`)")
    require_extra("train", "fedsecure device")
    ids = None if host_all else tuple(device_ids_of(devices or ()))
    settings = settings_for_device_host(**given)
    configure_logs("device")
    _run(settings, ids)


def _run(settings: Settings, device_ids: tuple[str, ...] | None) -> None:
    from fedsecure.programs import run_program
    from fl_device.host.program import DeviceProgram
    from fl_device.keys.folder import KeyFolder

    keys = KeyFolder(device_key_dir(settings))
    run_program(lambda: DeviceProgram(settings, device_ids, keys), settings, "devices")
