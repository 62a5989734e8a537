"""Vouch's own hands turned against the customer: done twice, after all, unasked, on the wrong thing."""

from pathlib import Path

from bot.demo import PROFILES
from bot.setup import add_profile
from tests.story.activity import click
from tests.story.graph_incident import malware_ran, unfamiliar_sign_in, user
from tests.story.house import House, Seen, house, swap
from triage.actions import ActionKind
from triage.incident import ActionState, ResponseAction

CONTOSO = (PROFILES / "contoso.toml").read_text(encoding="utf-8")
NO_REACH = {
    "contoso": swap("[[assets]]", '[[assets]]\nname = "LAPTOP-7"\nprotected = true\n\n[[assets]]')
}
CARLA_BREAKS_GLASS = {
    "contoso": swap(
        'upn = "carla@contoso.example"\nvip = true',
        'upn = "carla@contoso.example"\nbreak_glass = true',
    )
}


async def asked_to_isolate(h: House) -> Seen:
    await h.report(malware_ran())
    await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.opened")
    await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q2.enabled_content")
    return await h.approval()


async def isolation(h: House) -> ResponseAction:
    incident = await h.incident("4711")
    return next(a for a in incident.actions if a.kind is ActionKind.ISOLATE_DEVICE)


async def times_done(h: House) -> int:
    isolate = (await isolation(h)).id
    log = [e.event for e in await h.history("4711") if e.event.kind == "action_done"]
    return sum(getattr(event, "action", "") == isolate for event in log)


async def test_nothing_is_isolated_on_bob_s_word_alone(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.opened")
        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q2.enabled_content")
        await h.later(minutes=12)

        assert (await isolation(h)).state is ActionState.PROPOSED


async def test_approved_ten_times_it_is_done_once(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        approval = await asked_to_isolate(h)
        for _ in range(10):
            pressed = await click(h, "Jon Park", approval, approval.data("approve.p1"))
            await h.send(pressed)
        await h.settle()

        assert await times_done(h) == 1


async def test_a_protected_machine_is_not_isolated_by_silence(tmp_path: Path) -> None:
    async with house(tmp_path, NO_REACH) as h:
        await asked_to_isolate(h)

        await h.later(hours=2)

        assert await times_done(h) == 0


async def test_a_break_glass_account_is_no_automation_s_to_touch(tmp_path: Path) -> None:
    """A forged alert would lock everybody out by the last key there is."""
    async with house(tmp_path, CARLA_BREAKS_GLASS) as h:
        await h.report(unfamiliar_sign_in())
        await h.press("Mia Lindqvist", await h.soc(), "record_call.q1.not_mine")
        await h.later(hours=2)

        hers = [a for a in (await h.incident("4713")).actions if a.target.label == "Carla Duarte"]
        assert hers
        assert {a.state for a in hers} == {ActionState.PROPOSED}


async def test_what_the_customer_took_back_between_order_and_call_is_not_done(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, {"contoso": swap("minutes = 13", "minutes = 2")}) as h:
        status, _ = await h.post(unfamiliar_sign_in())
        assert status == 201
        never = CONTOSO.replace(
            'action = "revoke_sessions"\nconsent = "authorize"',
            'action = "revoke_sessions"\nconsent = "collaborate"',
        )
        assert never != CONTOSO
        await add_profile(h.vouch.store, never, "taken back")
        await h.settle()

        revoke = next(
            a for a in (await h.incident("4713")).actions if a.kind is ActionKind.REVOKE_SESSIONS
        )
        assert revoke.state is ActionState.REFUSED
        h.accepts_trouble = True


async def test_a_machine_named_like_another_is_not_acted_on_by_its_name(tmp_path: Path) -> None:
    """Evidence without the id the API takes names nothing that could be isolated."""
    async with house(tmp_path) as h:
        body = malware_ran()
        del body["alerts"][0]["evidence"][1]["mdeDeviceId"]
        await h.report(body)
        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.opened")

        kinds = {a.kind for a in (await h.incident("4711")).actions}
        assert ActionKind.ISOLATE_DEVICE not in kinds


async def test_a_hundred_machines_in_one_incident_are_not_all_cut_off(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        body = malware_ran()
        first = body["alerts"][0]["evidence"]
        first += [
            first[1] | {"deviceDnsName": f"pc-{n}.contoso.example", "mdeDeviceId": f"{n:040x}"}
            for n in range(100)
        ]
        first.append(user(None, "somebody@contoso.example"))
        await h.report(body)
        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.opened")

        touched = [
            a for a in (await h.incident("4711")).actions if a.kind is ActionKind.ISOLATE_DEVICE
        ]
        assert 0 < len(touched) <= 5
