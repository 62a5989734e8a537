"""Call and Chat are links of ours to Teams, and lead nowhere else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cards.reaching import teams_links
from cards.wording import Reader
from triage.views import Callee

EN = Reader("en")


def urls(upn: str, topic: str = "CONTOSO-42") -> list[Any]:
    return [link.url for link in teams_links(Callee("Bob", upn), topic, EN)]  # type: ignore[attr-defined]


def test_a_call_and_a_chat_about_the_case() -> None:
    assert urls("bob@contoso.com") == [
        "https://teams.microsoft.com/l/call/0/0?users=bob@contoso.com",
        "https://teams.microsoft.com/l/chat/0/0?users=bob@contoso.com&topicName=CONTOSO-42",
    ]


@pytest.mark.parametrize(
    "upn",
    [
        "",
        "bob",
        "a@b.com,eve@evil.com",
        "a@b.com&message=hi",
        "a@b.com/x",
        "a b@c.com",
        "\u0430@b.com\n",
    ],
)
def test_what_is_no_address_gets_no_link(upn: str) -> None:
    assert urls(upn) == []


@given(st.text(), st.text())
def test_whatever_the_address_teams_is_called_and_one_person(upn: str, topic: str) -> None:
    for url in urls(upn, topic):
        assert url.startswith("https://teams.microsoft.com/l/c")
        assert url.count("?") == 1
        assert "," not in url
        assert url.count("&") <= 1
