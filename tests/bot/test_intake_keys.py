"""Keys, secrets and identities of sources, from the command line: made, listed, withdrawn."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import bot.app
from tests.bot.test_control import typed, vouch
from tests.story.graph_incident import malware_ran
from tests.story.house import House, house

IDENTITY = "0e1d2c3b-4a59-4687-9768-5a4b3c2d1e0f"


@pytest.fixture
async def h(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as opened:
        yield opened


async def number_of(tmp_path: Path, source: str) -> str:
    listed = await vouch(tmp_path, "customer", "key", "contoso")
    found = re.findall(rf"(?m)^(\d+)\t{source}\t", listed)
    return str(found[-1])


async def test_a_key_is_rotated_by_making_another_and_withdrawing_the_first(
    h: House, tmp_path: Path
) -> None:
    first = await number_of(tmp_path, "defender")
    (key,) = re.findall(r"vk_\S+", await vouch(tmp_path, "customer", "key", "contoso", "defender"))

    said = await vouch(tmp_path, "customer", "key", "contoso", "--revoke", first)

    assert f"contoso defender: bearer {first} opens nothing any more" in said
    assert (await h.post(malware_ran()))[0] == 401
    assert (await h.post(malware_ran(), key=key))[0] == 201


async def test_who_let_whom_in_and_shut_them_out_is_recorded(
    h: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "mia")
    monkeypatch.setenv("THE_SECRET", "whsec_" + "QUJD" * 8)
    await vouch(tmp_path, "customer", "key", "contoso", "native", "--secret", "env:THE_SECRET")
    number = await number_of(tmp_path, "native")
    await vouch(tmp_path, "customer", "key", "contoso", "--revoke", number)

    (_, added), (_, key), (_, revoked) = (await h.desk("contoso"))[-3:]
    assert added == revoked
    assert (key["source"], key["kind"]) == ("native", "bearer")
    assert added | {"id": 0} == {
        "id": 0,
        "source": "native",
        "kind": "signature",
        "value": "env:THE_SECRET",
    }


async def test_the_key_from_before_a_secret_opens_nothing_once_the_secret_is_withdrawn(
    h: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_SECRET", "whsec_" + "QUJD" * 8)
    assert (await h.post(b"{", source="native"))[0] == 400
    await vouch(tmp_path, "customer", "key", "contoso", "native", "--secret", "env:THE_SECRET")
    number = await number_of(tmp_path, "native")

    await vouch(tmp_path, "customer", "key", "contoso", "--revoke", number)

    assert (await h.post(b"{", source="native"))[0] == 401
    assert (await h.post(malware_ran()))[0] == 201


async def test_a_secret_is_made_and_shown_once_where_none_stands_yet(
    h: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONTOSO_NATIVE", raising=False)

    said = await vouch(tmp_path, "customer", "key", "contoso", "native", "--signed")

    (secret,) = re.findall(r"whsec_\S+", said)
    assert "signs with env:CONTOSO_NATIVE" in said
    assert "/api/incidents/native?customer=contoso" in said
    assert "Shown once" in said
    listed = await vouch(tmp_path, "customer", "key", "contoso")
    assert "env:CONTOSO_NATIVE" in listed
    assert secret not in listed


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["native", "--secret", "whsec_dGhpcnR5LXR3byByYW5kb20="], "env:NAME or file:"),
        (["native", "--secret", "env:WEAK"], "must be whsec_"),
        (["sentinel", "--identity", "the logic app"], "object id"),
        (["--revoke", "4711"], "no intake key 4711"),
    ],
)
async def test_what_cannot_be_is_refused_with_what_to_do(
    h: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], why: str
) -> None:
    monkeypatch.setenv("WEAK", "hunter2")

    ended = await typed("customer", "key", "contoso", *words, database=tmp_path)

    assert ended.exit_code == 1
    assert why in ended.output
    assert "hunter2" not in ended.output


async def test_a_secret_is_one_sources(
    h: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHARED", "whsec_" + "QUJD" * 8)
    await vouch(tmp_path, "customer", "key", "contoso", "native", "--secret", "env:SHARED")

    for customer, source in (("fabrikam", "native"), ("contoso", "defender")):
        ended = await typed(
            "customer", "key", customer, source, "--secret", "env:SHARED", database=tmp_path
        )
        assert ended.exit_code == 1
        assert "another source's already" in ended.output


async def test_an_identity_is_registered_by_its_object_id(h: House, tmp_path: Path) -> None:
    said = await vouch(
        tmp_path, "customer", "key", "contoso", "sentinel", "--identity", IDENTITY.upper()
    )

    assert "no key any more" in said
    assert IDENTITY in await vouch(tmp_path, "customer", "key", "contoso")


async def test_more_than_is_taken_of_one_source_is_told_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By customer and source: the others go on."""
    monkeypatch.setenv("VOUCH_INTAKE_BURST", "5")
    monkeypatch.setenv("VOUCH_INTAKE_PER_SECOND", "0.01")
    async with house(tmp_path) as h:
        assert [(await h.post(b"{"))[0] for _ in range(6)] == [400] * 5 + [429]
        async with h.control.post(
            f"{h.vouch.url}/api/incidents/defender",
            data=b"{",
            headers={"Authorization": f"Bearer {h.keys['contoso']['defender']}"},
        ) as response:
            assert response.status == 429
            assert 1 <= int(response.headers["Retry-After"]) <= 100
        assert (await h.post(b"{", source="native"))[0] == 400
        assert (await h.post(b"{", customer="fabrikam"))[0] == 400


async def test_who_tries_too_often_is_told_to_wait_and_who_is_known_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From one address: behind a proxy all have that one."""
    monkeypatch.setattr(bot.app, "FAILURES_PER_SECOND", 0.01)
    async with house(tmp_path) as h:
        statuses = [(await h.post(malware_ran(), key="vk_wrong"))[0] for _ in range(31)]

        assert statuses == [401] * 30 + [429]
        assert (await h.post(malware_ran()))[0] == 201
