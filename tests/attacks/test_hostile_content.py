"""Text from outside, on every way it can take to somebody's eyes: it arrives as words, or not at all.

Every text of an incident, a roster, a click or a message carries a mark of its own and an attack
behind it. Whatever Vouch then says anywhere is searched: a mark may stand there, its attack never.
"""

import json
import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from tests.story.activity import click, text
from tests.story.graph_incident import BOB, incident, malware_ran
from tests.story.house import House, Json, Seen, house, swap
from tests.triage.kinds import told_of
from triage.incident import IncidentType
from triage.report import IncidentReport

ATTACK = (
    "[x](https://evil.example/a)<at>Al</at>**b**\u202e\u200b{{DATE(2017-02-14T06:08:39Z)}}\n# h"
)
UNESCAPED = ("[x](", "](http", "https://evil", "evil.example", "<at>Al", "**b", "\u202e", "\u200b")
MARK = re.compile(r"Zq(\d+)z")

NAME = "Bob Zq1z[x](https://evil.example/a)<at>Al</at>"
GIVEN = "Bo Zq2z**b**"
HOSTILE_BOB = {
    "world": lambda world: swap('"name": "Bob Meyer"', f'"name": "{NAME}"')(
        swap('"givenName": "Bob"', f'"givenName": "{GIVEN}"')(world)
    )
}

TYPES = (
    IncidentType.MALICIOUS_FILE,
    IncidentType.SCRIPT,
    IncidentType.PHISH_CLICK,
    IncidentType.APP_CONSENT,
    IncidentType.REMOTE_TOOL,
    IncidentType.SOFTWARE,
    IncidentType.UNFAMILIAR_SIGN_IN,
    IncidentType.UNKNOWN,
)

AS_THEY_ARE = {
    "kind", "severity", "product", "verdict", "remediation", "detection", "sha1", "sha256", "ip",
    "device_id", "created", "updated", "first_activity", "object_id", "techniques", "tenant_id",
    "started", "at", "address", "source",
}  # fmt: skip
"""Fields that hold no free text: anything else in them is refused, or is another person."""


class Marks:
    """A mark for every place that a text can be put, and which place it was."""

    def __init__(self) -> None:
        self.places: dict[int, str] = {}

    def on(self, place: str, before: str = "") -> str:
        number = 100 + len(self.places)
        self.places[number] = place
        return f"{before}Zq{number}z{ATTACK}"

    def everywhere(self, node: Any, place: str = "") -> Any:
        """The same, with every free text in it marked and hostile."""
        match node:
            case dict():
                return {
                    key: value if key in AS_THEY_ARE else self.everywhere(value, f"{place}.{key}")
                    for key, value in node.items()
                }
            case list() | tuple():
                return [self.everywhere(item, place) for item in node]
            case str():
                return self.on(place, before=f"{node} ")
            case _:
                return node


def native(told: IncidentReport) -> Json:
    """The report in our own shape."""
    plain = _plain({k: v for k, v in asdict(told).items() if k not in ("digest", "source")})
    body: Json = {"id": plain.pop("source_id"), **plain}
    return body


