"""The app package is one that Teams takes: by Microsoft's schemas, and by what they do not say."""

import hashlib
import json
import re
import struct
import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator

from dialogs.commands import Word
from manifest.icons import PURPLE, colour, outline
from manifest.package import HERE, ManifestError, Offer, Permission, package, template
from storage.profilechecks import LANGUAGES

SCHEMA = Path(__file__).parent / "schema"
APP_ID = "3f0c8a52-1d5e-4b7a-9f26-8e1b7c4d9a60"
OFFER = Offer("Nordwall MXDR", "https://nordwall.example/vouch")
LOCALES = sorted((HERE / "locales").glob("*.json"))


def schema(name: str) -> Draft4Validator:
    """Not checked itself: one of its patterns is of a dialect that Python does not know."""
    read: dict[str, Any] = json.loads((SCHEMA / name).read_text(encoding="utf-8"))
    assert read["$schema"] == "http://json-schema.org/draft-04/schema#"
    return Draft4Validator(read)


def unzipped(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def told(**more: Any) -> dict[str, Any]:
    files = unzipped(package(APP_ID, "1.4.0", OFFER, **more))
    read: dict[str, Any] = json.loads(files["manifest.json"])
    return read


def strings(node: Any) -> list[str]:
    if isinstance(node, str):
        return [node]
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [text for child in children for text in strings(child)]


def at(node: Any, path: str) -> Any:
    """What a localised key such as `bots[0].commandLists[0].commands[0].title` stands for."""
    for part in re.findall(r"[^.\[\]]+", path):
        node = node[int(part)] if part.isdecimal() else node[part]
    return node


def pixels(png: bytes) -> tuple[int, list[tuple[int, ...]]]:
    """Width (and height) and the RGBA of a PNG as we write it: 8 bits, rows unfiltered."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height, *how = struct.unpack(">IIBBBBB", png[16:29])
    assert (width, how) == (height, [8, 6, 0, 0, 0])
    size = struct.unpack(">I", png[33:37])[0]
    assert png[37:41] == b"IDAT"
    rows = zlib.decompress(png[41 : 41 + size])
    stride = 1 + 4 * width
    assert len(rows) == stride * height
    assert not any(rows[y * stride] for y in range(height))
    return width, [
        tuple(rows[y * stride + 1 + 4 * x : y * stride + 5 + 4 * x])
        for y in range(height)
        for x in range(width)
    ]


# --- the schemas themselves ---


def test_the_schemas_are_those_that_were_taken_over() -> None:
    lines = (SCHEMA / "SHA256SUMS").read_text(encoding="ascii").splitlines()

    known = {name: digest for digest, name in (line.split() for line in lines)}
    found = {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in SCHEMA.glob("*.json")}

    assert found == known


# --- the manifest ---


@pytest.mark.parametrize("permissions", [(), tuple(Permission)])
def test_microsofts_schema_takes_the_manifest(permissions: tuple[Permission, ...]) -> None:
    errors = list(schema("MicrosoftTeams.schema.json").iter_errors(told(permissions=permissions)))

    assert not errors


def test_the_schema_would_tell() -> None:
    """Wrong case and unknown keys, such as a later version's, are refused."""
    validator = schema("MicrosoftTeams.schema.json")
    wrong_case, unknown = told(), told()
    wrong_case["bots"][0]["scopes"] = ["groupchat"]
    unknown["bots"][0]["supportsTargetedMessages"] = True

    assert not validator.is_valid(wrong_case)
    assert not validator.is_valid(unknown)


def test_the_manifest_names_the_version_of_its_schema() -> None:
    """Draft 4 knows no `const`: the schema does not hold this itself."""
    manifest, read = told(), json.loads((SCHEMA / "MicrosoftTeams.schema.json").read_text())

    assert manifest["manifestVersion"] == read["properties"]["manifestVersion"]["const"]
    assert f"/v{manifest['manifestVersion']}/" in manifest["$schema"]


def test_one_bot_for_people_teams_and_group_chats() -> None:
    (bot,) = told()["bots"]

    assert bot["botId"] == APP_ID
    assert bot["scopes"] == ["personal", "team", "groupChat"]
    assert (bot["isNotificationOnly"], bot["supportsFiles"], bot["supportsCalling"]) == (False,) * 3
    assert len(bot["commandLists"]) <= 3
    for commands in bot["commandLists"]:
        assert set(commands["scopes"]) <= set(bot["scopes"])


def test_it_is_added_to_a_team_first() -> None:
    manifest = told()

    assert manifest["defaultInstallScope"] == "team"
    assert manifest["defaultGroupCapability"]["team"] == "bot"


def test_no_consent_is_asked_for_where_none_may_be_given() -> None:
    assert "authorization" not in told(permissions=())


def test_the_owner_of_a_team_is_asked_to_let_its_messages_be_read() -> None:
    asked = told()["authorization"]["permissions"]

    assert asked == {
        "resourceSpecific": [{"name": "ChannelMessage.Read.Group", "type": "Application"}]
    }


def test_every_placeholder_is_filled_and_none_is_left() -> None:
    asked = {name for text in strings(template()) for name in re.findall(r"\$\{(\w+)\}", text)}

    assert asked == {"app_id", "version", "developer", "website", "privacy", "terms"}
    assert not [text for text in strings(told()) if "${" in text]


def test_what_a_provider_says_of_itself_stays_a_text() -> None:
    manifest = json.loads(
        unzipped(package(APP_ID, "1.0.0", Offer('O\'Neil "&" ${app_id}', "https://o.example")))[
            "manifest.json"
        ]
    )

    assert manifest["developer"]["name"] == 'O\'Neil "&" ${app_id}'
    assert manifest["developer"]["privacyUrl"] == "https://o.example/privacy"


@pytest.mark.parametrize(
    ("app_id", "version", "offer", "fault"),
    [
        ("vouch", "1.0.0", OFFER, "'vouch' is no GUID"),
        (APP_ID + "0", "1.0.0", OFFER, "is no GUID"),
        (APP_ID, "1.0", OFFER, "'1.0' is no version"),
        (APP_ID, "01.0.0", OFFER, "is no version"),
        (APP_ID, "1.0.0", Offer("N" * 33), "1 to 32 characters"),
        (APP_ID, "1.0.0", Offer("N", "http://n.example"), "no https address"),
        (APP_ID, "1.0.0", Offer("N", terms="ftp://n.example"), "no https address"),
    ],
)
def test_what_teams_would_refuse_is_refused_here(
    app_id: str, version: str, offer: Offer, fault: str
) -> None:
    with pytest.raises(ManifestError, match=re.escape(fault)):
        package(app_id, version, offer)


# --- its languages ---


def test_the_app_speaks_what_the_cards_speak() -> None:
    info = told()["localizationInfo"]
    spoken = [
        info["defaultLanguageTag"],
        *(it["languageTag"] for it in info["additionalLanguages"]),
    ]

    assert spoken == [language.lower() for language in LANGUAGES]


@pytest.mark.parametrize("file", LOCALES, ids=lambda file: file.stem)
def test_microsofts_schema_takes_the_translation(file: Path) -> None:
    translation = json.loads(file.read_text(encoding="utf-8"))

    assert not list(schema("MicrosoftTeams.Localization.schema.json").iter_errors(translation))
    assert f"/v{told()['manifestVersion']}/" in translation["$schema"]


@pytest.mark.parametrize("file", LOCALES, ids=lambda file: file.stem)
def test_a_translation_says_everything_and_nothing_else(file: Path) -> None:
    translation = json.loads(file.read_text(encoding="utf-8"))
    manifest = told()
    commands = [
        f"bots[0].commandLists[{i}].commands[{j}].{field}"
        for i, commands in enumerate(manifest["bots"][0]["commandLists"])
        for j, _ in enumerate(commands["commands"])
        for field in ("title", "description")
    ]
    wanted = {"name.short", "name.full", "description.short", "description.full", *commands}

    assert translation.keys() - {"$schema"} == wanted
    for key in wanted:
        assert isinstance(at(manifest, key), str)
        assert translation[key].strip() == translation[key] != ""
        assert "${" not in translation[key]


@pytest.mark.parametrize("language", ["en", *(file.stem for file in LOCALES)])
def test_every_text_is_within_its_limit(language: str) -> None:
    manifest = told()
    said = (
        {key: at(manifest, key) for key in LIMITS}
        if language == "en"
        else json.loads((HERE / "locales" / f"{language}.json").read_text(encoding="utf-8"))
    )

    for key, limit in LIMITS.items():
        assert len(said[key]) <= limit, key


LIMITS = {"name.short": 30, "name.full": 100, "description.short": 80, "description.full": 4000}


# --- the analysts' commands ---


def analysts() -> dict[str, dict[str, Any]]:
    """The package for the provider's own tenant, file by file."""
    files = unzipped(package(APP_ID, "1.4.0", OFFER, analysts=True))
    return {n: json.loads(files[n]) for n in ("manifest.json", *(f.name for f in LOCALES))}


def test_teams_lists_the_analysts_commands_and_takes_them_in_every_language() -> None:
    manifest, *translations = analysts().values()

    assert not list(schema("MicrosoftTeams.schema.json").iter_errors(manifest))
    for translation in translations:
        errors = schema("MicrosoftTeams.Localization.schema.json").iter_errors(translation)
        assert not list(errors)
    (listed,) = manifest["bots"][0]["commandLists"]
    assert listed["scopes"] == ["team", "personal"]
    assert len(listed["commands"]) == 10
    for number, command in enumerate(listed["commands"]):
        at_ = f"bots[0].commandLists[0].commands[{number}]"
        said = [command, *({k: t[f"{at_}.{k}"] for k in command} for t in translations)]
        assert {each["title"] for each in said} == {command["title"]}
        assert command["title"] in {*Word}
        assert all(0 < len(each["description"]) <= 128 for each in said)
        assert len({each["description"] for each in said}) == 3


def test_customers_are_not_offered_the_analysts_commands() -> None:
    (listed,) = told()["bots"][0]["commandLists"]

    assert [c["title"] for c in listed["commands"]] == ["help"]


# --- the package ---


def test_the_package_holds_what_the_manifest_names_and_no_more() -> None:
    files = unzipped(package(APP_ID, "1.4.0", OFFER))
    manifest = json.loads(files["manifest.json"])
    named = {it["file"] for it in manifest["localizationInfo"]["additionalLanguages"]}

    assert files.keys() == {"manifest.json", *manifest["icons"].values(), *named}
    assert (manifest["id"], manifest["version"]) == (APP_ID, "1.4.0")


def test_the_same_app_is_the_same_bytes() -> None:
    assert package(APP_ID, "1.4.0", OFFER) == package(APP_ID.upper(), "1.4.0", OFFER)
    assert package(APP_ID, "1.4.0", OFFER) != package(APP_ID, "1.4.1", OFFER)


# --- the icons ---


@pytest.mark.parametrize(("file", "drawn"), [("color.png", colour), ("outline.png", outline)])
def test_the_icons_are_those_that_are_drawn(file: str, drawn: Any) -> None:
    assert pixels((HERE / file).read_bytes()) == pixels(drawn())


def test_the_colour_icon_goes_to_the_edge_and_keeps_to_the_middle() -> None:
    size, drawn = pixels((HERE / "color.png").read_bytes())
    painted = [i for i, pixel in enumerate(drawn) if pixel[:3] != PURPLE]

    assert size == 192
    assert {pixel[3] for pixel in drawn} == {255}
    assert "#" + bytes(PURPLE).hex() == told()["accentColor"]
    for i in painted:
        assert 36 <= i % size < 156
        assert 36 <= i // size < 156


def test_the_outline_is_white_on_nothing() -> None:
    size, drawn = pixels((HERE / "outline.png").read_bytes())

    assert size == 32
    assert {pixel[:3] for pixel in drawn} == {(255, 255, 255)}
    assert {drawn[0][3], drawn[size - 1][3], drawn[-1][3]} == {0}
    assert 60 < sum(pixel[3] == 255 for pixel in drawn) < 300
