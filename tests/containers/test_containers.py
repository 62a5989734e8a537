"""The container files say what they should. No engine runs here: an image was never built by a test."""

import hashlib
import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from bot.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
SCHEMA = Path(__file__).parent / "schema"
PINNED = re.compile(r"docker\.io/library/[a-z]+:[0-9]+(\.[0-9]+)+-[a-z-]+")
UID = "10001"


def instructions() -> list[tuple[str, str]]:
    """Each instruction of the Containerfile with its arguments on one line, comments left out."""
    text = (ROOT / "Containerfile").read_text(encoding="utf-8")
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    lines = kept.replace("\\\n", " ").splitlines()
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines if line]


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    start = max(i for i, (kind, _) in enumerate(found) if kind == "FROM")
    return found[start:]


def environment() -> dict[str, str]:
    said = " ".join(arguments for kind, arguments in last_stage() if kind == "ENV")
    return dict(word.split("=", 1) for word in shlex.split(said))


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return read


# --- the image ---


def test_the_base_is_pinned_by_a_whole_version() -> None:
    stages = [arguments.split(" AS ") for kind, arguments in instructions() if kind == "FROM"]
    named = {name for _, *names in stages for name in names}

    outside = [image for image, *_ in stages if image not in named]

    assert outside
    assert all(PINNED.fullmatch(image) for image in outside)


def test_nothing_is_installed_without_its_hash() -> None:
    """But for Vouch itself, from the wheel that was just built, with no index to ask."""
    runs = " && ".join(arguments for kind, arguments in instructions() if kind == "RUN")
    installs = [step for step in runs.split("&&") if " install " in step and "/pip" in step]

    assert len(installs) == 3
    for step in installs:
        assert ("--require-hashes -r" in step) != ("--no-deps --no-index" in step)


def test_every_locked_package_has_its_hash() -> None:
    for name in ("requirements.lock", "requirements-build.lock"):
        entries = re.split(r"\n(?=\S)", (ROOT / name).read_text(encoding="utf-8").strip())

        assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)


def test_it_runs_as_nobody_special_and_brings_no_installer() -> None:
    stage = last_stage()
    kinds = [kind for kind, _ in stage]

    assert ("USER", f"{UID}:{UID}") in stage
    assert f"--uid {UID}" in next(arguments for kind, arguments in stage if kind == "RUN")
    assert kinds.index("USER") < kinds.index("ENTRYPOINT")
    assert "uninstall --yes pip" in " ".join(it for kind, it in instructions() if kind == "RUN")


def test_it_is_told_by_python_whether_it_is_well() -> None:
    (check,) = [arguments for kind, arguments in last_stage() if kind == "HEALTHCHECK"]
    command = json.loads(check[check.index("CMD ") + 4 :])

    assert command[:2] == ["python", "-c"]
    assert "/readyz" in command[2]
    compile(command[2], "healthcheck", "exec")


def test_its_variables_are_settings() -> None:
    ours = {name for name in environment() if name.startswith(PREFIX)}

    assert ours <= {PREFIX + name.upper() for name in Settings.model_fields}
    assert environment()["VOUCH_DATABASE_URL"].startswith("sqlite:////var/lib/vouch/")


def test_the_image_is_built_from_every_room_and_from_nothing_private() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rooms = project["tool"]["setuptools"]["packages"]["find"]["include"]
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if not line.startswith("#")]
    let_in = {rule[1:] for rule in rules if rule.startswith("!")}

    assert rules[0] == "*"
    assert let_in == {room.removesuffix("*") for room in rooms} | {
        "pyproject.toml",
        "README.md",
        "requirements.lock",
        "requirements-build.lock",
    }


# --- compose ---


def test_the_schema_is_the_one_that_was_taken_over() -> None:
    digest, name = (SCHEMA / "SHA256SUMS").read_text(encoding="ascii").split()

    assert hashlib.sha256((SCHEMA / name).read_bytes()).hexdigest() == digest


def test_composes_schema_takes_the_file(compose: dict[str, Any]) -> None:
    schema = json.loads((SCHEMA / "compose-spec.json").read_text(encoding="utf-8"))
    validator = Draft202012Validator(schema)

    assert not list(validator.iter_errors(compose))
    assert not validator.is_valid(compose | {"service": {}})


def test_the_bot_can_write_nowhere_but_to_its_records(compose: dict[str, Any]) -> None:
    bot = compose["services"]["bot"]

    assert bot["read_only"] is True
    assert bot["volumes"] == ["records:/var/lib/vouch"]
    assert bot["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in bot["security_opt"]


def test_the_bot_is_reached_from_this_machine_only(compose: dict[str, Any]) -> None:
    """Whatever ends TLS stands in front of it."""
    (port,) = compose["services"]["bot"]["ports"]

    assert port.startswith("127.0.0.1:")
    assert port.endswith(f":{environment()['VOUCH_PORT']}")


def test_secrets_are_files(compose: dict[str, Any]) -> None:
    services = compose["services"]
    (secret,) = services["bot"]["secrets"]

    assert secret["target"] == f"{PREFIX}APP_SECRET"
    assert all("file" in it for it in compose["secrets"].values())
    for service in services.values():
        for name, value in service["environment"].items():
            hides = re.search(r"SECRET|PASSWORD|KEY", name)
            assert not hides or str(value).startswith("/run/secrets/"), name


def test_what_is_set_for_the_bot_is_a_setting(compose: dict[str, Any]) -> None:
    named = compose["services"]["bot"]["environment"]

    assert set(named) <= {PREFIX + name.upper() for name in Settings.model_fields}
    inside = environment()["VOUCH_DATABASE_URL"]
    assert named["VOUCH_DATABASE_URL"] == f"${{VOUCH_DATABASE_URL:-{inside}}}"


def test_postgresql_waits_for_a_later_version(compose: dict[str, Any]) -> None:
    postgres = compose["services"]["postgres"]

    assert postgres["profiles"] == ["postgres"]
    assert PINNED.fullmatch(postgres["image"])
    assert postgres["healthcheck"]["test"][:2] == ["CMD", "pg_isready"]
    assert "depends_on" not in compose["services"]["bot"]
    assert compose["networks"] == {"inside": {"internal": True}}
    assert postgres["networks"] == ["inside"]
