"""Incidents of real tenants and of research data: each becomes a case somebody works on."""

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.story.house import House, Json, house
from triage.incident import Incident
from triage.report import Source

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "incidents"
TABLE = tomllib.loads(
    (Path(__file__).parents[1] / "sources" / "payloads.toml").read_text(encoding="utf-8")
)
ACCEPTED = [
    (name, Source(route))
    for name, routes in TABLE.items()
    for route, outcome in routes.items()
    if outcome.get("accepted")
]
CONTOSO = "7d1f6a0e-2c1b-4b53-9b1e-0c5a3f2e9a10"

pytestmark = pytest.mark.shared


def bodies(name: str) -> list[Json]:
    if not SHARED.is_dir():
        pytest.skip(f"real payloads are read from {SHARED}, which is absent")
    body = json.loads((SHARED / name).read_text(encoding="utf-8"))
    found = body.get("value", body) if isinstance(body, dict) else body
    return found if isinstance(found, list) else [found]


def belongs_to(tenant: str | None) -> Callable[[str], str]:
    """Contoso, with the tenant id of whoever the payload came from, and a thread for everything."""
    return lambda text: text.replace(CONTOSO, tenant or CONTOSO).replace('"digest"', '"thread"')


_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def tenant_of(body: Json) -> str | None:
    found = body.get("tenantId")
    return found.lower() if isinstance(found, str) and _GUID.fullmatch(found) else None


def somebody_has_it(case: Incident) -> bool:
    """A question, a call, an approval or a proposal is open, or an analyst was told to look."""
    return case.decision is not None and (
        case.handed_over is not None
        or case.closing is not None
        or case.decision.proposal is not None
        or any(q.state.state == "open" for q in case.questions)
    )


async def one_case(h: House, body: Json, source: Source) -> Incident:
    status, answer = await h.post(body, source=source)
    assert status in (200, 201), answer
    await h.settle()
    return await h.incident(answer["results"][0]["sourceId"], source=source)


@pytest.mark.parametrize(("name", "source"), ACCEPTED)
async def test_it_opens_a_thread_and_somebody_has_it(
    tmp_path: Path, name: str, source: Source
) -> None:
    for i, body in enumerate(bodies(name)):
        folder = tmp_path / str(i)
        folder.mkdir()
        change = belongs_to(tenant_of(body))
        async with house(folder, {"contoso": change, "world": change}) as h:
            case = await one_case(h, body, source)

            assert somebody_has_it(case)
            assert len(await h.conversations("Contoso")) == 1
            assert len(await h.conversations("Nordwall MXDR")) == 1
            assert case.name in (await h.root()).text
            await h.later(days=1)
            assert somebody_has_it(await h.incident(case.refs[0].source_id, source=source))


async def test_all_of_them_at_one_customer_are_taken_one_after_the_other(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        for name, source in ACCEPTED:
            for body in bodies(name):
                told = body | {"tenantId": CONTOSO} if source is Source.DEFENDER else body
                assert somebody_has_it(await one_case(h, told, source))
        await h.later(days=2)
