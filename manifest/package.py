"""The app package: manifest, translations and icons in one ZIP, the same bytes every time.

`manifest.json` says all there is to say in English; `${...}` stands for what a provider fills in.
The package for the provider's own tenant lists the analysts' commands (`analysts.json`): Teams shows
ten of them, and `help` names the rest.
"""

import json
import re
import zipfile
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version as installed_version
from io import BytesIO
from pathlib import Path
from string import Template
from typing import Any

HERE = Path(__file__).parent
VERSION = installed_version("vouch")
DEVELOPER, WEBSITE = "Vouch", "https://vouch.example"
"""Stand-ins: whoever offers the app gives their own."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""A ZIP knows no earlier time; the true one would make every package another."""

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_VERSION = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){2}")
_HTTPS = re.compile(r"https://[^\s/]+(/\S*)?")


class ManifestError(Exception):
    """What was given would make a package that Teams refuses."""


class Permission(StrEnum):
    """What may be asked of a team's owner when the app is added: resource-specific consent."""

    CHANNEL_MESSAGES = "ChannelMessage.Read.Group"
    """Hear what is said in the team's channels without a mention: in the threads of cases analysts
    read it; all else is dropped."""
    CHANNEL_MEMBERS = "ChannelMember.Read.Group"
    """Be told who joins and leaves a shared channel."""


NEEDED = (Permission.CHANNEL_MESSAGES,)
"""Without it analysts read only what mentions Vouch."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Who offers the app: Teams shows it to whoever installs it."""

    developer: str = DEVELOPER
    website: str = WEBSITE
    privacy: str = ""
    terms: str = ""


def package(
    app_id: str,
    version: str = VERSION,
    offer: Offer | None = None,
    permissions: Collection[Permission] = NEEDED,
    *,
    analysts: bool = False,
) -> bytes:
    """Raises ManifestError with all that is wrong with what was given."""
    told = manifest(app_id, version, offer or Offer(), permissions)
    languages = [each["file"] for each in told["localizationInfo"]["additionalLanguages"]]
    translated = {name: _read(HERE / "locales" / name) for name in languages}
    if analysts:
        _list_commands(told, translated)
    files = {"manifest.json": _written(told)}
    files |= {name: _written(said) for name, said in translated.items()}
    files |= {name: (HERE / name).read_bytes() for name in told["icons"].values()}
    return _zipped(files)


def manifest(
    app_id: str, version: str, offer: Offer, permissions: Collection[Permission]
) -> dict[str, Any]:
    values = {
        "app_id": app_id.lower(),
        "version": version,
        "developer": offer.developer,
        "website": offer.website,
        "privacy": offer.privacy or f"{offer.website.rstrip('/')}/privacy",
        "terms": offer.terms or f"{offer.website.rstrip('/')}/terms",
    }
    _check(values)
    told: dict[str, Any] = _filled(template(), values)
    if permissions:
        asked = [{"name": str(p), "type": "Application"} for p in Permission if p in permissions]
        told["authorization"] = {"permissions": {"resourceSpecific": asked}}
    return told


def template() -> dict[str, Any]:
    return _read(HERE / "manifest.json")


def _list_commands(told: dict[str, Any], translated: dict[str, dict[str, Any]]) -> None:
    """In the place of what customers are offered. A command is typed as it is titled: in English,
    whoever reads it."""
    commands = _read(HERE / "analysts.json")
    told["bots"][0]["commandLists"] = [
        {
            "scopes": ["team", "personal"],
            "commands": [
                {"title": title, "description": says["en"]} for title, says in commands.items()
            ],
        }
    ]
    for file, said in translated.items():
        for key in [k for k in said if k.startswith("bots[0].commandLists")]:
            del said[key]
        language = file.removesuffix(".json")
        for number, (title, says) in enumerate(commands.items()):
            at = f"bots[0].commandLists[0].commands[{number}]"
            said |= {f"{at}.title": title, f"{at}.description": says[language]}


def _read(file: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return read


def _written(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, indent=2).encode()


def _check(values: dict[str, str]) -> None:
    faults = []
    if not _GUID.fullmatch(values["app_id"]):
        faults.append(f"{values['app_id']!r} is no GUID: give the application (client) id")
    if not _VERSION.fullmatch(values["version"]):
        faults.append(f"{values['version']!r} is no version such as 1.4.0")
    if not 1 <= len(values["developer"]) <= 32:
        faults.append("the developer's name has 1 to 32 characters")
    faults += [
        f"{name}: {values[name]!r} is no https address"
        for name in ("website", "privacy", "terms")
        if not _HTTPS.fullmatch(values[name])
    ]
    if faults:
        raise ManifestError("\n".join(faults))


def _filled(node: Any, values: dict[str, str]) -> Any:
    """Filled in after parsing, so that no value can be more than a text."""
    match node:
        case str():
            return Template(node).substitute(values)
        case list():
            return [_filled(each, values) for each in node]
        case dict():
            return {key: _filled(value, values) for key, value in node.items()}
        case _:
            return node


def _zipped(files: dict[str, bytes]) -> bytes:
    """Stored, not deflated: a compressor's version would show in the bytes."""
    written = BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, content)
    return written.getvalue()
