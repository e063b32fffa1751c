"""Whatever a person gives to a command, it ends in one sentence and with the right exit code; a new command is tried by itself."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from command_line import ALONE, KEPT, WRITTEN, every_command, run

from fedsecure.local_stack.answers import kafka_answers

COMMANDS = {str(command): command for command in every_command()}
OFFLINE = {
    "attacks", "score", "train", "calibrate", "evaluate", "cohort", "inspect", "paper", "federate", "export", "fetch-mimic3-waveforms", "fetch-challenge-2009", "fetch-mimic4-waveforms", "synthetic", "secure-renew",
    "secure-apply", "secure-add-device", "secure-revoke",
}  # fmt: skip
FILES = {("score", "out"), ("inspect", "plot"), ("synthetic", "out")}  # written as one file; the others are folders
LONG = "x" * 300
READ_BADLY = (
    "unreadable.csv",
    "unreadable",
    "missing",
    "missing.csv",
    "empty",
    "empty.csv",
    "binary",
    "binary.csv",
    "folder",
    "good.csv/x",
    LONG,
    f"{LONG}.csv",
)
KEPT_BADLY = ("good.csv", "good.csv/x", "loop", LONG)
FOLDERS_BADLY = ("good.csv", "good.csv/x", "loop/x", "/proc/none/x", "/dev/full/x", LONG)
FILES_BADLY = ("folder", "folder.png", "good.csv/x", "good.csv/x.png", "missing/x.png", f"{LONG}.png", "loop/x.png")
NUMBERS = ("nan", "inf", "-inf", "-1", "1e300", "9" * 30, "", "one", "0x10")
ATTACKS = (
    "", ":", "none:device=p,onset=1", "amplitude", "amplitude:device=p", "amplitude:device=p,onset=x", "amplitude:device=p,onset=-1",
    f"amplitude:device=p,onset={'9' * 5000}", "amplitude:device=../p,onset=1", "amplitude:device=p,onset=1,onset=2", "amplitude:device=p,onset=1,level=9",
    "good.csv:alter", "missing.py:alter", "no.such.module:ATTACK", "broken.py:alter", "folder:alter", "amplitude:device=p,onset=1,donor",
)  # fmt: skip
PLANS = (
    b"", b"\xff\xfe\x00", b"a: b: c", b"[1, 2]", b"{}", b"- {attack: none, device: p, onset: 1}", b"- {attack: amplitude, device: [p], onset: {}}", b"[" * 2_000,
    b"- &a [*a]", b"!!python/object:os.system x", b"- {attack: amplitude, device: p, onset: .nan}", b"- {1: 2}", b"#" * 2_000_000, b"? [a]\n: b", b"- 2026-02-30",
)  # fmt: skip
SETTINGS = (
    ("REDIS_URL", "http://hidden-word"), ("REDIS_URL", "redis://:hidden-word/@h:1/0"), ("REDIS_URL", "redis://h:0/0"), ("KAFKA_BOOTSTRAP_SERVERS", "hidden-word"),
    ("KAFKA_BOOTSTRAP_SERVERS", "SASL_SSL://u:hidden-word@h:1"), ("FEDSECURE_REDIS_CA_FILE", "missing.pem"), ("FEDSECURE_KAFKA_CA_FILE", "missing.pem"),
    ("FEDSECURE_KAFKA_USERNAME", "someone"), ("FEDSECURE_KAFKA_SECURITY_PROTOCOL", "hidden-word"), ("FEDSECURE_ROUND_TARGET", "2"), ("FEDSECURE_PREFIX", "Hidden-Word"),
    ("FEDSECURE_METRICS_PORT", "65536"), ("FEDSECURE_STALE_CAP_S", "inf"), ("FEDSECURE_SECRETS_DIR", "missing"),
)  # fmt: skip


def cases(kind: type, *others: type) -> Iterator[tuple[str, str]]:
    return ((name, parameter) for name, command in COMMANDS.items() for parameter in command.of_kind(kind, *others))


PATHS = list(cases(Path))
COUNTS = list(cases(int, float))
SPECS = [(name, "attack") for name, command in COMMANDS.items() if "attack" in command.parameters]
PORTS = [
    (name, parameter) for name, parameter in COUNTS if parameter.endswith("port") and name != "replay"
]  # a replay asks Kafka first


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with good and bad files, the current one; no service answers, and nobody waits for one."""
    header = "device_id,observed_at,heart_rate_bpm,resp_rate_bpm\n"
    (tmp_path / "good.csv").write_text(
        header + "".join(f"p,2026-01-01T00:{minute:02d}:00Z,80,15\n" for minute in range(60))
    )
    for name in ("empty", "binary"):
        for suffix in ("", ".csv"):
            (tmp_path / (name + suffix)).write_bytes(bytes(range(256)) * 40 if name == "binary" else b"")
    for name in ("folder", "folder.png"):
        (tmp_path / name).mkdir()
    # For root, who may read them all the same, they are empty.
    (tmp_path / "unreadable.csv").touch(mode=0)
    (tmp_path / "unreadable").mkdir(mode=0)
    (tmp_path / "broken.py").write_text("def alter(:")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FEDSECURE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setattr("fedsecure.local_stack.external.START_TIMEOUT_S", 0.0)
    monkeypatch.setattr("fedsecure.local_stack.external.kafka_answers", partial(kafka_answers, timeout_s=0.1))
    monkeypatch.setattr("replay.fetching.server.PAUSES_S", ())
    monkeypatch.setattr("transport.kafka.admin.BOOTSTRAP_TIMEOUT_MS", 100)
    return tmp_path


