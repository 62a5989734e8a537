"""Incidents and their log: saved as one, found again, replayable, and tampering shows."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from storage import chain, incidents
from storage.engine import Head, Store, Tx
from storage.incidents import Erased, OvertakenError, StoredAnswer
from storage.tables import AlertRow, EventRow, IncidentRow
from tests.storage.records import (
    CONTOSO,
    FABRIKAM,
    NOW,
    a_say,
    an_incident,
    begin,
    filled,
    go_on,
    opened,
    record,
)
from triage.events import Answered, Woke
from triage.incident import Status
from triage.report import Alert, Source

ONE = f"{CONTOSO}-incident-1"


def keys(incident_id: str, *found: str, at: datetime = NOW) -> Callable[[Tx], None]:
    return lambda tx: incidents.remember_keys(tx, incident_id, found, at)


def alerts(incident_id: str) -> Callable[[Tx], None]:
    alert: Alert = filled(Alert)
    return lambda tx: incidents.remember_alerts(tx, incident_id, Source.DEFENDER, [alert])


def message(text: str) -> Callable[[Tx], None]:
    return lambda tx: incidents.remember_message(tx, ONE, "bob", text, NOW)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path) as store:
        await store.write(CONTOSO, begin())
        yield store


# --- recording -----------------------------------------------------------------------------------


async def test_an_incident_comes_back_as_it_was_recorded(store: Store) -> None:
    assert await store.read(CONTOSO, lambda tx: incidents.load(tx, ONE)) == an_incident()


async def test_the_latest_event_decides_what_an_incident_is(store: Store) -> None:
    await store.write(CONTOSO, go_on(ONE, "second", status=Status.WAITING))

    incident = await store.read(CONTOSO, lambda tx: incidents.load(tx, ONE))
    assert incident
    assert incident.status is Status.WAITING


async def test_an_incident_that_is_not_there_is_none(store: Store) -> None:
    assert await store.read(CONTOSO, lambda tx: incidents.load(tx, "other")) is None


async def test_an_event_that_came_before_is_answered_as_it_was(store: Store) -> None:
    answer = await store.read(CONTOSO, lambda tx: incidents.seen(tx, "begin:1"))

    assert answer == StoredAnswer(ONE, '{"answer":"accepted"}')
    assert await store.read(CONTOSO, lambda tx: incidents.seen(tx, "begin:2")) is None


async def test_one_look_brings_the_incident_and_what_its_event_was_answered(store: Store) -> None:
    def look(tx: Tx) -> object:
        return [
            incidents.load_for(tx, *it) for it in ((ONE, "begin:1"), (ONE, "2"), ("other", "2"))
        ]

    known = StoredAnswer(ONE, '{"answer":"accepted"}')
    assert await store.read(CONTOSO, look) == [(an_incident(), known), (an_incident(), None), None]


async def test_the_answer_to_another_customers_event_is_not_looked_up(store: Store) -> None:
    await store.write(FABRIKAM, begin())
    await store.write(FABRIKAM, go_on(f"{FABRIKAM}-incident-1", "theirs"))

    found = await store.read(CONTOSO, lambda tx: incidents.load_for(tx, ONE, "theirs"))
    assert found == (an_incident(), None)


async def test_one_key_is_one_event(store: Store) -> None:
    await store.write(CONTOSO, go_on(ONE, "click:1"))

    with pytest.raises(IntegrityError):
        await store.write(CONTOSO, go_on(ONE, "click:1", status=Status.RESOLVED))

    incident = await store.read(CONTOSO, lambda tx: incidents.load(tx, ONE))
    assert incident == an_incident()


async def test_customers_may_use_the_same_key(store: Store) -> None:
    await store.write(FABRIKAM, begin())

    answer = await store.read(FABRIKAM, lambda tx: incidents.seen(tx, "begin:1"))
    assert answer == StoredAnswer(f"{FABRIKAM}-incident-1", '{"answer":"accepted"}')


async def test_an_incident_somebody_else_has_changed_is_not_overwritten(store: Store) -> None:
    def late(tx: Tx) -> None:
        incident = incidents.load(tx, ONE)
        assert incident
        tx.session.execute(update(IncidentRow).values(version=7))
        record(tx, incident, "late")

    with pytest.raises(OvertakenError):
        await store.write(CONTOSO, late)


async def test_two_events_may_be_recorded_in_one_transaction(store: Store) -> None:
    def both(tx: Tx) -> None:
        go_on(ONE, "a")(tx)
        go_on(ONE, "b")(tx)

    await store.write(CONTOSO, both)

    assert [e.key for e in await history(store)] == ["begin:1", "a", "b"]
    assert await store.read(CONTOSO, lambda tx: incidents.verify(tx, ONE)) is None


async def test_incidents_are_numbered_one_after_another_for_each_customer(store: Store) -> None:
    numbers = [await store.write(CONTOSO, incidents.next_number) for _ in range(3)]

    assert numbers == [1, 2, 3]
    assert await store.write(FABRIKAM, incidents.next_number) == 1


async def test_a_number_that_was_not_used_is_not_skipped(store: Store) -> None:
    def give_up(tx: Tx) -> None:
        incidents.next_number(tx)
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        await store.write(CONTOSO, give_up)

    assert await store.write(CONTOSO, incidents.next_number) == 1


# --- finding -------------------------------------------------------------------------------------


async def test_an_incident_is_found_by_every_id_its_sources_give_it(store: Store) -> None:
    def add(tx: Tx) -> list[bool]:
        return [
            incidents.add_ref(tx, ONE, Source.DEFENDER, "29"),
            incidents.add_ref(tx, ONE, Source.SENTINEL, "abc"),
            incidents.add_ref(tx, ONE, Source.SENTINEL, "abc"),
        ]

    assert await store.write(CONTOSO, add) == [True, True, True]
    assert await store.read(
        CONTOSO,
        lambda tx: [
            incidents.find_by_ref(tx, Source.DEFENDER, "29"),
            incidents.find_by_ref(tx, Source.SENTINEL, "abc"),
            incidents.find_by_ref(tx, Source.NATIVE, "29"),
        ],
    ) == [ONE, ONE, None]


async def test_a_sources_id_leads_to_one_incident(store: Store) -> None:
    await store.write(CONTOSO, begin(2))
    await store.write(CONTOSO, lambda tx: incidents.add_ref(tx, ONE, Source.DEFENDER, "29"))

    other = f"{CONTOSO}-incident-2"
    assert not await store.write(
        CONTOSO, lambda tx: incidents.add_ref(tx, other, Source.DEFENDER, "29")
    )


async def related(store: Store, *keys: str, minutes: int = 60) -> str | None:
    since = NOW - timedelta(minutes=minutes)
    return await store.read(CONTOSO, lambda tx: incidents.find_related(tx, keys, since))


async def test_incidents_that_share_a_strong_key_are_related(store: Store) -> None:
    await store.write(CONTOSO, keys(ONE, "oid:1", "sha:2"))

    assert await related(store, "sha:2", "sha:3") == ONE
    assert await related(store, "sha:3") is None
    assert await related(store) is None


async def test_what_was_seen_too_long_ago_is_not_related(store: Store) -> None:
    await store.write(CONTOSO, keys(ONE, "sha:2", at=NOW - timedelta(hours=2)))
    assert await related(store, "sha:2") is None

    await store.write(CONTOSO, keys(ONE, "sha:2"))
    assert await related(store, "sha:2") == ONE


async def test_an_incident_that_is_over_is_not_related(store: Store) -> None:
    await store.write(CONTOSO, keys(ONE, "sha:2"))
    await store.write(CONTOSO, go_on(ONE, "over", status=Status.RESOLVED))

    assert await related(store, "sha:2") is None


async def test_the_newest_of_related_incidents_is_found(store: Store) -> None:
    await store.write(CONTOSO, begin(2, received=NOW + timedelta(minutes=1)))
    for number in (2, 1):
        await store.write(CONTOSO, keys(f"{CONTOSO}-incident-{number}", "sha:2"))

    assert await related(store, "sha:2") == f"{CONTOSO}-incident-2"


async def test_a_person_is_at_risk_as_long_as_another_incident_makes_them_suspect(
    store: Store,
) -> None:
    await store.write(CONTOSO, begin(2))
    await store.write(CONTOSO, keys(ONE, "oid:ann"))
    two = f"{CONTOSO}-incident-2"
    await store.write(CONTOSO, keys(two, "oid:bob"))
    await store.write(CONTOSO, lambda tx: incidents.suspect(tx, two, ["BOB"], [], NOW))

    everybody = ["ann", "bob"]
    assert await store.read(CONTOSO, lambda tx: incidents.at_risk(tx, everybody, ONE)) == {"bob"}
    assert await store.read(CONTOSO, lambda tx: incidents.at_risk(tx, everybody, two)) == set()
    assert await store.read(CONTOSO, lambda tx: incidents.at_risk(tx, [], None)) == set()
    assert await store.read(CONTOSO, lambda tx: incidents.suspecting(tx, "Bob")) == [two]

    await store.write(CONTOSO, lambda tx: incidents.suspect(tx, two, [], ["BOB"], NOW))
    assert await store.read(CONTOSO, lambda tx: incidents.at_risk(tx, everybody, ONE)) == set()


async def test_the_open_incidents_about_a_person_are_found_but_for_one(store: Store) -> None:
    await store.write(CONTOSO, begin(2))
    await store.write(CONTOSO, begin(3, status=Status.RESOLVED))
    two, three = (f"{CONTOSO}-incident-{n}" for n in (2, 3))
    for incident in (ONE, two, three):
        await store.write(CONTOSO, keys(incident, "oid:bob"))
    await store.write(CONTOSO, keys(two, incidents.asked_key("ines")))
    await store.write(CONTOSO, keys(ONE, incidents.tasked_key("ines")))

    assert await store.read(CONTOSO, lambda tx: incidents.open_about(tx, "INES")) == [ONE, two]
    assert await store.read(CONTOSO, lambda tx: incidents.open_about(tx, "BOB", ONE)) == [two]
    assert await store.read(CONTOSO, lambda tx: incidents.open_about(tx, "bob")) == [ONE, two]


# --- alerts and messages -------------------------------------------------------------------------


async def test_alerts_are_kept_whole_and_once(store: Store) -> None:
    for _ in range(2):
        await store.write(CONTOSO, alerts(ONE))

    assert await store.read(CONTOSO, lambda tx: incidents.alerts(tx, ONE)) == [filled(Alert)]


async def test_an_alert_follows_the_incident_it_was_moved_to(store: Store) -> None:
    await store.write(CONTOSO, begin(2))
    two = f"{CONTOSO}-incident-2"
    for id_ in (ONE, two):
        await store.write(CONTOSO, alerts(id_))

    assert await store.read(CONTOSO, lambda tx: incidents.alerts(tx, ONE)) == []
    assert len(await store.read(CONTOSO, lambda tx: incidents.alerts(tx, two))) == 1


async def test_what_people_wrote_is_kept_beside_the_state(store: Store) -> None:
    for text in ("I did not do it.", "Or did I?"):
        await store.write(CONTOSO, message(text))

    messages = await store.read(CONTOSO, lambda tx: incidents.messages(tx, ONE))
    assert [(m.author, m.text, m.at) for m in messages] == [
        ("bob", "I did not do it.", NOW),
        ("bob", "Or did I?", NOW),
    ]


# --- the log -------------------------------------------------------------------------------------


async def history(store: Store) -> list[incidents.StoredEvent]:
    return await store.read(CONTOSO, lambda tx: incidents.history(tx, ONE))


async def verified(store: Store, stream: str = ONE) -> chain.Broken | None:
    return await store.read(CONTOSO, lambda tx: incidents.verify(tx, stream))


async def test_the_log_tells_everything_that_was_decided_from(store: Store) -> None:
    answered = Answered("question-1", "bob", "opened")

    def unit(tx: Tx) -> None:
        incident = incidents.load(tx, ONE)
        assert incident
        record(tx, incident, "click:1", answered, ordered=[a_say("thanks")])

    await store.write(CONTOSO, unit)

    first, second = await history(store)
    assert (first.seq, first.event) == (1, Woke("question:1"))
    assert (second.seq, second.event, second.actor, second.at) == (2, answered, "bob", NOW)
    assert (second.profile_version, second.provider_version, second.rules) == (1, 1, "rules-1")
    assert second.effect_keys == ("thanks",)
    assert [reason.rule for reason in second.reasons] == ["prior.malware_ran"]


async def test_a_whole_log_is_found_whole(store: Store) -> None:
    await store.write(CONTOSO, go_on(ONE, "second"))

    assert await verified(store) is None


async def tamper(store: Store, **values: object) -> None:
    """As somebody with the database file could."""
    await store.write_across(
        lambda tx: tx.session.execute(
            update(EventRow).where(col(EventRow.seq) == 2).values(**values)
        )
    )


@pytest.mark.parametrize(
    "values",
    [
        {"payload": '{"question":"question-1","by":"bob","choice":"not_me","kind":"answered"}'},
        {"payload": None},
        {"actor": "mallory"},
        {"answer": '{"answer":"refused"}'},
        {"reasons": "[]"},
        {"facts": "{}"},
        {"salt": None},
        {"at": NOW - timedelta(hours=1)},
        {"key": "other"},
        {"kind": "answered"},
        {"rules": "rules-2"},
        {"profile_version": 9},
        {"effect_keys": '["other"]'},
        {"payload_hash": "0"},
        {"hash": "0"},
    ],
    ids=lambda values: next(iter(values)),
)
async def test_a_changed_event_shows(store: Store, values: dict[str, object]) -> None:
    for number in (2, 3):
        await store.write(CONTOSO, go_on(ONE, f"event-{number}"))

    await tamper(store, **values)

    broken = await verified(store)
    assert broken
    assert broken.seq == 2


async def test_keys_put_into_an_erased_event_show(store: Store) -> None:
    await store.write(CONTOSO, go_on(ONE, "second"))
    await store.write(CONTOSO, lambda tx: incidents.erase(tx, ONE))
    assert await verified(store) is None

    await tamper(store, effect_keys='["other"]')

    broken = await verified(store)
    assert broken
    assert broken.seq == 2


FORMERLY = {
    "customer_id": "contoso",
    "stream": "desk:contoso",
    "seq": 1,
    "key": "k",
    "kind": "installed",
    "at": datetime(2026, 11, 24, 9, 2, tzinfo=UTC),
    "effect_keys": '["say:person:bob"]',
    "payload": '{"team": "19:x"}',
    "facts": None,
    "actor": "bob",
    "answer": None,
    "reasons": None,
    "salt": "00ff00ff00ff00ff00ff00ff00ff00ff",
    "prev_hash": "",
    "payload_hash": "e57933f610010fac70aa214489c176934f4e18f47d041efaa5a542082a0cf569",
    "hash": "1bada6da80b5ce6a3fc7e83d272315de8d1442cb2c863d7cfa83568fa418c027",
}
"""An event as it was chained before the keys of effects were salted."""


def test_a_log_of_before_verifies_and_what_is_added_to_it_too() -> None:
    added = chain.sealed(FORMERLY | {"seq": 2, "key": "l"}, str(FORMERLY["hash"]))

    assert chain.broken([FORMERLY, added], (2, added["hash"])) is None
    assert chain.broken([FORMERLY | {"effect_keys": "[]"}], None) is not None


@pytest.mark.parametrize(("seq", "shows_at"), [(1, 1), (2, 2), (3, 4)])
async def test_a_removed_event_shows(store: Store, seq: int, shows_at: int) -> None:
    for number in (2, 3):
        await store.write(CONTOSO, go_on(ONE, f"event-{number}"))

    await store.write_across(
        lambda tx: tx.session.execute(
            EventRow.__table__.delete().where(col(EventRow.seq) == seq)  # type: ignore[attr-defined]
        )
    )

    broken = await verified(store)
    assert broken
    assert broken.seq == (3 if seq == 3 else shows_at)


async def test_erased_words_leave_a_log_that_can_be_verified(store: Store) -> None:
    await store.write(CONTOSO, go_on(ONE, "second"))
    await store.write(CONTOSO, lambda tx: incidents.erase(tx, ONE))

    assert await verified(store) is None
    first, _ = await history(store)
    assert (first.event, first.actor, first.answer) == (Erased("woke"), None, None)

    await store.write(CONTOSO, go_on(ONE, "third"))
    assert await verified(store) is None


async def test_words_put_back_after_erasure_show(store: Store) -> None:
    await store.write(CONTOSO, go_on(ONE, "second"))
    await store.write(CONTOSO, lambda tx: incidents.erase(tx, ONE))

    await tamper(store, payload='{"name":"question:1","kind":"woke"}')

    assert await verified(store)


async def test_the_log_of_one_stream_says_nothing_of_another(store: Store) -> None:
    await store.write(CONTOSO, begin(2))
    await tamper(store, hash="0")

    assert await verified(store, f"{CONTOSO}-incident-2") is None
    assert await verified(store, "of nobody") is None


# --- the desk ------------------------------------------------------------------------------------


async def note(store: Store, key: str) -> bool:
    return await store.write(
        CONTOSO,
        lambda tx: incidents.record_desk(
            tx, key=key, kind="installed", payload={"team": "ü"}, at=NOW, actor=None
        ),
    )


async def test_what_belongs_to_no_incident_is_recorded_at_the_desk_once(store: Store) -> None:
    assert [await note(store, key) for key in ("a", "b", "a")] == [True, True, False]

    desk = incidents.desk(CONTOSO)
    assert await verified(store, desk) is None
    await tamper(store, payload="{}")
    assert await verified(store, desk)


async def test_a_transaction_knows_the_heads_of_what_it_loaded(store: Store) -> None:
    def heads(tx: Tx) -> dict[str, Head]:
        incidents.load(tx, ONE)
        return tx.heads

    assert (await store.read(CONTOSO, heads))[ONE].version == 1


async def test_alerts_of_another_customer_are_apart(store: Store) -> None:
    await store.write(FABRIKAM, begin())
    for customer in (CONTOSO, FABRIKAM):
        await store.write(customer, alerts(f"{customer}-incident-1"))

    rows = await store.read_across(lambda tx: tx.session.query(AlertRow).count())
    assert rows == 2
