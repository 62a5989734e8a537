"""Incidents come in: what is taken, what is refused and why, and what is the same case."""

import json
import re
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from bot import conductor
from storage import quarantine
from tests.story.graph_incident import FABRIKAM, device, incident, malware_blocked, malware_ran
from tests.story.house import House, Json, house
from triage.actions import ActionKind
from triage.incident import ActionState
from triage.report import Severity, Source

NATIVE_MD = Path(__file__).parents[2] / "sources" / "native.md"


def native_example() -> Json:
    found = re.search(r"```json\n(.*?)```", NATIVE_MD.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    body: Json = json.loads(found[1])
    return body


async def quarantined(h: House, customer: str = "contoso") -> list[quarantine.Refused]:
    return await h.vouch.store.read(customer, quarantine.latest)


async def only_thread(h: House) -> str:
    (conversation,) = await h.conversations("Contoso")
    return conversation


# --- taken in --------------------------------------------------------------------------------------


async def test_an_incident_is_answered_with_its_name_before_anything_is_done(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        status, answer = await h.post(malware_ran())

        assert (status, answer) == (
            201,
            {
                "results": [
                    {
                        "status": 201,
                        "sourceId": "4711",
                        "incident": "CONTOSO-1",
                        "outcome": "opened",
                    }
                ]
            },
        )
        assert await h.thread() == []
        await h.settle()
        assert await h.thread() != []


async def test_the_native_example_is_taken(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        name = await h.report(native_example(), source="native")

        case = await h.incident("HD-20931", source=Source.NATIVE)
        assert (name, case.name) == ("CONTOSO-1", "CONTOSO-1")
        assert (await h.incident("HD-20930", source=Source.NATIVE)).id == case.id
        assert await only_thread(h)
        assert case.decision is not None


async def test_the_same_again_changes_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        body = malware_ran()
        await h.report(body)
        calls, log = len(await h.calls()), len(await h.history("4711"))

        status, answer = await h.post(body)
        await h.settle()

        assert (status, answer["results"][0]["outcome"]) == (200, "unchanged")
        assert (len(await h.calls()), len(await h.history("4711"))) == (calls, log)


async def test_a_touch_without_a_change_says_so(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        body = malware_ran()
        await h.report(body)
        calls = len(await h.calls())

        status, answer = await h.post(body | {"lastUpdateDateTime": "2099-01-01T00:00:00Z"})
        await h.settle()

        assert (status, answer["results"][0]["outcome"]) == (200, "unchanged")
        assert len(await h.calls()) == calls


async def test_a_change_edits_the_same_thread(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        body = malware_ran(severity="medium")
        await h.report(body)
        root = await h.root()

        status, answer = await h.post(malware_ran(severity="high"))
        await h.settle()

        assert (status, answer["results"][0]["outcome"]) == (200, "updated")
        changed = await h.root()
        assert (changed.id, changed.conversation) == (root.id, await only_thread(h))
        assert changed.edits > root.edits
        assert "High" in changed.text
        assert (await h.incident("4711")).severity is Severity.HIGH


async def test_an_older_revision_is_recorded_and_not_applied(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran(severity="medium"))
        before, log = await h.incident("4711"), len(await h.history("4711"))

        older = malware_ran() | {"lastUpdateDateTime": "2020-01-01T00:00:00Z"}
        status, answer = await h.post(older)
        await h.settle()

        assert (status, answer["results"][0]["outcome"]) == (200, "unchanged")
        assert await h.incident("4711") == before
        assert len(await h.history("4711")) == log + 1


async def test_another_incident_on_the_same_device_joins_the_open_one(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        first = await h.report(malware_ran())
        second = await h.report(malware_blocked())

        assert first == second == "CONTOSO-1"
        assert (await h.incident("4711")).id == (await h.incident("4712")).id
        assert await only_thread(h)
        assert len([m for m in await h.chat("Bob Meyer") if m.card]) == 1


async def test_after_closing_the_same_device_begins_a_new_case(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        inputs = {"disposition": "falsePositive", "comment": "A drill."}
        await h.press("Mia Lindqvist", await h.soc(), "close_as", inputs)

        assert await h.report(malware_blocked()) == "CONTOSO-2"
        assert len(await h.conversations("Contoso")) == 2


async def test_what_is_isolated_already_is_shown_and_not_repeated(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        body = malware_ran()
        body["alerts"][0]["evidence"][1] = device(
            "laptop-7.ad.contoso.example",
            remediationStatus="remediated",
            remediationStatusDetails="Device was isolated by attack disruption.",
        )
        await h.report(body)
        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.opened")
        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q2.enabled_content")

        case = await h.incident("4711")
        isolate = next(a for a in case.actions if a.kind is ActionKind.ISOLATE_DEVICE)
        assert (isolate.state, case.approvals) == (ActionState.ALREADY_DONE, ())
        assert "LAPTOP-7 is already isolated" in (await h.root()).text.replace(
            "laptop-7.ad.contoso.example", "LAPTOP-7"
        )


# --- refused ---------------------------------------------------------------------------------------


async def test_a_page_with_one_good_and_one_bad_incident_says_which(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        bad = malware_ran(id_="4799")
        del bad["id"]

        status, answer = await h.post({"value": [malware_ran(), bad]})
        await h.settle()

        assert status == 207
        assert [r["status"] for r in answer["results"]] == [201, 422]
        assert answer["results"][1]["field"]
        assert (await h.incident("4711")).name == "CONTOSO-1"
        (refused,) = await quarantined(h)
        assert refused.field == answer["results"][1]["field"]


async def test_a_missing_or_wrong_key_is_401_and_tells_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        url = f"{h.vouch.url}/api/incidents/defender"
        async with h.control.post(url, json=malware_ran()) as response:
            assert response.status == 401
        wrong = ("vk_wrong", h.keys["contoso"]["native"], "", "é" * 90)
        for key in wrong:
            status, answer = await h.post(malware_ran(), key=key or "  ")
            assert (status, list(answer)) == (401, ["error"])
        assert await quarantined(h) == []
        await h.settle()
        assert await h.thread() == []


async def test_an_unknown_source_is_404_and_names_the_known_ones(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        status, answer = await h.post(malware_ran(), source="splunk")

        assert status == 404
        assert "defender" in answer["error"]
        assert "native" in answer["error"]


async def test_an_incident_of_another_tenant_is_refused(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        status, answer = await h.post(malware_ran(tenant=FABRIKAM))
        await h.settle()

        assert (status, answer["results"][0]["field"]) == (422, "tenantId")
        assert "that customer's key" in answer["results"][0]["reason"]
        assert len(await quarantined(h)) == 1
        assert await h.thread("Fabrikam") == []


DEEP = [100, 400, 800, 900, 950, 975, 990, 1_100, 20_000]

BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no json": b"hello",
    "half": b'{"id": "4711"',
    "not utf-8": b'{"id": "\xff\xfe"}',
    "bom": b"\xef\xbb\xbf{}",
    "null": b"null",
    "a number": b"42",
    "a text": b'"incident"',
    "NaN": b'{"id": NaN, "severity": Infinity}',
    "a huge number": b'{"id": 1' + b"0" * 5_000 + b"}",
    "an empty object": b"{}",
    "an empty list in a page": b'{"value": [1, null, "x", []]}',
    "half a surrogate": json.dumps({"id": "\ud800", "title": "\udfff", "\ud800": 1}).encode(),
    "NUL": json.dumps({"id": "a\0b", "title": "\0", "severity": "high"}).encode(),
    "another shape": json.dumps({"incident": {"id": "1"}}).encode(),
    **{f"nested {n} deep": b'{"a":' * n + b"1" + b"}" * n for n in DEEP},
    **{f"listed {n} deep": b"[" * n + b"]" * n for n in DEEP},
}


@pytest.mark.parametrize("source", ["defender", "sentinel", "native"])
async def test_a_malformed_body_is_refused_kept_and_never_an_error_of_ours(
    tmp_path: Path, source: str
) -> None:
    async with house(tmp_path) as h:
        for what, body in BODIES.items():
            before = len(await quarantined(h))

            status, answer = await h.post(body, source=source)

            assert status in (400, 422), (what, status, answer)
            assert all(r["reason"] for r in answer["results"]), what
            assert len(await quarantined(h)) > before, what


HOSTILE: list[tuple[str, Any]] = [
    ("title", "\ud800\0\x1b[31m" + "x" * 100_000),
    ("displayName", "\ud800\0" + "x" * 100_000),
    ("displayName", {"a": 1}),
    ("severity", ["high"]),
    ("severity", "apocalyptic"),
    ("alerts", "none"),
    ("alerts", [None, 1, "x", {}, []]),
    ("alerts", {"0": {}}),
    ("lastUpdateDateTime", "yesterday"),
    ("lastUpdateDateTime", "9999-12-31T23:59:59.9999999Z"),
    ("lastUpdateDateTime", "0001-01-01T00:00:00+14:00"),
    ("createdDateTime", 12345678901234567890),
    ("id", "4" * 100_000),
    ("id", 4711),
    ("id", "\ud800"),
    ("id", "a\0b"),
    ("tenantId", 42),
    ("tenantId", ["x"]),
    ("customTags", ["\ud800", None, {}]),
    ("systemTags", "x"),
]


async def test_a_hostile_value_in_any_field_is_taken_or_refused_and_never_an_error_of_ours(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        for field, value in HOSTILE:
            status, answer = await h.post(malware_ran() | {field: value})

            assert status in (200, 201, 400, 422), (field, status, answer)
        await h.settle()


async def test_hostile_evidence_is_taken_or_refused_and_never_an_error_of_ours(
    tmp_path: Path,
) -> None:
    hostile: list[Any] = [None, 1, "x", [], {}, {"@odata.type": 5}, {"@odata.type": "\ud800"}]
    async with house(tmp_path) as h:
        for i, value in enumerate(hostile):
            body = malware_ran(id_=f"48{i}")
            body["alerts"][0]["evidence"].append(value)
            status, answer = await h.post(body)
            assert status in (200, 201, 422), (value, answer)
        for i, field in enumerate(("userAccount", "fileDetails", "imageFile", "verdict", "roles")):
            for j, value in enumerate((*hostile[:5], "\ud800\0")):
                body = malware_ran(id_=f"49{i}{j}")
                for piece in body["alerts"][0]["evidence"]:
                    piece[field] = value
                status, answer = await h.post(body)
                assert status in (200, 201, 422), (field, value, answer)
        await h.settle()


async def test_a_body_too_large_is_413(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        url = f"{h.vouch.url}/api/incidents/defender"
        headers = {"Authorization": f"Bearer {h.keys['contoso']['defender']}"}
        large = BytesIO(b" " * (17 * 1024 * 1024))
        async with h.control.post(url, data=large, headers=headers) as response:
            assert response.status == 413


async def test_five_hundred_alerts_are_one_case_and_its_cards_fit(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        alerts = [a for n in range(500) for a in malware_ran(id_=f"x{n}")["alerts"]]
        for n, alert in enumerate(alerts):
            alert["evidence"][1] = device(f"host-{n}.ad.contoso.example", machine=f"{n:040x}")

        await h.report(incident(*alerts, id_="4711"))

        assert (await h.incident("4711")).alert_count == 500
        assert await only_thread(h)


async def test_a_case_takes_in_no_more_than_it_can_hold_and_another_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reports that share a person and a device belong together, up to an end."""
    monkeypatch.setattr(conductor, "MOST_REFS", 3)
    async with house(tmp_path) as h:
        names = []
        for n in range(7):
            h.clock.advance(timedelta(seconds=1))
            names.append(await h.report(malware_ran() | {"id": f"47{n}"}))
        again = await h.report(malware_ran() | {"id": "470"})

        assert names == ["CONTOSO-1"] * 3 + ["CONTOSO-2"] * 3 + ["CONTOSO-3"]
        assert again == "CONTOSO-1"


async def test_a_case_that_is_full_is_not_filled_by_redirecting_into_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conductor, "MOST_REFS", 3)
    async with house(tmp_path) as h:
        chain = [
            native_example() | {"id": f"n{n}", "redirected_to": f"n{n + 1}", "alerts": []}
            for n in range(5)
        ]
        names = [await h.report(told, source="native") for told in chain]
        changed = chain[3] | {"updated": "2026-11-24T12:00:00Z", "title": "Once more"}
        again = await h.report(changed, source="native")

        assert names == ["CONTOSO-1"] * 3 + ["CONTOSO-2"] * 2
        assert again == "CONTOSO-2"
