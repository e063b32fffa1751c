"""`deploy/kubernetes`: what kustomize builds of it, held against the published schemas and our own rules; no cluster is needed.

The kinds of KEDA and of the Prometheus Operator are not among those schemas: their fields are checked by hand, by what their pages say.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import typer
import yaml
from kubernetes_site import (
    DEPLOY,
    ROOT,
    TOKEN,
    Object,
    build,
    container_of,
    copy_of_the_files,
    labels_of,
    lay_out_secret,
    named,
    of_kind,
    pod_of,
    policies_on,
    ports_of,
    secret_of,
    selects,
    settings_map,
    take_components,
)

from contracts.configuration.secret_files import take_secrets
from contracts.configuration.settings import Settings, variable_of
from fedsecure import programs
from fedsecure.cli import app
from fedsecure.endpoints import settings_for_running_stack
from ingest.protocol import protocol_named
from streams import errors

COMPONENTS = ("devices", "monitoring", "autoscaling")
PROGRAMS = ("worker", "coordinator", "console", "ingest", "devices")
VERSIONS = ("1.27", "1.37")  # the first that docs/kubernetes.md names, and the newest of which we have schemas
WITHOUT_SCHEMAS = ("ScaledObject", "TriggerAuthentication", "PodMonitor")
COMPONENT = "app.kubernetes.io/component"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
METRICS_PORT = int(re.search(r"FEDSECURE_METRICS_PORT=(\d+)", DOCKERFILE).group(1))
SETTINGS = {variable_of(name) for name in Settings.model_fields}


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """An installation with every component."""
    folder = copy_of_the_files(tmp_path_factory.mktemp("deploy") / "kubernetes")
    take_components(folder, *COMPONENTS)
    return folder


@pytest.fixture(scope="module")
def objects(site) -> list[Object]:
    return build(site)


@pytest.fixture(scope="module")
def workloads(objects) -> dict[str, Object]:
    """What runs, by its name."""
    return {one["metadata"]["name"]: one for one in of_kind(objects, "Deployment", "StatefulSet")}


def parsed(arguments: list[str]) -> dict[str, object]:
    """Return the options that a command line means, as the command itself reads them; click.UsageError if it does not."""
    group = typer.main.get_command(app)
    command = group.get_command(typer.Context(group), arguments[0])
    return command.make_context(arguments[0], arguments[1:]).params


def test_the_example_does_not_build_before_it_has_the_secrets_of_a_site(site):
    with pytest.raises(AssertionError, match="no such file"):
        build(DEPLOY / "example")
    for file in (DEPLOY / "example/secrets").iterdir():
        assert file.suffix == ".env", file
        for name, value in re.findall(r"^(\w+)=(.*)$", file.read_text(), re.MULTILINE):
            assert "PASSWORD" not in name or value == "replace-me", file
            assert urlsplit(value).password in (None, "replace-me"), file
    assert "/deploy/kubernetes/site/" in (ROOT / ".gitignore").read_text().splitlines()


def test_the_commands_of_the_page_make_an_installation(tmp_path):
    page = (ROOT / "docs/kubernetes.md").read_text()
    commands = re.search(r"```sh\n(cp .*?)```", page, re.DOTALL).group(1)
    assert commands.endswith("kubectl apply -k .\n")
    shutil.copytree(DEPLOY, tmp_path / "deploy/kubernetes", ignore=shutil.ignore_patterns("site"))
    for name in re.findall(r"~/(pki/\S+)", commands):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("of the site's own authority\n")
    told = commands.removesuffix("kubectl apply -k .\n")
    environ = os.environ | {"HOME": str(tmp_path), "EDITOR": "ls"}
    subprocess.run(["bash", "-euc", told], cwd=tmp_path, env=environ, check=True, capture_output=True)
    made = build(tmp_path / "deploy/kubernetes/site")
    assert {one["metadata"]["name"] for one in of_kind(made, "Deployment", "StatefulSet")} == set(PROGRAMS)
    for word in re.findall(r"`(components/\w+|base|pod|example)/?`", page):
        assert (DEPLOY / word).is_dir(), word


@pytest.mark.parametrize("components", [(), *((name,) for name in COMPONENTS)], ids=("base", *COMPONENTS))
def test_the_base_and_each_component_build_alone(tmp_path, components):
    site = copy_of_the_files(tmp_path / "kubernetes")
    take_components(site, *components)
    made = build(site)
    assert len({(one["kind"], one["metadata"]["name"]) for one in made}) == len(made)
    assert {one["metadata"]["namespace"] for one in made if one["kind"] != "Namespace"} == {"fedsecure"}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_fits_the_published_schemas(objects, version):
    own = [one for one in objects if one["kind"] not in WITHOUT_SCHEMAS]
    assert len(own) + len(WITHOUT_SCHEMAS) == len(objects)
    for one in own:
        assert kubernetes_validate.validate(one, version, strict=True) == version


def test_every_program_that_runs_all_day_is_there_with_its_image(workloads):
    assert sorted(workloads) == sorted(PROGRAMS)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for name, workload in workloads.items():
        image, _, tag = container_of(workload)["image"].rpartition(":")
        assert tag == version, name
        # Device hosts alone need TensorFlow.
        assert image.rpartition("/")[2] == ("fedsecure" if name == "devices" else "fedsecure-core"), name
        assert labels_of(workload)[COMPONENT] == name
        assert selects(workload["spec"]["selector"], labels_of(workload)), name


def test_every_pod_is_confined(workloads, objects):
    (namespace,) = of_kind(objects, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    uid = int(re.search(r"^USER (\d+):", DOCKERFILE, re.MULTILINE).group(1))
    for name, workload in workloads.items():
        pod, container = pod_of(workload), container_of(workload)
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["enableServiceLinks"] is False, (
            name
        )  # else a Service is a FEDSECURE_CONSOLE_PORT that no setting takes
        whose = pod["securityContext"]
        assert (whose["runAsNonRoot"], whose["runAsUser"], whose["fsGroup"]) == (True, uid, uid), name
        assert whose["seccompProfile"] == {"type": "RuntimeDefault"}, name
        # Else each start opens the private keys to the group, and the program refuses such keys.
        assert whose["fsGroupChangePolicy"] == "OnRootMismatch", name
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(pod), name
        volumes = {one["name"]: one for one in pod["volumes"]} | {
            one["metadata"]["name"]: {"emptyDir": {}} for one in workload["spec"].get("volumeClaimTemplates", [])
        }
        mounts = {one["name"]: one for one in container["volumeMounts"]}
        assert set(mounts) == set(volumes), name
        assert "emptyDir" in volumes["tmp"], name
        assert mounts["tmp"]["mountPath"] == "/tmp", name  # HOME of the image
        for mount in mounts.values():
            assert mount.get("readOnly") is True or "emptyDir" in volumes[mount["name"]], f"{name}: {mount}"


def test_every_program_says_what_it_needs(workloads):
    for name, workload in workloads.items():
        resources = container_of(workload)["resources"]
        assert set(resources["requests"]) == {"cpu", "memory"}, name
        assert set(resources["limits"]) == {"memory"}, name  # no CPU: who is throttled loses its session or its lease
        asked, most = (int(resources[of]["memory"].replace("Gi", "000Mi")[:-2]) for of in ("requests", "limits"))
        assert asked < most, name


def test_probes_ask_what_the_programs_serve_with_the_times_of_the_image(workloads):
    times = {
        name: int(number) for name, number in re.findall(r"--(interval|timeout|start-period|retries)=(\d+)", DOCKERFILE)
    }
    for name, workload in workloads.items():
        container = container_of(workload)
        start, live, ready = (container[f"{kind}Probe"] for kind in ("startup", "liveness", "readiness"))
        assert ports_of(workload)["metrics"] == METRICS_PORT, name
        assert start["httpGet"] == live["httpGet"] == {"path": "/healthz", "port": "metrics"}, name
        # A coordinator that waits for the lease is not ready: no roll-out would ever end.
        wanted = "/healthz" if name == "coordinator" else "/readyz"
        assert ready["httpGet"] == {"path": wanted, "port": "metrics"}, name
        assert start["periodSeconds"] * start["failureThreshold"] == times["start-period"], name
        assert (live["periodSeconds"], live["timeoutSeconds"], live["failureThreshold"]) == (
            times["interval"], times["timeout"], times["retries"],
        ), name  # fmt: skip
        grace_s = max(programs.GRACE_S + programs.LAST_RESORT_S, errors.GRACE_S)
        assert grace_s < pod_of(workload)["terminationGracePeriodSeconds"] <= 30, name


def test_every_command_line_is_one_that_the_program_takes_and_serves_the_ports_it_says(workloads):
    own_ports = {"console": "http", "ingest": "mllp"}
    for name, workload in workloads.items():
        options = parsed(container_of(workload)["args"])
        assert "command" not in container_of(workload), name  # the image's own
        served = {"metrics": METRICS_PORT}
        if port_name := own_ports.get(name):
            assert options["host"] == "0.0.0.0"
            served[port_name] = options["port"]
        if name == "ingest":
            assert protocol_named(options["protocol"]).port == options["port"]
        assert ports_of(workload) == served, name


def test_every_variable_and_every_file_of_a_secret_is_a_setting(workloads, objects):
    for name, workload in workloads.items():
        variables = {one["name"] for one in container_of(workload)["env"]} | set(settings_map(objects, workload))
        assert variables - SETTINGS == {"FEDSECURE_SECRETS_DIR"}, name
        files = set(secret_of(objects, workload)["data"])
        assert files <= SETTINGS, name
        assert not files & variables, f"{name}: a variable hides the file"


def test_every_program_starts_with_the_settings_it_is_given(workloads, objects, tmp_path, monkeypatch):
    for name, workload in workloads.items():
        lay_out_secret(secret_of(objects, workload), tmp_path / name)
        mounts = {one["name"]: one["mountPath"] for one in container_of(workload)["volumeMounts"]}
        environ = dict(settings_map(objects, workload))
        for one in container_of(workload)["env"]:
            environ[one["name"]] = one.get("value", f"{name}-0")
        assert environ["FEDSECURE_SECRETS_DIR"] == mounts["secrets"]
        environ |= {
            "FEDSECURE_SECRETS_DIR": str(tmp_path / name),
            "FEDSECURE_STATE_DIR": str(tmp_path / "no-local-stack"),
        }
        take_secrets(environ)
        with monkeypatch.context() as patch:
            for variable, value in environ.items():
                patch.setenv(variable, value)
            settings = settings_for_running_stack()  # refuses what is missing and what cannot go together
        assert settings.kafka_username == name
        assert settings.kafka_password.get_secret_value() == "replace-me"
        assert str(settings.kafka_ca_file) == f"{mounts['authorities']}/ca.pem"
        authorities = next(one for one in pod_of(workload)["volumes"] if one["name"] == "authorities")
        assert "ca.pem" in named(objects, "ConfigMap", authorities["configMap"]["name"])["data"]
        if name == "ingest":
            assert settings.ingest_name == "ingest-0"  # the journal's name stays with the pod's
            (tls,) = (one["secret"] for one in pod_of(workload)["volumes"] if one["name"] == "tls")
            files = named(objects, "Secret", tls["secretName"])["data"]
            for file in (
                settings.ingest_tls_cert_file,
                settings.ingest_tls_key_file,
                settings.ingest_tls_client_ca_file,
            ):
                assert str(file.parent) == mounts["tls"]
                assert file.name in files
        else:
            assert urlsplit(settings.redis_url).username == name
        assert (settings.console_token is not None) == (name == "console")
    assert (tmp_path / "console/FEDSECURE_CONSOLE_TOKEN").read_text() == f"{TOKEN}\n"


def test_network_policies_let_each_program_do_what_it_must_and_nothing_else(workloads, objects):
    for name, workload in workloads.items():
        policies = policies_on(objects, workload)
        assert {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} in policies, name
        kafka = urlsplit(f"//{settings_map(objects, workload)['KAFKA_BOOTSTRAP_SERVERS']}").port
        redis = {6379} if name != "ingest" else set()
        out = [rule for policy in policies for rule in policy.get("egress", [])]
        assert {port["port"] for rule in out for port in rule["ports"]} == {53, kafka} | redis, name
        for rule in out:
            peers = rule["to"]
            assert peers, name
            blocks = [peer["ipBlock"]["cidr"] for peer in peers if "ipBlock" in peer]
            assert all(re.match(r"10\.|172\.16\.|192\.168\.|169\.254\.20\.10/32", block) for block in blocks), name
        let_in = {port["port"] for policy in policies for rule in policy.get("ingress", []) for port in rule["ports"]}
        assert let_in == set(ports_of(workload)), name


def test_addresses_have_the_ports_that_policies_let_through(site):
    policies = yaml.safe_load_all((DEPLOY / "base/network-policies.yaml").read_text())
    ports = {one["metadata"]["name"]: one["spec"].get("egress", [{"ports": [{}]}])[0]["ports"][0] for one in policies}
    settings = dict(re.findall(r"^(\w+)=(.*)$", (site / "settings.env").read_text(), re.MULTILINE))
    assert settings["KAFKA_BOOTSTRAP_SERVERS"].rpartition(":")[2] == str(ports["to-kafka"]["port"])
    for file in (site / "secrets").glob("*.env"):
        for url in re.findall(r"^REDIS_URL=(.*)$", file.read_text(), re.MULTILINE):
            assert urlsplit(url).port == ports["to-redis"]["port"], file


def test_services_and_budgets_find_their_pods(workloads, objects):
    for service in of_kind(objects, "Service"):
        chosen = [
            one for one in workloads.values() if selects({"matchLabels": service["spec"]["selector"]}, labels_of(one))
        ]
        assert [one["metadata"]["name"] for one in chosen] == [service["metadata"]["name"]]
        for port in service["spec"]["ports"]:
            assert ports_of(chosen[0])[port["targetPort"]] == port["port"]
    budgets = {one["metadata"]["name"]: one["spec"] for one in of_kind(objects, "PodDisruptionBudget")}
    assert sorted(budgets) == ["coordinator", "worker"]  # of the others there is one: a budget would only keep its node
    for name, budget in budgets.items():
        assert selects(budget["selector"], labels_of(workloads[name]))
        assert budget["maxUnavailable"] == 1
        (spread,) = pod_of(workloads[name])["topologySpreadConstraints"]
        assert selects(spread["labelSelector"], labels_of(workloads[name]))


def test_a_roll_out_starts_a_worker_before_it_ends_one(site, workloads):
    spec = workloads["worker"]["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert spec["minReadySeconds"] > Settings().session_timeout_s
    assert parsed(container_of(workloads["worker"])["args"])["worker_id"] == ""  # a static member would not hand over
    alone = copy_of_the_files(site.parent.parent / "alone")
    take_components(alone)
    replicas = {one["metadata"]["name"]: one["spec"]["replicas"] for one in of_kind(build(alone), "Deployment")}
    assert replicas == {"worker": 2, "coordinator": 2, "console": 1}


def test_keda_scales_the_workers_by_their_own_group(objects, workloads):
    scaled = named(objects, "ScaledObject", "worker")
    assert scaled["apiVersion"] == "keda.sh/v1alpha1"
    spec = scaled["spec"]
    assert set(spec) == {
        "scaleTargetRef",
        "minReplicaCount",
        "maxReplicaCount",
        "pollingInterval",
        "advanced",
        "triggers",
    }
    assert spec["scaleTargetRef"] == {"name": "worker"}
    assert 2 <= spec["minReplicaCount"] < spec["maxReplicaCount"]
    assert "replicas" not in workloads["worker"]["spec"]  # else each `apply` would set KEDA's number back
    (trigger,) = spec["triggers"]
    assert trigger["type"] == "kafka"
    told = trigger["metadata"]
    assert all(isinstance(value, str) for value in told.values())
    assert told["consumerGroup"] == Settings().worker_group
    assert "FEDSECURE_WORKER_GROUP" not in settings_map(objects, workloads["worker"])
    assert settings_map(objects, workloads["worker"])[told["bootstrapServersFromEnv"]]
    assert set(told) == {
        "bootstrapServersFromEnv", "consumerGroup", "lagThreshold", "offsetResetPolicy", "sasl", "tls", "version",
    }  # fmt: skip
    assert told["offsetResetPolicy"] == "earliest"
    assert (told["sasl"], told["tls"]) == ("scram_sha512", "enable")
    assert settings_map(objects, workloads["worker"])["FEDSECURE_KAFKA_SECURITY_PROTOCOL"] == "SASL_SSL"
    login = named(objects, "TriggerAuthentication", trigger["authenticationRef"]["name"])["spec"]
    assert {one["parameter"] for one in login["secretTargetRef"]} == {"username", "password"}
    for one in login["secretTargetRef"]:
        assert one["name"] == secret_of(objects, workloads["worker"])["metadata"]["name"]
        assert one["key"] in secret_of(objects, workloads["worker"])["data"]
    (authority,) = login["configMapTargetRef"]
    assert authority["parameter"] == "ca"
    assert authority["key"] in named(objects, "ConfigMap", authority["name"])["data"]


def test_prometheus_finds_every_pod_under_the_name_that_our_alerts_know(objects, workloads):
    monitor = named(objects, "PodMonitor", "fedsecure")
    assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
    assert set(monitor["spec"]) == {"selector", "jobLabel", "podMetricsEndpoints"}
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint["path"] == "/metrics"
    jobs = yaml.safe_load((ROOT / "monitoring/prometheus/prometheus.yml").read_text())["scrape_configs"]
    for name, workload in workloads.items():
        assert selects(monitor["spec"]["selector"], labels_of(workload)), name
        assert endpoint["port"] in ports_of(workload), name
        assert labels_of(workload)[monitor["spec"]["jobLabel"]] in {job["job_name"] for job in jobs}, name
