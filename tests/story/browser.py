"""Somebody's browser on our pages and on the simulated Entra's, over real HTTP; it runs no script."""

import re
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urljoin, urlsplit

import aiohttp

from tests.story.house import PUBLIC_URL, House

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
CROSS_SITE = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}


@dataclass(frozen=True, slots=True)
class Page:
    status: int
    url: str
    html: str
    headers: dict[str, str]

    @property
    def text(self) -> str:
        body = re.sub(r"<style>.*?</style>", "", self.html, flags=re.DOTALL)
        return unescape(re.sub(r"<[^>]+>", "\n", body))

    @property
    def fields(self) -> dict[str, str]:
        """What the form holds hidden."""
        found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', self.html)
        return {unescape(name): unescape(value) for name, value in found}

    @property
    def choices(self) -> list[str]:
        return re.findall(r'<button name="choice" value="([^"]*)">', self.html)

    @property
    def goes_to(self) -> str:
        found = re.search(r'content="0;url=([^"]*)"', self.html)
        assert found, self.text
        return unescape(found[1])

    @property
    def sends_to(self) -> str:
        """Where the form is posted."""
        found = re.search(r'<form method="post" action="([^"]*)">', self.html)
        return urljoin(self.url, unescape(found[1])) if found else self.url


@dataclass(slots=True)
class Browser:
    h: House
    seen: list[Page] = field(default_factory=list)

    async def open(self, url: str, method: str = "GET") -> Page:
        return await self._ask(method, url)

    async def submit(
        self, page: Page, *, headers: dict[str, str] | None = None, **fields: str
    ) -> Page:
        """Press a button of a page's form, as a browser does."""
        target = page.sends_to
        same = urlsplit(target).netloc == urlsplit(page.url).netloc
        own = SAME_ORIGIN if same else {"Sec-Fetch-Site": "cross-site"}
        return await self._ask("POST", target, {**page.fields, **fields}, headers or own)

    async def _ask(
        self,
        method: str,
        url: str,
        fields: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Page:
        where = url.replace(PUBLIC_URL, self.h.vouch.url)
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                method, where, data=fields, headers=headers, allow_redirects=False
            ) as answer,
        ):
            page = Page(answer.status, url, await answer.text(), dict(answer.headers))
        self.seen.append(page)
        return page

    # --- the whole way ---

    async def begin(self, link: str) -> Page:
        """From the card's link to the sign-in page."""
        going = await self.submit(await self.open(link))
        return await self.open(going.goes_to)

    async def sign_in(self, at: Page, user: str, how: str = "passkey") -> Page:
        """On the sign-in page, as anybody; the page of ours that follows."""
        back = await self.submit(at, user=user, how=how)
        return await self.submit(back)
