"""Effects: ordered once, done in order, by one owner at a time, and never lost."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from storage import across, effects
from storage.engine import Store, Tx
from tests.storage.records import (
    CONTOSO,
    FABRIKAM,
    LEASE,
    ME,
    NOW,
    OTHER,
    SOON,
    a_say,
    a_wake,
    begin,
    claim,
    due,
    finish,
    opened,
    ordered,
    show,
)
from triage.actions import ActionKind, Target, TargetKind
from triage.effects import Contain, Effect, ReadRoster

ONE = f"{CONTOSO}-incident-1"
AFTER_LEASE = NOW + LEASE


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path) as store:
        await store.write(CONTOSO, begin())
        yield store


def a_containment(key: str, device: str) -> Contain:
    target = Target(TargetKind.DEVICE, device, "LAPTOP-7")
    return Contain(key, "action-1", ActionKind.ISOLATE_DEVICE, target)


def claimed(id_: int) -> Callable[[Tx], object]:
    return lambda tx: effects.claim(tx, id_, ME, NOW, LEASE)


def retried(id_: int, at: datetime = NOW, *, counts: bool = True) -> Callable[[Tx], bool]:
    return lambda tx: effects.retry(tx, id_, ME, due=at, error="502", counts_as_attempt=counts)


def blocked(id_: int, waits_for: str) -> Callable[[Tx], bool]:
    return lambda tx: effects.block(tx, id_, ME, waits_for=waits_for, error="403")


def released(waits_for: str) -> Callable[[Tx], list[int]]:
    return lambda tx: effects.release_blocked(tx, waits_for, SOON)


# --- once ----------------------------------------------------------------------------------------


async def test_an_effect_ordered_twice_is_there_once(store: Store) -> None:
    def order(*keys: str) -> Callable[[Tx], None]:
        return lambda tx: effects.order(tx, ONE, [a_wake(key, NOW) for key in keys], NOW)

    await store.write(CONTOSO, order("a", "a", "b"))
    assert len(await due(store)) == 2
    await store.write(CONTOSO, order("b", "c"))
    assert len(await due(store)) == 3


async def test_an_effect_that_was_done_is_not_ordered_again(store: Store) -> None:
    [id_] = await ordered(store, a_say("a"))
    await claim(store, id_)
    await finish(store, id_)

    assert await ordered(store, a_say("a")) == []


async def test_an_effect_comes_back_as_it_was_ordered(store: Store) -> None:
    for wanted in (a_say("a"), a_containment("b", "1"), a_wake("c", NOW), ReadRoster("d", "19:x")):
        ids = await ordered(store, wanted)
        claimed = await claim(store, ids[-1])

        assert claimed
        assert (claimed.effect, claimed.key, claimed.stream) == (wanted, wanted.key, ONE)
        assert (claimed.attempt, claimed.surface) == (1, None)


# --- lanes ---------------------------------------------------------------------------------------


async def test_only_the_head_of_a_lane_can_be_claimed(store: Store) -> None:
    heads = await ordered(store, a_say("a"), a_say("b"))

    assert len(heads) == 1
    assert await claim(store, heads[0] + 1) is None

    first = await claim(store, heads[0])
    assert first
    assert await claim(store, heads[0] + 1) is None

    await finish(store, heads[0])
    second = await claim(store, heads[0] + 1)
    assert second
    assert (first.key, second.key) == ("a", "b")


async def test_what_has_no_order_among_itself_is_done_side_by_side(store: Store) -> None:
    heads = await ordered(
        store,
        a_say("thread"),
        a_say("other thread", "analyst"),
        a_say("person", "person:bob"),
        a_say("other person", "person:ann"),
        a_containment("device", "1"),
        a_containment("other device", "2"),
        a_wake("one", NOW),
        a_wake("two", NOW),
    )

    assert len(heads) == 8


async def test_what_concerns_the_same_is_done_in_order(store: Store) -> None:
    heads = await ordered(
        store,
        a_say("one", "person:bob"),
        a_say("two", "person:bob"),
        a_containment("isolate", "1"),
        a_containment("release", "1"),
    )

    assert len(heads) == 2


async def test_customers_do_not_wait_for_one_another(store: Store) -> None:
    await store.write(FABRIKAM, begin())
    await ordered(store, a_say("a", "person:bob"))
    await ordered(store, a_say("a", "person:bob"), customer=FABRIKAM)

    assert [customer for customer, _ in await due(store)] == [CONTOSO, FABRIKAM]


async def test_a_lane_moves_on_after_a_final_failure(store: Store) -> None:
    [id_] = await ordered(store, a_say("a"), a_say("b"))
    await claim(store, id_)
    await store.write(CONTOSO, lambda tx: effects.fail(tx, id_, ME, "gone", NOW))

    assert await due(store) == [(CONTOSO, id_ + 1)]


async def test_a_lane_waits_for_a_retry(store: Store) -> None:
    [id_] = await ordered(store, a_say("a"), a_say("b"))
    await claim(store, id_)
    await store.write(CONTOSO, retried(id_, SOON))

    assert await due(store) == []
    assert await due(store, SOON) == [(CONTOSO, id_)]


# --- claims --------------------------------------------------------------------------------------


async def test_an_effect_has_one_owner(store: Store) -> None:
    [id_] = await ordered(store, a_say("a"))

    assert await claim(store, id_)
    assert await claim(store, id_, OTHER) is None


async def test_another_customers_effect_cannot_be_claimed(store: Store) -> None:
    [id_] = await ordered(store, a_say("a"))

    assert await store.write(FABRIKAM, lambda tx: effects.claim(tx, id_, ME, NOW, LEASE)) is None


async def test_what_is_not_due_cannot_be_claimed(store: Store) -> None:
    await ordered(store, a_wake("later", SOON))

    assert await claim(store, None) is None
    assert await claim(store, None, now=SOON)


async def test_the_next_effect_is_the_one_that_is_due_longest(store: Store) -> None:
    await ordered(store, a_wake("later", NOW + timedelta(seconds=2)))
    await ordered(store, a_wake("sooner", NOW + timedelta(seconds=1)))

    first = await claim(store, None, now=SOON)
    assert first
    assert first.key == "sooner"


async def test_a_claim_whose_owner_died_can_be_taken_over(store: Store) -> None:
    [id_] = await ordered(store, a_say("a"))
    await claim(store, id_)

    assert await due(store) == []
    assert await due(store, AFTER_LEASE) == [(CONTOSO, id_)]
    taken = await claim(store, id_, OTHER, AFTER_LEASE)
    assert taken
    assert taken.attempt == 2


async def test_who_was_taken_over_is_fenced_out(store: Store) -> None:
    [id_] = await ordered(store, a_say("a"))
    await claim(store, id_)
    await claim(store, id_, OTHER, AFTER_LEASE)

    assert not await finish(store, id_, ME)
    for late in (
        lambda tx: effects.fail(tx, id_, ME, "502", NOW),
        retried(id_),
        blocked(id_, "person:bob"),
    ):
        assert not await store.write(CONTOSO, late)
    assert await finish(store, id_, OTHER)


async def test_an_effect_is_finished_once(store: Store) -> None:
    [id_] = await ordered(store, a_say("a"))
    await claim(store, id_)

    assert [await finish(store, id_), await finish(store, id_)] == [True, False]


async def test_patience_that_was_asked_for_is_no_attempt(store: Store) -> None:
    [id_] = await ordered(store, a_say("a"))
    attempts = []
    for counts in (False, False, True, True):
        claimed = await claim(store, id_)
        assert claimed
        attempts.append(claimed.attempt)
        await store.write(CONTOSO, retried(id_, counts=counts))

    assert attempts == [1, 1, 1, 2]


# --- waiting for an installation -----------------------------------------------------------------


async def test_what_waits_for_an_installation_goes_on_with_its_lane(store: Store) -> None:
    [id_] = await ordered(store, a_say("a", "person:bob"), a_say("b", "person:bob"))
    await claim(store, id_)
    await store.write(CONTOSO, blocked(id_, "person:bob"))

    assert await due(store, SOON) == []
    for nobody in ("person:ann", "team:1"):
        assert await store.write(CONTOSO, released(nobody)) == []
    assert await store.write(CONTOSO, released("person:bob")) == [id_]
    assert await due(store, SOON) == [(CONTOSO, id_)]


async def test_the_providers_installation_releases_every_customers_effects(store: Store) -> None:
    await store.write(FABRIKAM, begin())
    for customer in (CONTOSO, FABRIKAM):
        [*_, id_] = await ordered(store, a_say("a"), customer=customer)
        await store.write(customer, claimed(id_))
        await store.write(customer, blocked(id_, "team:1"))

    assert await due(store) == []
    await store.write_across(lambda tx: across.release_blocked(tx, "team:1", NOW))
    assert len(await due(store)) == 2


# --- shows ---------------------------------------------------------------------------------------


async def test_a_surface_has_one_pending_show(store: Store) -> None:
    for digest in "abc":
        await store.write(CONTOSO, show(ONE, digest))

    [(_, id_)] = await due(store)
    claimed = await claim(store, id_)
    assert claimed
    assert (claimed.kind, claimed.surface, claimed.effect) == (effects.SHOW, "customer", None)
    await finish(store, id_)
    assert await due(store) == []


async def test_a_change_while_a_surface_is_being_shown_is_shown_next(store: Store) -> None:
    await store.write(CONTOSO, show(ONE, "a"))
    [(_, id_)] = await due(store)
    await claim(store, id_)

    for digest in "bc":
        await store.write(CONTOSO, show(ONE, digest))
    await finish(store, id_)

    [(_, following)] = await due(store)
    assert following != id_
    await claim(store, following)
    await finish(store, following)
    assert await due(store) == []


async def test_a_show_is_done_in_the_order_of_its_conversation(store: Store) -> None:
    await store.write(CONTOSO, show(ONE, "a"))
    [root] = await ordered(store, a_say("first words"))

    claimed = await claim(store, root)
    assert claimed
    assert claimed.kind == effects.SHOW


async def test_two_events_in_one_transaction_order_one_show(store: Store) -> None:
    await store.write(CONTOSO, lambda tx: [show(ONE, "a")(tx), show(ONE, "b")(tx)])

    assert len(await due(store)) == 1


async def test_a_show_ordered_after_a_finish_in_the_same_transaction_is_another_one(
    store: Store,
) -> None:
    await store.write(CONTOSO, show(ONE, "a"))
    [(_, id_)] = await due(store)
    await claim(store, id_)
    await store.write(
        CONTOSO,
        lambda tx: [
            show(ONE, "b")(tx),
            effects.finish(tx, id_, ME, "r1", NOW),
            show(ONE, "c")(tx),
        ],
    )

    assert len(await due(store)) == 1


# --- the sweep -----------------------------------------------------------------------------------


async def next_due(store: Store) -> object:
    return await store.read_across(across.next_due)


async def test_the_sweep_knows_when_to_come_again(store: Store) -> None:
    assert await next_due(store) is None

    await ordered(store, a_wake("later", SOON))
    assert await next_due(store) == SOON

    [id_] = await ordered(store, a_say("now"), a_say("behind it"))
    assert await next_due(store) == NOW

    await claim(store, id_)
    assert await next_due(store) == AFTER_LEASE


async def test_what_is_behind_in_its_lane_does_not_wake_the_sweep(store: Store) -> None:
    [id_] = await ordered(store, a_say("a"), a_say("b"))
    await claim(store, id_)
    await store.write(CONTOSO, retried(id_, SOON))

    assert await next_due(store) == SOON


async def test_the_sweep_takes_what_is_due_longest_and_no_more_than_asked(store: Store) -> None:
    for seconds in (3, 1, 2):
        await ordered(store, a_wake(f"{seconds}", NOW + timedelta(seconds=seconds)))

    found = await store.read_across(lambda tx: across.due(tx, SOON, 2))

    assert [it.effect_id for it in found] == [2, 3]


async def test_whoever_is_stuck_is_named_with_its_reason(store: Store) -> None:
    for name in ("failing", "blocking", "waiting", "fine"):
        await ordered(store, a_say(name, f"person:{name}"))
    for id_ in (1, 2, 4):
        await store.write(CONTOSO, claimed(id_))
    await store.write(CONTOSO, lambda tx: effects.fail(tx, 1, ME, "too large", NOW))
    await store.write(CONTOSO, blocked(2, "person:x"))
    await ordered(store, a_say("behind it", "person:blocking"))
    await finish(store, 4)

    found = await store.read_across(lambda tx: across.stuck(tx, NOW + timedelta(hours=1)))

    assert [(s.effect_id, s.status, s.last_error) for s in found] == [
        (1, "failed", "too large"),
        (2, "blocked", "403"),
        (3, "waiting", None),
    ]


async def test_what_is_put_back_is_due_at_once_and_has_its_tries_anew(store: Store) -> None:
    for name in ("failing", "blocking", "fine"):
        await ordered(store, a_say(name, f"person:{name}"))
    for id_ in (1, 2, 3):
        await store.write(CONTOSO, claimed(id_))
    await store.write(CONTOSO, lambda tx: effects.fail(tx, 1, ME, "too large", NOW))
    await store.write(CONTOSO, blocked(2, "person:x"))
    await finish(store, 3)

    put_back = await store.write(CONTOSO, lambda tx: effects.put_back(tx, [1, 2, 3, 4], SOON))

    assert put_back == [1, 2], "what is done stays done"
    assert await store.write(FABRIKAM, lambda tx: effects.put_back(tx, [1], SOON)) == []
    found = await store.read_across(lambda tx: across.due(tx, SOON, 9))
    assert [it.effect_id for it in found] == [1, 2]
    again = await store.write(CONTOSO, lambda tx: effects.claim(tx, 1, ME, SOON, LEASE))
    assert again is not None
    assert again.attempt == 2


async def test_what_has_another_of_its_lane_under_way_is_not_put_back(store: Store) -> None:
    await ordered(store, a_say("failed"), a_say("under way"))
    await store.write(CONTOSO, claimed(1))
    await store.write(CONTOSO, lambda tx: effects.fail(tx, 1, ME, "too large", NOW))
    await store.write(CONTOSO, claimed(2))

    assert await store.write(CONTOSO, lambda tx: effects.put_back(tx, [1], NOW)) == []
    await finish(store, 2)
    assert await store.write(CONTOSO, lambda tx: effects.put_back(tx, [1], NOW)) == [1]


async def test_the_backlog_counts_what_is_not_over(store: Store) -> None:
    await store.write(FABRIKAM, begin())
    for name in ("failing", "blocking", "waiting", "fine"):
        await ordered(store, a_say(name, f"person:{name}"))
    for id_ in (1, 2, 4):
        await store.write(CONTOSO, claimed(id_))
    await store.write(CONTOSO, lambda tx: effects.fail(tx, 1, ME, "too large", NOW))
    await store.write(CONTOSO, blocked(2, "person:x"))
    await ordered(store, a_say("behind it", "person:blocking"), a_wake("w", SOON))
    await finish(store, 4)

    now = NOW + timedelta(minutes=1)
    backlog = await store.read_across(lambda tx: across.backlog(tx, now))
    later = await store.read_across(lambda tx: across.backlog(tx, NOW + timedelta(days=8)))

    assert backlog.effects == {
        ("say", "failed"): 1,
        ("say", "blocked"): 1,
        ("say", "waiting"): 2,
        ("wake", "waiting"): 1,
    }
    assert backlog.oldest_due == NOW
    assert sum(backlog.incidents.values()) == 2
    assert ("say", "failed") not in later.effects, "history"


# --- whose turn it is ----------------------------------------------------------------------------


async def ordered_elsewhere(store: Store) -> None:
    """For another incident, before anything else."""
    await store.write(CONTOSO, begin(2))
    wanted = [a_say("routine", "person:ann")]
    await store.write(CONTOSO, lambda tx: effects.order(tx, f"{CONTOSO}-incident-2", wanted, NOW))


async def turns(store: Store, limit: int = 100) -> list[tuple[str, int]]:
    found = await store.read_across(lambda tx: across.due(tx, NOW, limit))
    return [(it.spoken_to or it.customer_id, it.effect_id) for it in found]


def ordered_as(urgency: effects.Urgency, *wanted: Effect) -> Callable[[Tx], None]:
    return lambda tx: effects.order(tx, ONE, wanted, NOW, urgency=urgency)


async def test_tenants_are_served_in_turn(store: Store) -> None:
    await store.write(FABRIKAM, begin())
    await ordered(store, *(a_say(f"c{n}", f"person:{n}") for n in range(3)))
    await ordered(store, *(a_say(f"f{n}", f"person:{n}") for n in range(2)), customer=FABRIKAM)

    assert [tenant for tenant, _ in await turns(store)] == [
        CONTOSO,
        FABRIKAM,
        CONTOSO,
        FABRIKAM,
        CONTOSO,
    ]


async def test_the_analysts_threads_of_all_customers_are_one_tenants(store: Store) -> None:
    for customer in (CONTOSO, FABRIKAM):
        await store.write(
            customer,
            lambda tx: effects.order(tx, ONE, [a_say("a", "analyst")], NOW, analysts="nordwall"),
        )

    assert [tenant for tenant, _ in await turns(store)] == ["nordwall", "nordwall"]


async def test_no_tenant_fills_what_is_told_of(store: Store) -> None:
    await store.write(FABRIKAM, begin())
    flood = [a_say(f"c{n}", f"person:{n}") for n in range(200)]
    await store.write(CONTOSO, ordered_as(effects.Urgency.PEOPLE, *flood))
    await ordered(store, a_say("f", "person:bob"), customer=FABRIKAM)

    assert FABRIKAM in [tenant for tenant, _ in await turns(store, 20)]


async def test_containment_comes_first_then_people_then_routine(store: Store) -> None:
    await ordered_elsewhere(store)
    await store.write(CONTOSO, ordered_as(effects.Urgency.PEOPLE, a_say("people", "person:bob")))
    await ordered(store, a_containment("isolate", "1"))

    assert [id_ for _, id_ in await turns(store)] == [3, 2, 1]


UPDATE = effects.Show("customer", "thread", 2)
"""A thread that stands has something new to show."""


async def test_an_update_lets_pass_what_is_new(store: Store) -> None:
    await store.write(CONTOSO, lambda tx: effects.order(tx, ONE, [UPDATE], NOW))
    await ordered_elsewhere(store)

    assert [id_ for _, id_ in await turns(store)] == [2, 1]


async def test_an_update_hurries_for_what_is_new_behind_it(store: Store) -> None:
    await store.write(CONTOSO, lambda tx: effects.order(tx, ONE, [UPDATE], NOW))
    await ordered_elsewhere(store)
    approval = effects.Show("approval:a1", "thread", 1)
    await store.write(CONTOSO, lambda tx: effects.order(tx, ONE, [approval], NOW))

    assert [id_ for _, id_ in await turns(store)] == [1, 2]


async def test_what_is_ahead_of_something_urgent_hurries_too(store: Store) -> None:
    await ordered_elsewhere(store)
    await ordered(store, a_say("ahead", "person:bob"))
    await store.write(CONTOSO, ordered_as(effects.Urgency.PEOPLE, a_say("urgent", "person:bob")))

    assert [id_ for _, id_ in await turns(store)] == [2, 1]


async def test_a_pending_show_hurries_for_the_most_urgent_change(store: Store) -> None:
    await ordered_elsewhere(store)
    await store.write(CONTOSO, show(ONE, "a"))
    await store.write(CONTOSO, ordered_as(effects.Urgency.PEOPLE))

    assert [id_ for _, id_ in await turns(store)] == [2, 1]


# --- one conversation created at a time ----------------------------------------------------------


async def opens(store: Store, id_: int, customer: str = CONTOSO) -> bool:
    """Claims it and asks to open what it needs, as the conductor does."""

    def unit(tx: Tx) -> bool:
        assert effects.claim(tx, id_, ME, NOW, LEASE)
        if effects.may_open(tx, id_):
            return True
        effects.unclaim(tx, id_, ME, NOW)
        return False

    return await store.write(customer, unit)


async def test_a_customers_conversations_are_created_one_after_another(store: Store) -> None:
    first, second = await ordered(store, a_say("a", "person:ann"), a_say("b", "person:bob"))

    assert await opens(store, first)
    assert not await opens(store, second)
    assert await due(store) == []
    await finish(store, first)
    assert await due(store) == [(CONTOSO, second)]
    assert await opens(store, second)


async def test_another_customer_opens_at_the_same_time(store: Store) -> None:
    await store.write(FABRIKAM, begin())
    [mine] = await ordered(store, a_say("a", "person:ann"))
    await ordered(store, a_say("a", "person:ann"), customer=FABRIKAM)

    assert await opens(store, mine)
    assert await opens(store, mine + 1, FABRIKAM)


async def test_a_creation_whose_process_died_does_not_hold_the_next_for_ever(store: Store) -> None:
    first, second = await ordered(store, a_say("a", "person:ann"), a_say("b", "person:bob"))
    await opens(store, first)
    assert not await opens(store, second)

    assert await due(store, AFTER_LEASE) == [(CONTOSO, first)]
    assert await next_due(store) == AFTER_LEASE


async def test_who_creates_one_knows_of_those_that_wait_for_it(store: Store) -> None:
    first, second = await ordered(store, a_say("a", "person:ann"), a_say("b", "person:bob"))
    await opens(store, first)
    await opens(store, second)

    asked = await store.read_across(lambda tx: across.due(tx, NOW, 9, in_flight=[first]))
    assert [(it.effect_id, it.opens) for it in asked] == [(second, True)]


async def test_a_thread_s_first_show_is_known_to_create_it(store: Store) -> None:
    shows = [effects.Show(name, name, 1) for name in ("customer", "person:bob")]
    await store.write(CONTOSO, lambda tx: effects.order(tx, ONE, [*shows, UPDATE], NOW))

    asked = await store.read_across(lambda tx: across.due(tx, NOW, 9))
    assert [(it.effect_id, it.opens) for it in asked] == [(1, True), (2, False), (3, False)]


async def test_what_was_put_back_was_never_tried(store: Store) -> None:
    [id_] = await ordered(store, a_say("a"))
    await claim(store, id_)
    await store.write(CONTOSO, lambda tx: effects.unclaim(tx, id_, ME, SOON))

    assert await due(store) == []
    claimed = await claim(store, id_, now=SOON)
    assert claimed
    assert claimed.attempt == 1