@pytest.fixture
def ends_in_one_sentence(folder, capsys, monkeypatch):
    """Call a command, with one parameter given, and check how it ends; returns its last line."""

    def check(name: str, parameter: str = "", value: str = "") -> str:
        ended = run(COMMANDS[name].call(folder, parameter, value), capsys, monkeypatch)
        assert ended.is_one_sentence(), (ended.code, ended.out[-500:], ended.err[-2000:])
        return ended.err

    return check


def bad_paths() -> Iterator[tuple[str, str, str]]:
    for name, parameter in PATHS:
        if parameter in WRITTEN:
            values = FILES_BADLY if (name, parameter) in FILES else FOLDERS_BADLY
        else:
            values = KEPT_BADLY if parameter in KEPT else READ_BADLY
        yield from ((name, parameter, value) for value in values)


@pytest.mark.parametrize(
    ("name", "parameter", "value"), list(bad_paths()), ids=lambda value: value.replace(LONG, "long")
)
def test_a_file_or_a_folder_that_is_none_is_one_sentence(ends_in_one_sentence, name, parameter, value):
    ends_in_one_sentence(name, parameter, value)


@pytest.mark.parametrize(("name", "parameter"), COUNTS)
def test_a_number_that_makes_no_sense_is_one_sentence(ends_in_one_sentence, name, parameter):
    for value in NUMBERS:
        ends_in_one_sentence(name, parameter, value)


@pytest.mark.parametrize(("name", "parameter"), SPECS)
def test_an_attack_that_is_none_is_one_sentence(ends_in_one_sentence, name, parameter):
    for value in ATTACKS:
        if name != "evaluate" or value != "amplitude":  # there a name alone is enough
            ends_in_one_sentence(name, parameter, value)


@pytest.mark.parametrize("content", PLANS, ids=range(len(PLANS)))
def test_a_plan_that_is_none_is_one_sentence(ends_in_one_sentence, folder, content):
    (folder / "plan.yml").write_bytes(content)
    assert "plan.yml" in ends_in_one_sentence("replay", "attack_plan", "plan.yml")


@pytest.mark.parametrize(("name", "parameter"), PORTS)
def test_a_port_that_is_taken_is_named(ends_in_one_sentence, name, parameter):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        assert f"port {port} on 127.0.0.1 is taken" in ends_in_one_sentence(name, parameter, port)


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - OFFLINE))
def test_a_setting_that_cannot_be_is_one_sentence_which_names_it(ends_in_one_sentence, monkeypatch, name):
    for variable, value in SETTINGS:
        with monkeypatch.context() as changed:
            changed.setenv(variable, value)
            said = ends_in_one_sentence(name)
        assert variable in said
        assert "hidden-word" not in said.lower()


@pytest.mark.parametrize(
    "name",
    sorted(COMMANDS.keys() - OFFLINE - {"stack-status", "stack-down", "secure-init", *(name for name, _ in PORTS)}),
)
def test_services_that_do_not_answer_are_one_sentence(ends_in_one_sentence, monkeypatch, name):
    ends_in_one_sentence(name)


def test_every_command_of_the_program_is_among_these():
    from fedsecure.cli import COMMANDS as NAMES  # noqa: PLC0415 - the fakes' name is another

    assert {command.words[0] for command in COMMANDS.values()} == set(NAMES)
    assert COMMANDS.keys() >= OFFLINE | {name for name, _ in FILES} | {word for word in ALONE if word in COMMANDS}
