"""People: found by what proves who they are, and spoken to where they can be reached."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from storage import across, people, profiles
from storage.across import FoundConversation
from storage.engine import Store, Tx
from storage.people import Known
from tests.storage.records import CONTOSO, FABRIKAM, NOW, SOON, TENANT, opened
from triage.customer import Customer
from triage.events import Match
from triage.incident import Person
from triage.report import Account

URL = "https://smba.example/emea/"
TEAM, CHANNEL = "19:team@thread.tacv2", "19:channel@thread.tacv2"

PROFILE = f"""\
role = "customer"
id = "contoso"
name = "Contoso Security"
prefix = "CONTOSO"
tenant_id = "{TENANT}"
team_id = "{TEAM}"
channel_id = "{CHANNEL}"

[[people]]
upn = "ann@contoso.com"
language = "pt-BR"
"""


@dataclass(frozen=True)
class Member:
    object_id: str
    upn: str
    name: str
    given_name: str = ""
    tenant_id: str | None = None
    is_guest: bool = False

    @property
    def mri(self) -> str:
        return f"29:{self.object_id}"


@dataclass(frozen=True)
class Where:
    conversation_id: str
    tenant_id: str = TENANT
    service_url: str = URL
    channel_id: str = CHANNEL


BOB = Member("b0b", "Bob@contoso.com", "Bob Dahl", "Bob")
ANN = Member("a22", "ann@contoso.com", "Ann Lee", "Ann")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path) as store:
        await store.write(CONTOSO, lambda tx: profiles.save(tx, PROFILE, "contoso.toml", NOW))
        yield store


def roster(*members: Member, of: str = TEAM) -> Callable[[Tx], people.RosterNews]:
    return lambda tx: people.keep_roster(tx, TENANT, of, members, NOW)


def met(object_id: str, locale: str | None = None) -> Callable[[Tx], None]:
    return lambda tx: people.meet(tx, TENANT, object_id, "29:x", "Bobby", locale, None, SOON)


def sid(object_id: str, value: str) -> Callable[[Tx], None]:
    return lambda tx: people.learn_sid(tx, TENANT, object_id, value)


async def known(store: Store, object_id: str) -> Known | None:
    return await store.read(CONTOSO, lambda tx: people.get(tx, TENANT, object_id))


async def match(store: Store, **account: Any) -> Match:
    def unit(tx: Tx) -> Match:
        profile = profiles.current(tx)
        assert isinstance(profile, Customer)
        return people.match(tx, Account(**account), profile)

    return await store.read(CONTOSO, unit)


# --- whose account it is -------------------------------------------------------------------------

BOB_FOUND = Match(
    Person(
        object_id="b0b", name="Bob Dahl", given_name="Bob", upn="bob@contoso.com", reads_thread=True
    )
)
NOBODY = Match(None, "no_match")
UNCLEAR = Match(None, "ambiguous")


async def test_an_account_is_matched_by_object_id_then_upn_then_sid(store: Store) -> None:
    await store.write(CONTOSO, roster(BOB, ANN))
    await store.write(CONTOSO, sid("b0b", "S-1-5-21-7"))

    assert await match(store, object_id="B0B") == BOB_FOUND
    assert await match(store, upn="BOB@contoso.com") == BOB_FOUND
    assert await match(store, sid="s-1-5-21-7") == BOB_FOUND
    assert await match(store, object_id="b0b", upn="bob.old@contoso.com") == BOB_FOUND


@pytest.mark.parametrize(
    "account",
    [
        {},
        {"name": "bob"},
        {"name": "Bob Dahl"},
        {"name": "bob", "domain": "CONTOSO"},
        {"name": "bob@contoso.com"},
        {"upn": "cid@contoso.com"},
        {"object_id": "c1d"},
        {"sid": "S-1-5-21-8"},
    ],
)
async def test_nobody_is_guessed(store: Store, account: dict[str, str]) -> None:
    await store.write(CONTOSO, roster(BOB, ANN))

    assert await match(store, **account) == NOBODY


async def test_one_upn_of_two_people_is_ambiguous(store: Store) -> None:
    await store.write(CONTOSO, roster(BOB, Member("b0b2", "bob@contoso.com", "Bob Dahl")))

    assert await match(store, upn="bob@contoso.com") == UNCLEAR
    assert await match(store, object_id="b0b") == BOB_FOUND


async def test_identifiers_that_lead_to_different_people_are_ambiguous(store: Store) -> None:
    await store.write(CONTOSO, roster(BOB, ANN))
    await store.write(CONTOSO, sid("a22", "S-1-5-21-7"))

    assert await match(store, upn="bob@contoso.com", sid="S-1-5-21-7") == UNCLEAR
    assert await match(store, object_id="c1d", upn="bob@contoso.com") == UNCLEAR
    assert await match(store, upn="ann@contoso.com", sid="S-1-5-21-8") == UNCLEAR


async def test_another_customers_people_are_not_found(store: Store) -> None:
    await store.write(FABRIKAM, roster(BOB))

    assert await match(store, object_id="b0b", upn="bob@contoso.com") == NOBODY


async def test_people_of_another_tenant_are_not_found(store: Store) -> None:
    await store.write(CONTOSO, lambda tx: people.keep_roster(tx, "other", TEAM, [BOB], NOW))

    assert await match(store, upn="bob@contoso.com") == NOBODY


async def test_somebodys_language_is_what_the_profile_says_then_what_teams_says(
    store: Store,
) -> None:
    await store.write(CONTOSO, roster(BOB, ANN))
    for object_id in ("b0b", "a22"):
        await store.write(CONTOSO, met(object_id, "de-DE"))

    bob, ann = await match(store, object_id="b0b"), await match(store, object_id="a22")
    assert bob.person
    assert ann.person
    assert (bob.person.language, ann.person.language) == ("de-DE", "pt-BR")


async def test_who_removed_or_blocked_us_is_not_reachable_until_they_come_back(
    store: Store,
) -> None:
    async def reachable() -> bool:
        found = await match(store, object_id="b0b")
        assert found.person
        return found.person.reachable

    await store.write(CONTOSO, roster(BOB))
    assert await reachable()
    await store.write(CONTOSO, lambda tx: people.mark_removed(tx, TENANT, "b0b"))
    assert not await reachable()
    await store.write(CONTOSO, met("b0b"))
    assert await reachable()
    await store.write(CONTOSO, lambda tx: people.mark_blocked(tx, TENANT, "b0b"))
    assert not await reachable()
    await store.write(CONTOSO, met("b0b"))
    assert await reachable()


# --- rosters -------------------------------------------------------------------------------------


async def test_a_roster_is_kept_whole_and_as_last_told(store: Store) -> None:
    await store.write(CONTOSO, roster(BOB, ANN))
    await store.write(CONTOSO, roster(Member("b0b", "bob@contoso.com", "Bob Dahl-Lee", "Bob")))

    bob, ann = await known(store, "b0b"), await known(store, "a22")
    assert bob
    assert ann
    assert (bob.name, bob.in_team, ann.in_team) == ("Bob Dahl-Lee", True, False)


async def test_who_is_on_the_roster_of_a_chat_does_not_read_the_thread(store: Store) -> None:
    await store.write(CONTOSO, roster(ANN))
    await store.write(CONTOSO, roster(BOB, of="a:chat"))

    bob, ann = await known(store, "b0b"), await known(store, "a22")
    assert bob
    assert ann
    assert (bob.in_team, bob.upn, ann.in_team) == (False, "bob@contoso.com", True)


async def test_what_was_heard_of_somebody_survives_a_roster(store: Store) -> None:
    await store.write(CONTOSO, met("b0b", "de-DE"))
    await store.write(CONTOSO, sid("b0b", "S-1-5-21-7"))
    await store.write(CONTOSO, roster(BOB))

    bob = await known(store, "b0b")
    assert bob
    assert (bob.name, bob.locale, bob.installed) == ("Bob Dahl", "de-DE", True)
    assert await match(store, sid="S-1-5-21-7")


async def test_somebody_is_found_by_upn_when_one_alone_has_it(store: Store) -> None:
    await store.write(CONTOSO, roster(BOB))

    found = await store.read(CONTOSO, lambda tx: people.by_upn(tx, TENANT, "bob@CONTOSO.com"))
    assert found
    assert found.mri == "29:b0b"
    await store.write(CONTOSO, roster(BOB, Member("b0b2", "bob@contoso.com", "Bob")))
    assert (
        await store.read(CONTOSO, lambda tx: people.by_upn(tx, TENANT, "bob@contoso.com")) is None
    )


async def test_nothing_is_learnt_of_whom_nobody_knows(store: Store) -> None:
    await store.write(CONTOSO, lambda tx: people.mark_removed(tx, TENANT, "c1d"))
    await store.write(CONTOSO, lambda tx: people.mark_blocked(tx, TENANT, "c1d"))
    await store.write(CONTOSO, sid("c1d", "S-1-5-21-7"))

    assert await known(store, "c1d") is None


# --- where they are spoken to --------------------------------------------------------------------


async def test_a_chat_is_found_by_its_person_and_by_its_id(store: Store) -> None:
    await store.write(CONTOSO, lambda tx: people.keep_chat(tx, "B0B", Where("a:old")))
    await store.write(CONTOSO, lambda tx: people.keep_chat(tx, "b0b", Where("a:new")))

    def look(tx: Tx) -> list[people.Conversation | None]:
        return [
            people.chat(tx, TENANT, "b0b"),
            people.conversation(tx, "a:new"),
            people.conversation(tx, "a:old"),
            people.chat(tx, TENANT, "a22"),
            people.chat(tx, "other", "b0b"),
        ]

    kept = people.Conversation(TENANT, "personal", "b0b", "a:new", URL)
    assert await store.read(CONTOSO, look) == [kept, kept, None, None, None]
    assert await store.read(FABRIKAM, look) == [None] * 5


async def test_a_place_the_app_was_removed_from_is_gone_until_it_is_back(store: Store) -> None:
    def look(tx: Tx) -> tuple[bool, bool]:
        return (
            people.channel(tx, TENANT, CHANNEL) is not None,
            people.conversation(tx, CHANNEL) is not None,
        )

    await store.write(CONTOSO, lambda tx: people.keep_channel(tx, Where("")))
    assert await store.read(CONTOSO, look) == (True, True)
    await store.write(CONTOSO, lambda tx: people.remove_conversation(tx, CHANNEL))
    assert await store.read(CONTOSO, look) == (False, False)
    await store.write(CONTOSO, lambda tx: people.keep_channel(tx, Where("")))
    assert await store.read(CONTOSO, look) == (True, True)


@pytest.mark.parametrize("waits_for", ["person:b0b", "channel:contoso"])
async def test_an_installation_is_not_overlooked_by_what_was_claimed_before_it(
    store: Store, waits_for: str
) -> None:
    def was_installed_since(since: datetime) -> Callable[[Tx], bool]:
        return lambda tx: people.was_installed_since(tx, waits_for, since)

    await store.write(CONTOSO, lambda tx: people.keep_chat(tx, "b0b", Where("a:chat")))
    await store.write(CONTOSO, lambda tx: people.keep_channel(tx, Where("")))
    assert not await store.write(CONTOSO, was_installed_since(NOW))
    await store.write(CONTOSO, lambda tx: people.note_installation(tx, waits_for, SOON))

    assert await store.write(CONTOSO, was_installed_since(NOW))
    assert not await store.write(CONTOSO, was_installed_since(SOON)), "it was tried since"
    assert not await store.write(
        CONTOSO, lambda tx: people.was_installed_since(tx, "channel:another", NOW)
    )


async def test_a_conversation_leads_to_its_customer_by_tenant_and_id(store: Store) -> None:
    await store.write(CONTOSO, lambda tx: people.keep_chat(tx, "b0b", Where("a:chat")))

    async def found(tenant_id: str, conversation_id: str) -> FoundConversation | None:
        return await store.read_across(
            lambda tx: across.find_conversation(tx, tenant_id, conversation_id)
        )

    assert await found(TENANT, "a:chat") == FoundConversation(CONTOSO, "personal", "b0b")
    assert await found("other", "a:chat") is None
    assert await found(TENANT, "a:other") is None


async def test_a_roster_tells_who_joined_the_team_or_left_it(store: Store) -> None:
    assert (await store.write(CONTOSO, roster(BOB, ANN))).moved == {BOB.object_id, ANN.object_id}
    assert (await store.write(CONTOSO, roster(BOB, ANN))).moved == frozenset()
    assert (await store.write(CONTOSO, roster(ANN))).moved == {BOB.object_id}
    assert (await store.write(CONTOSO, roster(BOB, of="a:chat"))).moved == frozenset()


# --- people from outside -------------------------------------------------------------------------

ELSEWHERE = "9e9e9e9e-2c1b-4b53-9b1e-0c5a3f2e9a10"
GUEST = Member("9e5", "eve_partner.com#EXT#@contoso.onmicrosoft.com", "Eve Gast")
BY_ROLE = replace(BOB, object_id="9e6", upn="zoe@partner.com", is_guest=True)
EXTERNAL = replace(BOB, object_id="9e7", upn="max@partner.com", tenant_id=ELSEWHERE)


@pytest.mark.parametrize("stranger", [GUEST, BY_ROLE, EXTERNAL])
async def test_whoever_is_from_outside_is_known_as_such_and_never_asked(
    store: Store, stranger: Member
) -> None:
    named = await store.write(CONTOSO, roster(ANN, stranger))

    account = Account(object_id=stranger.object_id)
    found = await store.read(CONTOSO, lambda tx: people.match(tx, account, profiles.current(tx)))
    assert named.strangers == [stranger.name]
    assert found.person is not None
    assert found.person.reads_thread
    assert found.person.why_not_asked == "outside"


async def test_who_was_named_before_is_not_named_again(store: Store) -> None:
    await store.write(CONTOSO, roster(ANN, GUEST))

    assert (await store.write(CONTOSO, roster(ANN, GUEST))).strangers == []
    assert (await store.write(CONTOSO, roster(ANN, GUEST, EXTERNAL))).strangers == [EXTERNAL.name]


async def test_one_s_own_tenant_in_capitals_is_one_s_own(store: Store) -> None:
    mine = replace(BOB, tenant_id=TENANT.upper())

    assert (await store.write(CONTOSO, roster(mine))).strangers == []


async def test_somebody_is_called_by_the_words_a_text_begins_with(store: Store) -> None:
    """By whole words: Dan is in no Danvers; and whoever bears the whole name stands first."""
    others = [Member(f"x{n}", f"bob{n}@contoso.com", f"Bob A{n:02}", "Bob") for n in range(60)]
    danvers = Member("d", "cd@contoso.com", "Carol Danvers", "Carol")
    await store.write(CONTOSO, roster(BOB, danvers, *others))

    async def called(*words: str) -> list[str]:
        return await store.read(
            CONTOSO, lambda tx: [p.name for p in people.called(tx, words, profiles.current(tx))]
        )

    assert (await called("bob", "dahl", "did", "you"))[0] == "Bob Dahl"
    assert await called("bob@contoso.com", "opened") == ["Bob Dahl"]
    assert len(await called("Bob")) == people.MOST_CALLED
    assert await called("dan") == []
    assert await called("100%", "_") == []
