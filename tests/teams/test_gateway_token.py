"""The bot's own token is fetched rarely, ahead of its end, and never on the event loop."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.teams.credentials import AHEAD, MARGIN, PAUSE
from bot.teams.gateway import Gateway
from dialogs.messenger import TryLaterError
from tests.teams.gatehouse import House, card, open_house, settings, started

TOKEN = "/oauth2/v2.0/token"
LIFETIME = 3599


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


async def renewed(house: House) -> None:
    fetching = house.gateway.messenger._credentials._fetching  # type: ignore[attr-defined]
    if fetching is not None:
        await fetching


async def test_many_messages_share_one_token(house: House) -> None:
    chat = await house.chat()

    await asyncio.gather(*(house.gateway.messenger.send(chat, card()) for _ in range(20)))
    await house.gateway.messenger.send(chat, card())

    assert await house.calls(TOKEN) == 1


async def test_a_token_is_renewed_before_its_end_while_it_still_serves(house: House) -> None:
    chat = await house.chat()
    await house.gateway.messenger.send(chat, card())
    house.clock.ahead = LIFETIME - MARGIN - AHEAD + 5
    await house.play("POST", "/api/faults", {"kind": "slow", "seconds": 1, "path": TOKEN})

    await house.gateway.messenger.send(chat, card())

    assert await house.calls(TOKEN) == 1
    await renewed(house)
    assert await house.calls(TOKEN) == 2


async def test_a_fresh_token_is_not_renewed(house: House) -> None:
    chat = await house.chat()
    await house.gateway.messenger.send(chat, card())
    house.clock.ahead = LIFETIME - MARGIN - AHEAD - 60

    await house.gateway.messenger.send(chat, card())
    await renewed(house)

    assert await house.calls(TOKEN) == 1


async def test_while_entra_is_down_the_old_token_serves_to_its_end(house: House) -> None:
    chat = await house.chat()
    await house.gateway.messenger.send(chat, card())
    await house.play("POST", "/api/faults", {"kind": "bad_gateway", "path": TOKEN, "times": 50})
    house.clock.ahead = LIFETIME - MARGIN - 60

    await house.gateway.messenger.send(chat, card())
    await renewed(house)
    await house.gateway.messenger.send(chat, card())
    await renewed(house)

    assert await house.calls(TOKEN) == 2
    house.clock.ahead = LIFETIME
    with pytest.raises(TryLaterError) as caught:
        await house.gateway.messenger.send(chat, card())
    assert not caught.value.uncertain


async def test_after_an_outage_the_next_message_goes_out(house: House) -> None:
    chat = await house.chat()
    metadata = "openid-configuration"
    await house.play("POST", "/api/faults", {"kind": "bad_gateway", "path": metadata})
    with pytest.raises(TryLaterError):
        await house.gateway.messenger.send(chat, card())

    house.clock.ahead = PAUSE + 1

    assert await house.gateway.messenger.send(chat, card())


async def test_the_loop_goes_on_while_entra_is_slow(house: House) -> None:
    chat = await house.chat()
    await house.play("POST", "/api/faults", {"kind": "slow", "seconds": 1, "path": TOKEN})

    sending = asyncio.create_task(house.gateway.messenger.send(chat, card()))
    turns = 0
    while not sending.done():
        await asyncio.sleep(0.01)
        turns += 1
    await sending

    assert turns > 20


async def test_proxies_of_the_environment_get_neither_secret_nor_token(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert await house.gateway.messenger.send(await house.chat(), card())


async def test_an_ill_trusted_entra_gets_no_secret(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    gateway = Gateway(settings(tmp_path, house.sim.api_url, ca_file=None), house.clock)
    async with started(gateway):
        with pytest.raises(TryLaterError):
            await gateway.messenger.send(await house.chat(), card())

    assert await house.calls(TOKEN) == 0
