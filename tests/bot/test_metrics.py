"""What monitoring reads: well-formed, in step with what happened, and nobody's name in it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families as parsed
from prometheus_client.samples import Sample

from bot.metrics import Counted, Metrics
from dialogs.messenger import Conversation, GaveUpError, Message, Posted, TryLaterError
from storage import effects
from storage.engine import Tx
from tests.dialogs.pinboard import Pinboard
from tests.story.graph_incident import malware_ran
from tests.story.house import House, house


async def scraped(h: House) -> list[Sample]:
    assert h.vouch.metrics_url
    async with h.control.get(h.vouch.metrics_url) as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        text = await response.text()
    return [sample for family in parsed(text) for sample in family.samples]


def value(samples: list[Sample], name: str, **labels: str) -> float:
    """The sum over every series that carries these labels."""
    return sum(
        sample.value
        for sample in samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


async def test_a_story_is_counted_and_timed(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        before = await scraped(h)
        await h.report(malware_ran())
        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.opened")

        now = await scraped(h)

        def more(name: str, **labels: str) -> float:
            return value(now, name, **labels) - value(before, name, **labels)

        assert more("vouch_request_seconds_count", route="incidents", status="201") == 1
        assert more("vouch_request_seconds_count", route="messages", status="200") == 1
        assert more("vouch_event_commit_seconds_count", urgency="intake") == 1
        assert more("vouch_event_commit_seconds_count", urgency="people") == 1
        assert more("vouch_decision_seconds_count") >= 2
        assert more("vouch_effect_call_seconds_count", kind="show", outcome="done") >= 3
        assert more("vouch_teams_calls_total", verb="open_thread", outcome="ok") == 2
        assert more("vouch_teams_calls_total", verb="update", outcome="ok") >= 1
        assert value(now, "vouch_open_incidents", severity="high") == 1
        assert value(now, "vouch_effects", kind="wake", status="waiting") >= 1
        assert value(now, "vouch_effects", status="failed") == 0
        assert value(now, "vouch_store_queue") == 0
        assert value(now, "process_resident_memory_bytes") > 0


async def test_an_incident_that_is_over_is_not_open(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        opened = value(await scraped(h), "vouch_open_incidents")
        inputs = {"disposition": "falsePositive", "comment": "Our own macro."}
        await h.press("Mia Lindqvist", await h.soc(), "close_as", inputs)

        assert (opened, value(await scraped(h), "vouch_open_incidents")) == (1, 0)


async def test_what_waits_and_what_failed_is_told_with_its_age(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        h.accepts_trouble = True
        status, _ = await h.post(malware_ran())
        assert status == 201
        h.clock.advance(timedelta(seconds=90))

        waiting = await scraped(h)
        assert value(waiting, "vouch_effects_oldest_due_seconds") == pytest.approx(90, abs=5)
        assert value(waiting, "vouch_effects", kind="show", status="waiting") >= 3

        await h.vouch.store.write("contoso", fail_one)
        await h.settle()
        failed = await scraped(h)
        assert value(failed, "vouch_effects", status="failed") == 1
        assert value(failed, "vouch_effects_oldest_due_seconds") == 0


def fail_one(tx: Tx) -> None:
    now = datetime.now(UTC) + timedelta(hours=1)
    claimed = effects.claim(tx, None, "me", now, timedelta(minutes=1))
    assert claimed
    effects.fail(tx, claimed.id, "me", "too large", now)


async def test_nobody_is_named(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())

        labels = {v for sample in await scraped(h) for v in sample.labels.values()}

        told = " ".join(labels).lower()
        for name in ("contoso", "fabrikam", "nordwall", "bob", "4711"):
            assert name not in told


async def test_the_address_teams_knows_has_no_metrics(tmp_path: Path) -> None:
    async with house(tmp_path) as h, h.control.get(f"{h.vouch.url}/metrics") as response:
        assert response.status == 404


async def test_metrics_are_listened_for_on_this_machine_alone(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        assert h.vouch.metrics_url
        assert h.vouch.metrics_url.startswith("http://127.0.0.1:")
        async with h.control.post(h.vouch.metrics_url) as response:
            assert response.status == 405


# --- calls to Teams ---


class Refusing(Pinboard):
    """A Teams that answers every message with the next of these."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__()
        self.errors: Iterator[Exception] = iter(errors)

    async def send(self, chat: Conversation, message: Message) -> Posted:
        raise next(self.errors)


async def test_refusals_are_counted_by_what_they_mean_and_429_by_itself() -> None:
    metrics = Metrics()
    teams = Counted(
        Refusing(
            TryLaterError("429 TooManyRequests", 3.0),
            TryLaterError("503"),
            GaveUpError(GaveUpError.BLOCKED, "403 ConversationBlockedByUser"),
        ),
        metrics,
    )
    chat = Conversation("tenant", "a:1", "https://smba.example/")
    for _ in range(3):
        with pytest.raises((TryLaterError, GaveUpError)):
            await teams.send(chat, Message(text="x"))

    def sent(outcome: str) -> float | None:
        labels = {"verb": "send", "outcome": outcome}
        return metrics.registry.get_sample_value("vouch_teams_calls_total", labels)

    assert (sent("later"), sent("blocked"), sent("ok")) == (2, 1, None)
    assert metrics.registry.get_sample_value("vouch_teams_throttled_total", {"verb": "send"}) == 1


def test_two_houses_in_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.throttled.labels("send").inc()

    assert other.registry.get_sample_value("vouch_teams_throttled_total", {"verb": "send"}) is None


async def test_pages_and_service_levels_are_counted(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.fault(kind="bad_gateway", path="/pagerduty/")
        await h.report(malware_ran())
        await h.later(hours=1)
        missed = await scraped(h)
        await h.press("Mia Lindqvist", await h.soc(), "take")
        taken = await scraped(h)

        assert value(missed, "vouch_promises_total", promise="acknowledge", outcome="missed") == 1
        assert value(missed, "vouch_promises_total", promise="contact", outcome="kept") == 1
        assert value(missed, "vouch_pages_total", does="trigger", outcome="later") == 1
        assert value(missed, "vouch_pages_total", does="trigger", outcome="ok") >= 1
        assert value(taken, "vouch_promises_total", promise="acknowledge", outcome="late") == 1
        assert value(taken, "vouch_promise_minutes_sum", promise="acknowledge") >= 60
        assert value(taken, "vouch_pages_total", does="resolve", outcome="ok") >= 1