def _plain(node: Any) -> Any:
    match node:
        case dict():
            return {k: _plain(v) for k, v in node.items() if v not in (None, ())}
        case list() | tuple():
            return [_plain(item) for item in node]
        case Enum():
            return node.value
        case datetime():
            return (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
        case _:
            return node


PEOPLE = {
    NAME: (BOB, "bob@contoso.example"),
    "Paulo Ramos": ("4d3b46c5-933d-46e7-bf43-cee3e22d6bbd", "paulo@contoso.example"),
    "Greta Braun": ("0a2c76fd-8e57-4936-8c04-b671555cb454", "greta@contoso.example"),
}


def about(number: int, body: Json) -> Json:
    """A case of its own: somebody else's than the one before, with other things in it."""
    object_id, upn = list(PEOPLE.values())[number % len(PEOPLE)]
    for thing in body["alerts"][0]["evidence"]:
        if thing["kind"] == "user":
            thing["account"] = {"object_id": object_id, "upn": upn}
        for field in {"device_id", "sha1", "sha256"} & thing.keys():
            thing[field] = f"{number + 7:0{len(thing[field])}x}"
    body.pop("tenant_id", None)
    return body


async def everybody_acts(h: House, marks: Marks, said: list[Json]) -> None:
    """Every button there is, by whoever may press it, with hostile words where words are taken."""
    for _ in range(3):
        for name in PEOPLE:
            for card in [m for m in await h.chat(name) if m.card]:
                await press_all(h, name, card, said)
        for card in [m for m in await h.thread() if m.card]:
            await press_all(h, "Jon Park", card, said)
    for words in ("hello ", "verify ", "setup "):
        await h.write(NAME, marks.on(f"words of {words}", before=words))
    root = await h.root()
    for words in ("<at>Vouch</at> ", "<at>Vouch</at> setup ", "<at>Vouch</at> verify "):
        told = await text(h, "Jon Park", root.conversation, marks.on(words, before=words))
        mention = {"type": "mention", "text": "<at>Vouch</at>", "mentioned": told["recipient"]}
        await h.send(told | {"entities": [mention]})
    await h.settle()
    inputs = {"disposition": "truePositive", "comment": marks.on("comment of an analyst")}
    for conversation in await h.conversations("Nordwall MXDR"):
        threads = [m for m in await h.thread("Nordwall MXDR") if m.card]
        soc = next(m for m in threads if m.conversation == conversation)
        acts = [a for a in soc.actions if a.startswith(("take", "record_call"))]
        said += [await h.press("Mia Lindqvist", soc, act) for act in acts]
        said.append(await h.press("Mia Lindqvist", soc, "close_as", inputs))


async def press_all(h: House, who: str, card: Seen, said: list[Json]) -> None:
    """Under a name that the activity alone has."""
    for action in card.actions:
        pressed = await click(h, who, card, card.data(action))
        pressed["from"]["name"] = f"Zq3z{ATTACK}"
        said.append(await h.send(pressed))
    await h.settle()


async def test_no_text_from_outside_arrives_as_anything_but_words(tmp_path: Path) -> None:
    marks, said = Marks(), list[Json]()
    async with house(tmp_path, HOSTILE_BOB) as h:
        for number, type_ in enumerate(TYPES):
            body = about(number, marks.everywhere(native(told_of(type_)), type_))
            body["id"] = f"N-{type_}"
            body["alerts"][0]["title"] = body["alerts"][0]["title"].partition(" Zq")[0]
            body["description"] = marks.on(f"{type_}.description")
            body["tags"] = [marks.on(f"{type_}.tags")]
            status, answer = await h.post(body, source="native")
            assert status in (200, 201), answer
        graph = marks_in_graph(marks)
        status, answer = await h.post(graph)
        assert status in (200, 201), answer
        await h.settle()
        await everybody_acts(h, marks, said)
        await h.later(hours=26)
        everything = [json.dumps(s.activity, ensure_ascii=False) for s in h.sent]

    everything += [json.dumps(answer, ensure_ascii=False) for answer in said]
    assert not [
        (attack, told[max(0, told.index(attack) - 60) :][:160])
        for told in everything
        for attack in UNESCAPED
        if attack in told
    ]
    arrived = {int(mark) for told in everything for mark in MARK.findall(told)}
    places = {marks.places.get(number, str(number)).rpartition(".")[2] for number in arrived}
    assert {"1", "title", "name", "url", "comment of an analyst"} <= places, sorted(places)
    assert len(arrived) > 15, sorted(places)


def marks_in_graph(marks: Marks) -> Json:
    """What Defender would send, with a mark in every text that is no id, time or word of the API."""
    body = malware_ran()
    alert = body["alerts"][0]
    user, device, file, process = alert["evidence"]
    alert |= {"title": marks.on("alert.title", before="Malware was run ")}
    alert |= {"category": marks.on("category"), "threatFamilyName": marks.on("threat family")}
    user["userAccount"] |= {"displayName": marks.on("displayName")}
    device |= {"deviceDnsName": marks.on("device.name"), "osPlatform": marks.on("os")}
    file["fileDetails"] |= {"fileName": marks.on("file.name"), "filePath": marks.on("file.path")}
    process |= {"processCommandLine": marks.on("command")}
    process["imageFile"] = {"fileName": marks.on("image.name")}
    return incident(
        alert,
        id_="4799",
        displayName=marks.on("displayName"),
        description=marks.on("description"),
        customTags=[marks.on("tags")],
        assignedTo=marks.on("assigned"),
    )
