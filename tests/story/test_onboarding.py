"""A channel is bound by a code: by the right customer's people, in their own tenant, once."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from bot.demo import PROFILES
from bot.onboarding import MOST_MISSES
from bot.setup import (
    NoSuchCustomerError,
    ProviderStaysError,
    add_profile,
    invite,
    remove_customer,
)
from storage import invitations
from storage.engine import Tx
from tests.story.activity import text
from tests.story.graph_incident import malware_ran, unfamiliar_sign_in
from tests.story.house import House, house
from tests.story.test_remote_access import on_payroll

CONTOSO_GENERAL = "19:contoso-security@thread.tacv2"
CONTOSO_INCIDENTS = "19:contoso-incidents@thread.tacv2"
FABRIKAM_INCIDENTS = "19:fabrikam-incidents@thread.tacv2"
SOC = "19:nordwall-incidents@thread.tacv2"

NOT_VALID = "This code is not valid here"

_CHANNEL = re.compile(r"^(team|channel)_id = .*\n", re.MULTILINE)


def no_channel(profile: str) -> str:
    """The profile names no channel: it is to be bound."""
    changed = _CHANNEL.sub("", profile)
    assert changed != profile
    return changed


UNBOUND = {"contoso": no_channel, "fabrikam": no_channel}


async def code_for(h: House, customer: str = "contoso", days: int = 7) -> str:
    return await invite(h.vouch.store, customer, "mia", h.clock.now(), timedelta(days=days))


async def says(h: House, who: str, channel: str, words: str) -> str:
    """Mention the bot in a channel; what it says there."""
    user = await h.person(who)
    before = len(h.sent)
    body = {"from": user["id"], "text": words, "mentionBot": True}
    told = await h._api("POST", f"/conversations/{quote(channel, safe='')}/messages", body)
    assert told["status"] == 200, told
    answers = [str(s.activity.get("text", "")) for s in h.sent[before:]]
    await h.settle()
    return "\n".join(answers)


async def where(h: House, tenant: str = "Contoso") -> set[str]:
    """The channels in which threads of ours stand."""
    return {c.partition(";")[0] for c in await h.conversations(tenant)}


async def refusals(h: House) -> list[str]:
    return [payload["why"] for kind, payload in await h.desk() if kind == "setup_refused"]


# --- bound ---


async def test_what_waited_goes_out_when_the_channel_is_bound(tmp_path: Path) -> None:
    async with house(tmp_path, UNBOUND) as h:
        await h.report(malware_ran())
        assert {e.waits_for for e in await h.stuck()} == {"channel:contoso"}
        assert await h.thread() == []

        said = await says(h, "Jon Park", CONTOSO_INCIDENTS, f"setup {await code_for(h)}")

        assert "connected to Contoso" in said
        assert await where(h) == {CONTOSO_INCIDENTS}
        (payload,) = [said for kind, said in await h.desk("contoso") if kind == "channel_bound"]
        assert payload["channel"] == CONTOSO_INCIDENTS


async def test_its_members_are_read_and_can_approve(tmp_path: Path) -> None:
    async with house(tmp_path, UNBOUND) as h:
        await says(h, "Jon Park", CONTOSO_INCIDENTS, f"setup {await code_for(h)}")
        await h.report(malware_ran())
        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.opened")
        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q2.enabled_content")

        await h.press("Jon Park", await h.approval(), "approve.p1")

        assert "Jon Park approved" in (await h.approval()).text


async def test_a_bound_channel_goes_before_the_one_of_the_profile(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        await says(h, "Jon Park", CONTOSO_GENERAL, f"setup {await code_for(h)}")
        await h.report(unfamiliar_sign_in())

        assert await where(h) == {CONTOSO_INCIDENTS, CONTOSO_GENERAL}
        assert (await h.root()).conversation.startswith(CONTOSO_GENERAL)

        await says(h, "Jon Park", CONTOSO_INCIDENTS, f"setup {await code_for(h)}")
        assert (await h.desk("contoso"))[-1][1]["before"] == CONTOSO_GENERAL


async def test_the_analysts_channel_is_bound_alike(tmp_path: Path) -> None:
    async with house(tmp_path, {"nordwall": no_channel}) as h:
        await h.report(malware_ran())
        assert await h.thread("Nordwall MXDR") == []

        code = await code_for(h, "nordwall")
        assert "connected to Nordwall" in await says(h, "Mia Lindqvist", SOC, f"setup {code}")

        assert await where(h, "Nordwall MXDR") == {SOC}
        await h.press("Mia Lindqvist", await h.soc(), "take")
        assert "Mia" in (await h.soc()).text


async def test_the_same_words_delivered_twice_are_answered_alike(tmp_path: Path) -> None:
    async with house(tmp_path, UNBOUND) as h:
        code = await code_for(h)

        first = await says(h, "Jon Park", CONTOSO_INCIDENTS, f"setup {code}")
        again = await says(h, "Jon Park", CONTOSO_INCIDENTS, f"Setup  {code.lower()}")

        assert first == again
        assert await refusals(h) == []


# --- refused ---


async def test_a_code_works_once(tmp_path: Path) -> None:
    async with house(tmp_path, UNBOUND) as h:
        code = await code_for(h)
        await says(h, "Jon Park", CONTOSO_INCIDENTS, f"setup {code}")

        said = await says(h, "Jon Park", CONTOSO_GENERAL, f"setup {code}")
        await h.report(malware_ran())

        assert NOT_VALID in said
        assert await where(h) == {CONTOSO_INCIDENTS}
        assert await refusals(h) == ["a code of contoso, used or expired"]


async def test_a_code_expires(tmp_path: Path) -> None:
    async with house(tmp_path, UNBOUND) as h:
        code = await code_for(h, days=1)
        await h.later(days=1)

        assert NOT_VALID in await says(h, "Jon Park", CONTOSO_INCIDENTS, f"setup {code}")


async def test_a_new_code_voids_the_one_before(tmp_path: Path) -> None:
    async with house(tmp_path, UNBOUND) as h:
        old, new = await code_for(h), await code_for(h)

        assert NOT_VALID in await says(h, "Jon Park", CONTOSO_INCIDENTS, f"setup {old}")
        assert "connected" in await says(h, "Jon Park", CONTOSO_INCIDENTS, f"setup {new}")


async def test_another_customer_s_code_opens_nothing_and_tells_nothing(tmp_path: Path) -> None:
    async with house(tmp_path, UNBOUND) as h:
        stolen = await code_for(h, "contoso")

        foreign = await says(h, "Amira Haddad", FABRIKAM_INCIDENTS, f"setup {stolen}")
        invented = await says(h, "Amira Haddad", FABRIKAM_INCIDENTS, "setup AAAAA-2222-3333-4444")

        assert foreign == invented
        assert "ontoso" not in foreign
        assert await refusals(h) == [
            "a code of contoso, whose tenant is another",
            "no such code",
        ]
        assert stolen not in json.dumps(await h.desk())
        await h.report(malware_ran())
        assert await h.conversations("Fabrikam") == []
        assert "connected" in await says(h, "Jon Park", CONTOSO_INCIDENTS, f"setup {stolen}")


async def test_codes_are_not_guessed(tmp_path: Path) -> None:
    """After some wrong ones not even the right one is listened to, by that person, for a while."""
    async with house(tmp_path, UNBOUND) as h:
        for n in range(MOST_MISSES):
            await says(h, "Ines Costa", CONTOSO_INCIDENTS, f"setup AAAAA-{n}")
        code = await code_for(h)

        said = await says(h, "Ines Costa", CONTOSO_INCIDENTS, f"setup {code}")

        assert "try again" in said
        assert (await refusals(h))[-1] == "too many wrong codes"
        await h.later(minutes=15)
        assert "connected" in await says(h, "Ines Costa", CONTOSO_INCIDENTS, f"setup {code}")


@pytest.mark.parametrize("kind", ["private", "shared"])
async def test_private_and_shared_channels_are_refused_and_the_code_stays_valid(
    tmp_path: Path, kind: str
) -> None:
    async with house(tmp_path, UNBOUND) as h:
        code = await code_for(h)
        activity = await in_channel(h, "Jon Park", "19:circle@thread.tacv2", f"setup {code}", kind)

        await h.send(activity)

        assert (await refusals(h)) == [f"a {kind} channel"]
        assert "connected" in await says(h, "Jon Park", CONTOSO_INCIDENTS, f"setup {code}")


async def in_channel(h: House, who: str, channel: str, words: str, kind: str) -> dict[str, Any]:
    """A mention as Teams sends it from a channel of another kind."""
    activity = await text(h, who, f"{channel};messageid=1", f"<at>Vouch</at> {words}")
    bot = activity["recipient"]
    mention = {"type": "mention", "mentioned": bot, "text": "<at>Vouch</at>"}
    data = activity["channelData"] | {
        "team": {"id": CONTOSO_GENERAL},
        "channel": {"id": channel, "type": kind},
    }
    return activity | {"channelData": data, "entities": [mention]}


async def test_a_tenant_nobody_onboarded_is_not_answered(tmp_path: Path) -> None:
    changed = {"contoso": no_channel, "fabrikam": lambda _: ""}
    async with house(tmp_path, changed) as h:
        code = await code_for(h, "contoso")

        assert await says(h, "Amira Haddad", FABRIKAM_INCIDENTS, f"setup {code}") == ""


async def test_in_a_chat_the_code_is_not_for_the_case(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        code = await code_for(h)

        await h.write("Bob Meyer", f"setup {code}")
        await h.write("Bob Meyer", "setup was what I ran")

        history = str(await h.history("4711"))
        assert code not in history
        assert "setup was what I ran" in history


# --- removed ---


async def remove(h: House, customer: str = "contoso") -> int:
    return await remove_customer(h.vouch.store, customer, "mia", h.clock.now())


async def test_a_removed_customer_is_neither_heard_nor_spoken_to(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        card = await h.card("Bob Meyer")
        code = await code_for(h)
        before = len(h.sent)

        await remove(h)
        await h.press_only("Bob Meyer", card, "answer.q1.opened")
        status, _ = await h.post(malware_ran(id_="2"))
        answer = await says(h, "Jon Park", CONTOSO_INCIDENTS, f"setup {code}")
        await h.later(days=1)

        assert status == 401
        assert answer == ""
        assert len(h.sent) == before
        (question, *_) = (await h.incident("4711")).questions
        assert question.replies == ()
        assert await h.stuck() == []


async def test_it_is_recorded_who_removed_it_and_the_records_stay(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())

        cancelled = await remove(h)

        kind, payload = (await h.desk("contoso"))[-1]
        assert (kind, payload) == ("customer_removed", {"by": "mia", "cancelled": cancelled})
        assert cancelled > 0
        assert (await h.by_name("CONTOSO-1")).affected


async def test_others_of_the_house_go_on(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await remove(h)

        assert await h.report(on_payroll(), "fabrikam") == "FABRIKAM-1"
        assert await h.thread("Fabrikam")


async def test_who_comes_back_begins_with_a_new_version_and_without_keys(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await remove(h)

        added = await add_profile(h.vouch.store, (PROFILES / "contoso.toml").read_text(), "again")

        assert added.version == 2
        status, _ = await h.post(malware_ran())
        assert status == 401


async def test_the_provider_stays_and_who_is_not_there_cannot_go(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        with pytest.raises(ProviderStaysError, match="nobody to work on incidents"):
            await remove(h, "nordwall")
        with pytest.raises(NoSuchCustomerError, match="There is no customer 'acme'"):
            await remove(h, "acme")


# --- codes ---


async def test_only_the_hash_of_a_code_is_kept(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        code = await code_for(h)

        def kept(tx: Tx) -> invitations.Invitation | None:
            return invitations.newest(tx)

        found = await h.vouch.store.read("contoso", kept)
        assert found is not None
        assert code.replace("-", "") not in json.dumps(await h.desk("contoso"))


def test_a_code_is_read_however_it_was_copied() -> None:
    code, sha256 = invitations.new_code()

    assert re.fullmatch(r"[2-9A-HJKMNP-TV-Z]{5}(-[2-9A-HJKMNP-TV-Z]{4}){3}", code)
    for written in (code, code.lower(), code.replace("-", ""), code.replace("-", " ")):
        assert invitations.digest(written) == sha256
    assert invitations.digest(code[:-1]) != sha256
