"""The files in `deploy/` name what there is: settings, secrets, commands, figures; systemd takes its units."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
import yaml

from domain.health import Health
from domain.inventory import Inventory
from domain.team import TeamState
from domain.wire import EngineState
from engine.exposition import exposed
from engine.state import State
from sync_server.__main__ import main
from sync_server.settings import PREFIX, Settings
from tests.server.clients import serving
from tests.server.conftest import ServerDatabase
from tests.server.test_dashboards import of_registry, of_text

TOP = Path(__file__).resolve().parents[2]
DEPLOY = TOP / "deploy"
UNITS = sorted((*DEPLOY.glob("*.service"), *DEPLOY.glob("*.timer")))
PROMQL = frozenset(
    ("sum", "max", "avg_over_time", "by", "rate", "histogram_quantile", "instance", "name", "severity", "le")
)


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    return found


def strange_settings(names: set[str]) -> set[str]:
    """Return which names are no setting of the server's."""
    known = {PREFIX + field.upper() for field in Settings.__struct_fields__}
    return {name for name in names if name not in known and name.removesuffix("_FILE") not in known}


def test_compose_names_settings_secrets_networks_and_volumes_that_there_are() -> None:
    made = compose()
    for name, service in made["services"].items():
        environment: dict[str, str] = service.get("environment", {})
        ours = {key for key in environment if key.startswith(PREFIX)}
        assert strange_settings(ours) == set(), name
        assert set(service.get("secrets", ())) <= set(made["secrets"]), name
        for key, value in environment.items():
            if key.endswith("_FILE") and value.startswith("/run/secrets/"):
                assert value.removeprefix("/run/secrets/") in service["secrets"], f"{name}: {key}"
        assert set(service.get("networks", ())) <= set(made["networks"]), name
        volumes = {volume.partition(":")[0] for volume in service.get("volumes", ())}
        assert {one for one in volumes if not one.startswith("./")} <= set(made["volumes"]), name
        assert set(service.get("depends_on", ())) <= set(made["services"]), name
        if service.get("image") == "heliograph-server":
            assert is_command(*service["command"]), name
    assert strange_settings({f"{PREFIX}NO_SUCH_SETTING"}), "what is none is found out"
    head = (DEPLOY / "compose.yaml").read_text("utf-8").partition("name: heliograph")[0]
    made_by_hand = {Path(one["file"]).name for one in made["secrets"].values()}
    for name in made_by_hand:
        assert re.search(rf"\b{name.removesuffix('_url')}\b", head), (
            f"the head does not say how secrets/{name} is made"
        )


def test_the_images_programs_read_the_database_that_is_beside_them() -> None:
    client = re.search(r"postgresql-client-(\d+)", (DEPLOY / "Dockerfile").read_text("utf-8"))
    database = re.match(r"postgis/postgis:(\d+)-", compose()["services"]["database"]["image"])
    assert client is not None and database is not None
    assert client[1] == database[1], (
        "pg_dump refuses a newer server, and pg_restore's may not be read by an older"
    )


def is_command(*arguments: str) -> bool:
    """Tell whether the server has this command: its help is shown."""
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--help"])
    return ended.value.code == 0


def test_the_image_starts_what_there_is_and_installs_what_the_wheel_has() -> None:
    lines = (DEPLOY / "Dockerfile").read_text("utf-8").splitlines()
    entry, command = (
        msgspec.json.decode(line.split(" ", 1)[1])
        for line in lines
        if line.startswith(("ENTRYPOINT", "CMD "))
    )
    project = (TOP / "pyproject.toml").read_text("utf-8")
    assert f'{entry[0]} = "sync_server.__main__:main"' in project
    assert is_command(*command)
    extras = re.search(r"/source\[([a-z,]+)\]", "\n".join(lines))
    assert extras is not None
    for extra in extras[1].split(","):
        assert re.search(rf"^{extra} = \[", project, re.M), extra
    for line in lines:
        if line.startswith("COPY") and "--from" not in line:
            *sources, _ = line.split()[1:]
            assert all((TOP / source).exists() for source in sources), line
        if line.startswith("ENV"):
            assert strange_settings(set(re.findall(rf"{PREFIX}[A-Z_]+", line))) == set()


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_of_systemd_is_understood_and_starts_what_there_is(unit: Path, tmp_path: Path) -> None:
    text = unit.read_text("utf-8")
    assert strange_settings(set(re.findall(rf"{PREFIX}[A-Z_]+", text))) == set()
    for command in re.findall(r"heliograph-server ([a-z-]+)", text.partition("[Unit]")[2]):
        assert is_command(command)
    if (verify := shutil.which("systemd-analyze")) is None:
        pytest.skip("no systemd here")
    for one in UNITS:  # a program in a folder that is not there is a fault of the machine and not of the unit
        said = one.read_text("utf-8").replace("/opt/heliograph/bin/heliograph-server", "/bin/true")
        (tmp_path / one.name).write_text(said)
    done = subprocess.run(
        [verify, "verify", str(tmp_path / unit.name)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not re.search(rf"{re.escape(unit.name)}.*(Unknown|Failed|ignor)", done.stderr), done.stderr


async def test_every_rule_of_prometheus_asks_for_what_is_told(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        told = set(of_registry(server.app.state.metrics.registry))
    state = State(Inventory(), uuid4())
    state.health = {(id := uuid4()): Health(id, state.vantage)}
    state.engine = EngineState(1, polls={"snmp": 1})
    mine = (uuid4(), "North", uuid4(), "Mara", "engineer", ())
    state.team = TeamState("https://noc", *mine, is_everywhere=True, reachability="online")  # type: ignore[misc]
    told |= {*of_text(exposed(state).decode()), "up"}
    groups = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text("utf-8"))["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        bare = re.sub(r'\{[^}]*\}|\[[^\]]*\]|"[^"]*"', "", rule["expr"])
        asked = set(re.findall(r"[a-z_][a-z_0-9]*", bare)) - PROMQL
        assert asked and asked <= told, rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning", "{{ $labels.severity }}")
        assert rule["annotations"]["summary"]
    goals = {rule["alert"]: rule for rule in rules}
    assert goals["HeliographServerDown"]["for"] == "5m"
    for alert, bound in (
        ("AnswersSlow", "> 0.5"),
        ("RequestsFail", "> 0.01"),
        ("ServerAvailability", "< 0.995"),
    ):
        assert goals[f"Heliograph{alert}"]["expr"].endswith(bound), alert
