"""The environment is read once, and what is wrong with it is said by name, never by value."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic_core import PydanticUndefined

from bot.settings import PREFIX, Proof, Settings, faults, from_environment

OPERATING = Path(__file__).parents[2] / "docs" / "operating.md"
SECRET = "not-for-anybody-s-eyes"
BASE = {"VOUCH_APP_ID": "the-app", "VOUCH_APP_TENANT": "the-tenant"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The base, and what a test says; nothing else of ours."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)

    def set_(**more: str) -> None:
        for name, value in (BASE | more).items():
            monkeypatch.setenv(name, value)

    return set_


def refused(secrets: Path = Path("/nowhere")) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        from_environment(secrets)
    assert SECRET not in str(caught.value)
    return faults(caught.value)


@pytest.mark.parametrize("proof", list(Proof))
def test_one_credential_of_any_kind_is_enough(environment: Any, proof: Proof) -> None:
    environment(**{proof: "/some/file"})

    assert from_environment(Path("/nowhere")).proof is proof


def test_without_a_credential_all_kinds_are_named(environment: Any) -> None:
    environment()

    (fault,) = refused()

    assert fault == f"set exactly one of {', '.join(Proof)}; now: none"


def test_two_credentials_are_one_too_many(environment: Any) -> None:
    environment(VOUCH_APP_SECRET=SECRET, VOUCH_APP_CERTIFICATE="/vouch.pem")

    (fault,) = refused()

    assert fault.endswith("now: VOUCH_APP_SECRET and VOUCH_APP_CERTIFICATE")
    assert SECRET not in fault


def test_a_variable_set_to_nothing_is_not_set(environment: Any) -> None:
    environment(VOUCH_APP_SECRET="", VOUCH_APP_CERTIFICATE="/vouch.pem")

    assert from_environment(Path("/nowhere")).proof is Proof.CERTIFICATE


def test_a_thumbprint_goes_with_a_certificate(environment: Any) -> None:
    environment(VOUCH_APP_SECRET=SECRET, VOUCH_APP_CERTIFICATE_THUMBPRINT="A1")

    assert refused() == ["VOUCH_APP_CERTIFICATE_THUMBPRINT goes with VOUCH_APP_CERTIFICATE"]


def test_what_is_missing_or_wrong_is_named(
    environment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment(
        VOUCH_APP_SECRET=SECRET,
        VOUCH_LOGIN_URL="http://login.example",
        VOUCH_SERVICE_HOSTS='["*.trafficmanager.net"]',
    )
    monkeypatch.delenv("VOUCH_APP_ID")

    found = refused()

    hosts = "no host: small letters, and no scheme, path or *"
    assert found == [
        "VOUCH_APP_ID: is not set",
        "VOUCH_LOGIN_URL: must be an https address: tokens travel over it",
        f"VOUCH_SERVICE_HOSTS: '*.trafficmanager.net' is {hosts}",
    ]


def test_a_secret_may_be_a_file(environment: Any, tmp_path: Path) -> None:
    environment()
    (tmp_path / "VOUCH_APP_SECRET").write_text(f"{SECRET}\n")

    secret = from_environment(tmp_path).app_secret

    assert secret
    assert secret.get_secret_value() == SECRET


def test_settings_do_not_show_a_secret(environment: Any) -> None:
    environment(VOUCH_APP_SECRET=SECRET)

    assert SECRET not in repr(from_environment(Path("/nowhere")))


# --- the pager ---

KEY = "0123456789abcdef0123456789abcdef"
WHSEC = "whsec_dGhpcnR5LXR3byByYW5kb20gYnl0ZXMsIG9yIHNvLi4="
WEBHOOK = {
    "VOUCH_PAGE_WEBHOOK_URL": "https://pager.example/hook",
    "VOUCH_PAGE_WEBHOOK_SECRET": WHSEC,
}


@pytest.mark.parametrize("pager", [{}, {"VOUCH_PAGERDUTY_KEY": KEY}, WEBHOOK])
def test_one_pager_or_none_is_set_up(environment: Any, pager: dict[str, str]) -> None:
    environment(VOUCH_APP_SECRET=SECRET, **pager)

    found = from_environment(Path("/nowhere"))
    assert KEY not in repr(found)
    assert WHSEC not in repr(found)


@pytest.mark.parametrize(
    ("pager", "fault"),
    [
        (
            {"VOUCH_PAGERDUTY_KEY": SECRET},
            "VOUCH_PAGERDUTY_KEY: must be the 32 letters and digits of an integration key",
        ),
        (
            WEBHOOK | {"VOUCH_PAGE_WEBHOOK_SECRET": SECRET},
            "VOUCH_PAGE_WEBHOOK_SECRET: must be whsec_ and 24 to 64 random bytes in base64",
        ),
        (
            WEBHOOK | {"VOUCH_PAGE_WEBHOOK_URL": "http://pager.example/hook"},
            "VOUCH_PAGE_WEBHOOK_URL: must be an https address, with no user or password in it",
        ),
        (
            {"VOUCH_PAGERDUTY_URL": f"https://x:{SECRET}@pager.example"},
            "VOUCH_PAGERDUTY_URL: must be an https address, with no user or password in it",
        ),
        (
            {"VOUCH_PAGE_WEBHOOK_URL": "https://pager.example/hook"},
            "VOUCH_PAGE_WEBHOOK_URL and VOUCH_PAGE_WEBHOOK_SECRET go together",
        ),
        (
            WEBHOOK | {"VOUCH_PAGERDUTY_KEY": KEY},
            "set VOUCH_PAGERDUTY_KEY or VOUCH_PAGE_WEBHOOK_URL, not both",
        ),
    ],
)
def test_a_pager_that_could_not_ring_is_refused(
    environment: Any, pager: dict[str, str], fault: str
) -> None:
    environment(VOUCH_APP_SECRET=SECRET, **pager)

    assert refused() == [fault]


# --- the page for operators ---


def table() -> str:
    """What the page says of the variables, from the settings themselves."""
    rows = ["| Variable | Default | Meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        meaning = " ".join((field.description or "").split())
        rows.append(f"| `{PREFIX}{name.upper()}` | {_default(field.default)} | {meaning} |")
    return "\n".join(rows)


def _default(value: Any) -> str:
    if value is PydanticUndefined:
        return "required"
    if value is None:
        return ""
    shown = sorted(value) if isinstance(value, frozenset) else value
    return f"`{shown if isinstance(shown, str) else json.dumps(shown)}`"


def test_every_setting_says_what_it_means() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_the_readme_lists_the_settings_as_they_are() -> None:
    """On a difference: put what `table()` returns into the page."""
    found = re.search(r"(?m)^\| Variable .*\n(\|.*\n)+", OPERATING.read_text(encoding="utf-8"))

    assert found
    assert found[0].strip() == table()
