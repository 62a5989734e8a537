"""Pages: rung once for each need, ended by what rang, and naming nobody."""

from datetime import UTC, datetime

import pytest

from cards.wording import Reader, faults, say
from tests.triage.triage_script import CONTOSO, PROVIDER, Case, malware_ran
from triage import paging
from triage.draft import Draft, Known
from triage.effects import Page, PageAction
from triage.events import Facts
from triage.paging import Need

NOW = datetime(2026, 11, 24, 23, 5, tzinfo=UTC)


def draft() -> Draft:
    case = Case().reported(malware_ran())
    return Draft(case.state, Known(CONTOSO, PROVIDER, Facts()), NOW)


def pages(of: Draft) -> list[Page]:
    return [effect for effect in of.effects if isinstance(effect, Page)]


def test_a_need_rings_under_one_key_however_often_it_is_found() -> None:
    first, second = draft(), draft()
    paging.ring(first, Need.TAKE)
    paging.ring(second, Need.TAKE)

    [page], [again] = pages(first), pages(second)
    assert (page.key, page.does) == (again.key, PageAction.TRIGGER)
    assert page.alarm == page.key
    assert page.key.startswith(first.incident.id)


def test_another_need_and_another_generation_ring_anew() -> None:
    of = draft()
    paging.ring(of, Need.TAKE)
    paging.ring(of, Need.CALL)
    of.set(reopened=1)
    paging.ring(of, Need.TAKE)

    assert len({page.key for page in pages(of)}) == 3


def test_what_ends_an_alarm_names_the_page_that_rang() -> None:
    of = draft()
    paging.ring(of, Need.TAKE)
    paging.acknowledge(of, Need.TAKE)
    paging.resolve(of, Need.TAKE)

    rang, taken, over = pages(of)
    assert taken.alarm == over.alarm == rang.key
    assert len({rang.key, taken.key, over.key}) == 3
    assert (taken.does, over.does) == (PageAction.ACKNOWLEDGE, PageAction.RESOLVE)


@pytest.mark.parametrize("need", Need)
@pytest.mark.parametrize("language", ["en", "de", "pt-BR"])
def test_a_page_is_short_says_what_and_by_when_and_names_nobody(need: Need, language: str) -> None:
    of = draft()
    paging.ring(of, need)
    [page] = pages(of)

    said = say(page.says, Reader(language, "UTC"))

    assert faults(page.says) == []
    assert said.startswith(of.incident.name)
    assert "23:20" in said
    assert len(said) <= 120
    for affected in of.incident.affected:
        assert affected.person
        assert affected.person.name.split()[0] not in said
