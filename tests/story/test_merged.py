"""Mia makes one case of three: it knows everything, whoever was asked is heard, a suspect reads nothing."""

from pathlib import Path

import pytest

from tests.story.graph_incident import (
    CARLA,
    CONTOSO,
    alert,
    device,
    file,
    incident,
    malware_ran,
    remote_tool,
    unfamiliar_sign_in,
    user,
)
from tests.story.house import House, Json, Seen, house, words
from tests.story.test_bridge import bridged, says
from tests.story.test_commands import MIA, PROVIDER, asked_first, said, writes
from tests.story.test_redirected import redirected
from tests.story.test_suspect_account import SECRETS, carla_reads
from triage import merging
from triage.events import SourceWritten
from triage.incident import Status
from triage.report import Severity

PAULO = "Paulo Ramos"
SUSPECT = "This account may be in an attacker's hands."


async def paulos_tool(h: House) -> Json:
    """A case that shares nothing with Bob's or Carla's."""
    paulo = await h.person(PAULO)
    return remote_tool("4714", user(paulo["id"], paulo["upn"]), device("laptop-3", "c" * 40))


def carlas_malware() -> Json:
    seen = user(CARLA, "carla@contoso.example"), device("laptop-9", "b" * 40), file("invoice.docm")
    told = alert("Malware was run from a document", "microsoftDefenderForEndpoint", *seen)
    return incident(told | {"category": "Malware"}, id_="4715")


async def does(h: House, command: str) -> Seen:
    """By message, and by the tap on what is shown first, which is what is returned."""
    await said(h, MIA, command)
    await h.settle()
    card = await asked_first(h)
    await h.press(MIA, card, "do_it")
    return card


async def test_three_cases_become_one_that_knows_everything(tmp_path: Path) -> None:
    async with house(tmp_path, {"world": carla_reads}) as h:
        await h.report(await paulos_tool(h))
        await h.report(malware_ran())
        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.opened")

        shown = await does(h, "merge 2 into 1")
        assert "Ordered in CONTOSO-1 at once: Scan LAPTOP-3." in shown.text

        case = await h.incident("4714")
        assert case.severity is Severity.HIGH
        assert {d.name for d in case.devices} == {"LAPTOP-3", "LAPTOP-7"}
        answer = await h.press("Bob Meyer", await h.card("Bob Meyer"), "talk")
        assert "Write here, an analyst answers." in words(answer)
        assert (await h.told(PROVIDER)).count("Bob Meyer wants to talk to an analyst") == 1

        await h.report(unfamiliar_sign_in())
        before = len(h.sent)
        shown = await does(h, "merge 3 into 1")
        assert "Approvals withdrawn: 1." in shown.text
        assert "Ordered in CONTOSO-1" not in shown.text, "nobody signed in as Bob or Paulo"
        assert "is asked to approve: Disable the account Carla Duarte.\n" in shown.text
        await says(h, "Jon Park", "she is on a plane")
        await h.write("Carla Duarte", "it was me")
        assert sorted(await bridged(h)) == [
            "Jon Park (Contoso Security): she is on a plane",
            f"{SUSPECT} Carla Duarte (Contoso Security, own chat): it was me",
        ]
        case = await h.incident("4714")
        carla = (await h.person("Carla Duarte"))["id"]
        assert carla in case.suspects

        await does(h, "close CONTOSO-1 true positive: one intruder")
        told = [e.event for e in await h.history("4714") if isinstance(e.event, SourceWritten)]
        assert {e.source_id: e.status for e in told} == dict.fromkeys(
            ("4711", "4713", "4714"), "resolved"
        )
        assert await h.told("Carla Duarte") == ["Thank you, received."]
        read = [
            Seen("", "", s.activity, 0).text.lower() for s in h.sent[before:] if s.tenant == CONTOSO
        ]
        assert not [secret for text in read for secret in SECRETS if secret in text]


async def test_whoever_a_third_case_suspects_is_asked_by_phone_in_the_one_too(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        await h.report(unfamiliar_sign_in())
        await does(h, "close CONTOSO-1 true positive: still to be made safe")
        await h.report(malware_ran())
        await h.report(carlas_malware())

        await does(h, "merge 3 into 2")

        case = await h.incident("4711")
        carla = (await h.person("Carla Duarte"))["id"]
        assert case.is_tainted(carla)
        assert carla not in case.suspects
        assert "Carla Duarte" in {q.person.name for q in case.questions}
        assert await h.chat("Carla Duarte") == []


async def test_a_full_case_takes_no_other_in_and_a_closed_one_hears_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(tmp_path) as h:
        await h.report(await paulos_tool(h))
        await h.report(malware_ran())
        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.opened")
        with monkeypatch.context() as full:
            full.setattr(merging, "MOST_REFS", 1)
            assert "CONTOSO-1 has no room" in await writes(h, MIA, "merge 2 into 1")

        await does(h, "merge 2 into 1")
        await h.report(carlas_malware())
        with monkeypatch.context() as full:
            full.setattr(merging, "MOST_REFS", 2)
            await h.post(redirected(4714, 4715))
            await h.settle()
        first, third = await h.incident("4714"), await h.incident("4715")
        assert (first.merged, len(third.refs)) == (None, 1)
        for case in (first.name, third.name):
            assert f"The source says that {case} is the same case." in str(await h.told(PROVIDER))
        await does(h, "close CONTOSO-1 false positive: a drill")

        answer = await h.press("Bob Meyer", await h.card("Bob Meyer"), "talk")
        assert "closed" in words(answer)
        assert (await h.incident("4711")).status is Status.RESOLVED
