"""The change of shifts, as rows: who hands over what, and what comes after."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from bot import gathering, rota
from bot.clock import ManualClock
from bot.conductor import Conductor
from bot.demo import PROFILES
from bot.gathering import ProviderDesk
from bot.inbound import Actor, Clicked, Place, ShowCard
from bot.orders import Orders
from bot.performing import Performer
from bot.setup import add_profile
from bot.shifts import Shifts, shown_first
from cards import confirm
from cards.clicks import Click
from cards.wording import Reader
from dialogs.commands import HandOver
from dialogs.messenger import Channel
from paging.pager import NoPager
from sources.writing import RehearsedWriter
from storage import across
from storage.across import Handle
from storage.codec import effect_from_json
from storage.engine import Store, Tx
from storage.tables import CustomerRow, EffectRow, IncidentRow
from tests.bot.test_faults import Blind, BrokenHand
from tests.dialogs.pinboard import Pinboard
from tests.storage.records import CONTOSO, begin, opened
from triage.assigning import HANDOVER
from triage.customer import Analyst, Provider
from triage.effects import ChangeShift, PostHandover, Wake
from triage.incident import Assignment, Seeking, Status, Why
from triage.phrases import Moment, phrase
from triage.views import Button

T = TypeVar("T")

MIDNIGHT = datetime(2026, 12, 1, tzinfo=UTC)
"""Mia's shift in London is over, and Sam's in Denver runs."""
DUE = ChangeShift("change_shift:a", MIDNIGHT)
GONE = update(CustomerRow).values(current=False)


async def provider_of(store: Store) -> Provider:
    for profile in ("contoso", "nordwall"):
        await add_profile(store, (PROFILES / f"{profile}.toml").read_text("utf-8"), profile)
    known = await store.read_across(across.provider)
    assert known is not None
    return known


def given_to(analyst: Analyst) -> Assignment:
    return Assignment(
        to=analyst.object_id,
        to_name=analyst.name,
        at=MIDNIGHT - timedelta(hours=5),
        why=Why.LEAST,
        open_cases=0,
        until=MIDNIGHT - timedelta(hours=4),
        take_by=None,
    )


async def carry_out(store: Store, provider: Provider, due: ChangeShift) -> None:
    """With what is ordered for each who leaves."""
    before = await waiting(store, provider.id, ChangeShift)
    await _change(store, provider, due)
    for each in await waiting(store, provider.id, ChangeShift):
        if each not in before and each.at == MIDNIGHT:
            await _change(store, provider, each)


async def _change(store: Store, provider: Provider, due: ChangeShift) -> None:
    await store.write_both(
        provider.id, lambda tx, shared: rota.change(tx, shared, provider, due, MIDNIGHT)
    )


async def waiting(store: Store, customer: str, kind: type[T]) -> list[T]:
    """The effects of this kind that wait, oldest first."""

    def read(tx: Tx) -> list[Any]:
        rows = tx.session.scalars(select(EffectRow).order_by(col(EffectRow.id)))
        return [effect_from_json(row.payload) for row in rows if row.kind != "show"]

    return [e for e in await store.read(customer, read) if isinstance(e, kind)]


async def test_what_is_open_of_whoever_is_off_duty_is_handed_over_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        provider = await provider_of(store)
        mia, sam = provider.analysts
        mias = given_to(mia)
        for number in (1, 2):
            await store.write(CONTOSO, begin(number, assignment=mias))
        await store.write(CONTOSO, begin(3, owner=sam.object_id))
        await store.write(CONTOSO, begin(4, owner=mia.object_id, status=Status.RESOLVED))

        await carry_out(store, provider, DUE)

        [card] = await waiting(store, provider.id, PostHandover)
        assert (card.analyst, card.name) == (mia.object_id, "Mia Lindqvist")
        assert [(h.incident, h.to) for h in card.cases] == [
            ("contoso-incident-1", sam.object_id),
            ("contoso-incident-2", sam.object_id),
        ]
        wakes = await waiting(store, CONTOSO, Wake)
        assert [w.name for w in wakes] == [f"handover:{mia.object_id}:{sam.object_id}"] * 2


async def test_a_change_orders_the_next_one(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        provider = await provider_of(store)

        await carry_out(store, provider, DUE)

        morning = MIDNIGHT + timedelta(hours=8)
        assert morning in [c.at for c in await waiting(store, provider.id, ChangeShift)]


async def test_whoever_left_the_roster_hands_over_too(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        provider = await provider_of(store)
        gone = Analyst(object_id="gone", name="Gone", upn="gone@nordwall.example")
        await store.write(CONTOSO, begin(1, owner="gone", owner_name=gone.name))

        await carry_out(store, provider, DUE)

        [card] = await waiting(store, provider.id, PostHandover)
        assert card.name == gone.name


async def test_more_than_fits_into_one_handover_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rota, "MOST_HANDED", 2)
    async with opened(tmp_path) as store:
        provider = await provider_of(store)
        mia = provider.analysts[0]
        for number in (1, 2, 3):
            await store.write(CONTOSO, begin(number, assignment=given_to(mia)))

        await carry_out(store, provider, DUE)

        [card] = await waiting(store, provider.id, PostHandover)
        assert len(card.cases) == 2
        again = [c for c in await waiting(store, provider.id, ChangeShift) if c.at > MIDNIGHT]
        again = [c for c in again if c.leaving]
        assert [(c.leaving, c.at) for c in again] == [(mia.object_id, MIDNIGHT + rota.AGAIN)]

        await carry_out(store, provider, again[0])
        cards = await waiting(store, provider.id, PostHandover)
        assert [len(each.cases) for each in cards] == [2, 1], "each case stands on one card"


async def test_whoever_leaves_is_shown_what_fits_to_whom_it_goes_and_how_many_follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rota, "MOST_HANDED", 2)
    async with opened(tmp_path) as store:
        provider = await provider_of(store)
        mia, sam = provider.analysts
        await store.write(CONTOSO, begin(1, owner=mia.object_id))
        await store.write(CONTOSO, begin(2, owner=mia.object_id.upper()))
        await store.write(CONTOSO, begin(3, owner=mia.object_id))

        gives = await store.read_across(
            lambda tx: rota.leaving(tx, provider, mia.object_id, None, MIDNIGHT)
        )

        count, to_sam, rest = shown_first(gives, provider).says
        assert count == phrase("confirm.leave", count=3)
        assert to_sam == phrase("confirm.leave_to", analyst=sam.name, cases="CONTOSO-1, CONTOSO-2")
        assert rest == phrase("confirm.leave_more", count=1)


async def test_what_changes_hands_already_stands_on_no_second_card(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        provider = await provider_of(store)
        mia = provider.analysts[0]
        await store.write(CONTOSO, begin(1, owner=mia.object_id))

        await carry_out(
            store, provider, replace(DUE, key="change_shift:off", leaving=mia.object_id)
        )
        await carry_out(store, provider, DUE)

        assert len(await waiting(store, provider.id, PostHandover)) == 1


async def test_whoever_is_on_duty_hands_nothing_over(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        provider = await provider_of(store)
        sam = provider.analysts[1]
        await store.write(CONTOSO, begin(1, owner=sam.object_id))

        await carry_out(store, provider, replace(DUE, leaving=sam.object_id))

        assert await waiting(store, provider.id, PostHandover) == []


async def test_a_customer_who_is_gone_has_no_case_to_hand_over(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        provider = await provider_of(store)
        mia = provider.analysts[0]
        await store.write(CONTOSO, begin(1, owner=mia.object_id))
        await store.write(CONTOSO, begin(2, assignment=Seeking(since=MIDNIGHT, nobody=True)))
        await store.write(CONTOSO, lambda tx: tx.session.run(GONE, {}))

        await carry_out(store, provider, DUE)

        assert await waiting(store, provider.id, PostHandover) == []
        assert await waiting(store, CONTOSO, Wake) == []
        assert await store.read_across(lambda tx: across.open_cases(tx, [mia.object_id])) == {}


async def test_at_every_change_what_nobody_has_looks_for_somebody(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        provider = await provider_of(store)
        await store.write(CONTOSO, begin(1))
        await store.write(CONTOSO, begin(2, assignment=Seeking(since=MIDNIGHT, nobody=True)))

        await carry_out(store, provider, DUE)

        [wake] = await waiting(store, CONTOSO, Wake)
        assert wake.key.startswith("contoso-incident-2:assign:")


async def test_with_nobody_on_duty_only_what_somebody_refused_looks_so_that_they_may_get_it_again(
    tmp_path: Path,
) -> None:
    seeks = Seeking(since=MIDNIGHT, nobody=True)
    async with opened(tmp_path) as store:
        provider = await provider_of(store)
        await store.write(CONTOSO, begin(1, assignment=seeks))
        await store.write(CONTOSO, begin(2, assignment=replace(seeks, passed=("oid-mia",))))
        await store.write(CONTOSO, begin(3, assignment=seeks, escalated_by=("oid-mia",)))

        await carry_out(store, replace(provider, analysts=()), DUE)

        wakes = await waiting(store, CONTOSO, Wake)
        assert [w.key.partition(":")[0] for w in wakes] == [
            "contoso-incident-2",
            "contoso-incident-3",
        ]


async def test_a_new_roster_changes_hands_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        provider = await provider_of(store)
        assert all(c.leaving is None for c in await waiting(store, provider.id, ChangeShift))
        first = await waiting(store, provider.id, ChangeShift)

        text = (PROFILES / "nordwall.toml").read_text("utf-8")
        await add_profile(store, text.replace("Sam Okafor", "Samuel Okafor"), "nordwall")

        changes = [c for c in await waiting(store, provider.id, ChangeShift) if c not in first]
        assert "change_shift:v2" in [c.key for c in changes]


async def test_a_name_that_is_out_of_reach_stands_on_no_card(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        provider = await provider_of(store)
        mia, sam = provider.analysts
        await store.write(CONTOSO, begin(1, assignment=given_to(mia)))
        gone = ChangeShift("change_shift:b", MIDNIGHT, leaving=mia.object_id, to="somebody else")

        await carry_out(store, provider, gone)

        [card] = await waiting(store, provider.id, PostHandover)
        assert [h.to for h in card.cases] == [sam.object_id]


async def test_whoever_was_given_a_case_and_left_the_roster_has_a_name(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        provider = await provider_of(store)
        gone = Analyst(object_id="gone", name="Gone", upn="gone@nordwall.example")
        await store.write(CONTOSO, begin(1, assignment=given_to(gone)))

        await carry_out(store, provider, DUE)

        [card] = await waiting(store, provider.id, PostHandover)
        assert card.name == gone.name


# --- what somebody leaves, and what was shown of it ----------------------------------------------


def conducting(store: Store, provider: Provider, board: Pinboard | None = None) -> Conductor:
    """With a board, the app is installed."""
    channel = Channel(provider.tenant_id, "19:soc@thread.tacv2", "https://smba.example/emea/")
    desk = ProviderDesk(provider, channel if board is not None else None)
    performer = Performer(board or Pinboard(), BrokenHand(), RehearsedWriter(), NoPager(), Blind())
    lease = timedelta(seconds=60)
    return Conductor(store, ManualClock(MIDNIGHT), desk, performer, owner="one", lease=lease)


def shifts_of(store: Store, provider: Provider) -> Shifts:
    desk = ProviderDesk(provider)
    return Shifts(store, ManualClock(MIDNIGHT), desk, conducting(store, provider))


async def test_what_came_to_whoever_leaves_after_it_was_shown_is_not_given_away(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as store:
        provider = await provider_of(store)
        sam, shifts = provider.analysts[1], shifts_of(store, provider)
        await store.write(CONTOSO, begin(1, owner=sam.object_id))
        gives = await shifts.leaving(sam, HandOver())
        assert isinstance(gives, rota.Leaving)
        await store.write(CONTOSO, begin(2, owner=sam.object_id))

        assert await shifts.leave(sam, gives, "confirmed:1") is None
        assert await waiting(store, provider.id, PostHandover) == []
        assert not await shifts.has_left("confirmed:1")

        gives = await shifts.leaving(sam, HandOver())
        assert isinstance(gives, rota.Leaving)
        assert await shifts.leave(sam, gives, "confirmed:2") == phrase("duty.left", count=2)


@pytest.mark.parametrize("before", [0, 1])
async def test_what_comes_to_whoever_leaves_at_that_moment_is_handed_over_at_once(
    tmp_path: Path, before: int
) -> None:
    async with opened(tmp_path) as store:
        provider = await provider_of(store)
        sam, shifts = provider.analysts[1], shifts_of(store, provider)
        for number in range(before):
            await store.write(CONTOSO, begin(number + 1, owner=sam.object_id))
        gives = await shifts.leaving(sam, HandOver())
        assert isinstance(gives, rota.Leaving)
        await shifts.leave(sam, gives, "confirmed:1")
        await store.write(CONTOSO, begin(9, owner=sam.object_id))

        again = [c for c in await waiting(store, provider.id, ChangeShift) if c.leaving]
        assert [c.at for c in again] == [MIDNIGHT + rota.AGAIN]
        await carry_out(store, provider, again[0])

        cards = await waiting(store, provider.id, PostHandover)
        assert [h.incident for h in cards[-1].cases] == ["contoso-incident-9"]


async def test_what_was_done_is_not_said_to_be_cancelled(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        provider = await provider_of(store)
        sam, shifts = provider.analysts[1], shifts_of(store, provider)
        await store.write(CONTOSO, begin(1, owner=sam.object_id))
        gives = await shifts.leaving(sam, HandOver())
        assert isinstance(gives, rota.Leaving)
        await shifts.leave(sam, gives, "confirmed:t")

        desk = ProviderDesk(provider)
        orders = Orders(store, ManualClock(MIDNIGHT), desk, conducting(store, provider))
        place = Place(provider.tenant_id, "19:soc@thread.tacv2", "", personal=False)
        clicked = Clicked(Actor(sam.object_id, "29:sam", sam.name), place, "1", {}, "execute")
        cancel = Click("t", Button.CANCEL, None, None, {})
        of_case = CONTOSO, "contoso-incident-1"
        handle = Handle("t", *of_case, "confirm:a", sam.object_id, None, MIDNIGHT)

        answer = await orders.pressed(clicked, cancel, handle)

        assert isinstance(answer, ShowCard)
        assert "we have this already" in str(answer.card)


async def test_every_case_that_changes_hands_is_named_on_the_card_that_asks(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        provider = await provider_of(store)
        mia = provider.analysts[0]
        names = [f"PREFIX12CHAR-{number}" for number in range(1000, 1000 + rota.MOST_HANDED)]
        for number, name in enumerate(names):
            await store.write(CONTOSO, begin(number, owner=mia.object_id, name=name))
        gives = await store.read_across(
            lambda tx: rota.leaving(tx, provider, mia.object_id, None, MIDNIGHT)
        )

        says = shown_first(gives, provider).says
        card = confirm.render(says, "shift off", "handle", Moment(MIDNIGHT), Reader("en"))

        shown = json.dumps(card)
        assert [name for name in names if name not in shown] == []


# --- the card that nobody sees -------------------------------------------------------------------


async def tried(store: Store, provider: Provider, conductor: Conductor) -> list[Wake]:
    """The card is; what the cases are woken for then."""
    is_card = select(col(EffectRow.id)).where(col(EffectRow.kind) == "post_handover")
    found = await store.read(provider.id, lambda tx: list(tx.session.scalars(is_card)))
    for _ in range(2):
        await conductor.run_effect(provider.id, found[0])
    return [w for w in await waiting(store, CONTOSO, Wake) if w.name.startswith("untold")]


async def test_where_the_app_is_not_installed_the_case_calls_whoever_got_it_once(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as store:
        provider = await provider_of(store)
        mia, sam = provider.analysts
        await store.write(CONTOSO, begin(1, owner=mia.object_id))
        await carry_out(store, provider, DUE)

        [wake] = await tried(store, provider, conducting(store, provider))

        assert wake.name == f"untold:{mia.object_id}:{MIDNIGHT.isoformat()}:{sam.object_id}"
        assert f":{HANDOVER}:" not in wake.key, "that is how a case is known to change hands"


async def test_a_card_that_cannot_be_written_is_no_call_that_nobody_hears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr(gathering, "handover", broken)
    async with opened(tmp_path) as store:
        provider = await provider_of(store)
        mia = provider.analysts[0]
        await store.write(CONTOSO, begin(1, owner=mia.object_id))
        await carry_out(store, provider, DUE)

        assert await tried(store, provider, conducting(store, provider, Pinboard()))


async def test_a_case_that_cannot_be_read_holds_up_no_other(tmp_path: Path) -> None:
    board = Pinboard()
    async with opened(tmp_path) as store:
        provider = await provider_of(store)
        mia = provider.analysts[0]
        for number in (1, 2, 3):
            await store.write(CONTOSO, begin(number, owner=mia.object_id))
        await store.write(CONTOSO, spoilt(1))
        await carry_out(store, provider, DUE)
        [order] = await waiting(store, provider.id, PostHandover)
        await store.write(CONTOSO, spoilt(2))

        assert await tried(store, provider, conducting(store, provider, board)) == []

        assert [h.incident for h in order.cases] == ["contoso-incident-2", "contoso-incident-3"]
        [card] = board.standing.values()
        assert "CONTOSO-3" in str(card)


def spoilt(number: int) -> Callable[[Tx], object]:
    state = update(IncidentRow).where(col(IncidentRow.id) == f"contoso-incident-{number}")
    return lambda tx: tx.session.run(state.values(state='{"state_version":999}'), {})
