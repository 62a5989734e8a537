"""From one customer into another: by statements, by ids, by addresses."""

from pathlib import Path

import pytest
from sqlalchemy import text, update
from sqlmodel import col

from storage import incidents
from storage.engine import Tx
from storage.isolation import IsolationError
from storage.tables import ConversationRow, IncidentRow
from tests.story.graph_incident import CONTOSO, FABRIKAM, malware_ran
from tests.story.house import House, house
from tests.story.test_remote_access import on_payroll


async def test_a_statement_without_a_customer_is_refused_while_vouch_serves(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())

        def everything(tx: Tx) -> int:
            return len(tx.session.execute(text("SELECT id FROM incident")).all())

        with pytest.raises(IsolationError):
            await h.vouch.store.read("fabrikam", everything)


async def test_an_incident_s_id_finds_nothing_in_another_customer(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        mine = (await h.incident("4711")).id

        def theirs(tx: Tx) -> object:
            return incidents.load(tx, mine)

        assert await h.vouch.store.read("contoso", theirs) is not None
        assert await h.vouch.store.read("fabrikam", theirs) is None


async def test_a_row_cannot_be_moved_to_another_customer(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())

        def move(tx: Tx) -> None:
            for row in tx.session.scalars(IncidentRow.__table__.select()):  # type: ignore[attr-defined]
                row.customer_id = "fabrikam"

        with pytest.raises(IsolationError):
            await h.vouch.store.write("contoso", move)


async def move_channels(h: House, customer: str, service_url: str) -> None:
    """Somebody with the database rewrites where a customer's channels are spoken to."""

    def rewrite(tx: Tx) -> None:
        tx.session.execute(
            update(ConversationRow)
            .where(col(ConversationRow.kind) == "channel")
            .values(service_url=service_url)
        )

    await h.vouch.store.write(customer, rewrite)


async def test_the_bot_s_token_follows_no_address_that_somebody_wrote_into_the_database(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        moved = h.sim.service_url(CONTOSO).replace("localhost", "127.0.0.1")
        assert moved != h.sim.service_url(CONTOSO), "the simulator is reached by either name"
        await move_channels(h, "contoso", moved)
        h.accepts_trouble = True
        await h.report(malware_ran())

        assert await h.thread("Contoso") == []
        assert await h.chat("Bob Meyer"), "whose address nobody wrote over"


async def test_one_tenant_s_words_never_go_to_another_s_address(tmp_path: Path) -> None:
    """XSOAR kept one tenant and one service URL: the last writer's."""
    async with house(tmp_path) as h:
        await move_channels(h, "contoso", h.sim.service_url(FABRIKAM))
        h.accepts_trouble = True
        since = len(await h._api("GET", "/requests?since=0"))
        await h.report(malware_ran())

        asked = (await h._api("GET", "/requests?since=0"))[since:]
        assert not [call for call in asked if f"/{FABRIKAM}/" in call["path"]]


async def test_two_customers_at_once_are_each_spoken_to_at_their_own_address(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        await h.post(malware_ran())
        await h.post(on_payroll(), "fabrikam")
        await h.settle()

        spoken = {(s.tenant, s.conversation.partition("-")[0]) for s in h.sent}
        assert (CONTOSO, "19:contoso") in spoken
        assert (FABRIKAM, "19:fabrikam") in spoken
        assert (CONTOSO, "19:fabrikam") not in spoken
        assert (FABRIKAM, "19:contoso") not in spoken
