"""Whatever JSON arrives, it is read into an event, left alone, or refused as misshapen."""

from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.inbound import Clicked, Texted
from bot.teams.incoming import (
    BadActivityError,
    activity_of,
    execution_of,
    installation_of,
    message_of,
    parse,
)

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
ACCOUNT = st.fixed_dictionaries(
    {}, optional={"id": st.just("29:bob"), "aadObjectId": st.just("bob"), "name": ANYTHING}
)
FIELDS = {
    "id": st.just("1") | ANYTHING,
    "name": ANYTHING,
    "text": st.text(max_size=9) | ANYTHING,
    "value": ANYTHING | st.fixed_dictionaries({"action": ANYTHING}),
    "from": ACCOUNT | ANYTHING,
    "conversation": st.fixed_dictionaries({"id": st.just("a:1") | ANYTHING}) | ANYTHING,
    "channelData": st.fixed_dictionaries({"settings": ANYTHING, "team": ANYTHING}) | ANYTHING,
    "entities": ANYTHING
    | st.lists(
        st.fixed_dictionaries(
            {"type": st.just("mention"), "mentioned": ACCOUNT | ANYTHING, "text": ANYTHING}
        )
    ),
    "membersAdded": st.lists(ACCOUNT) | ANYTHING,
}


@settings(deadline=None)
@given(st.fixed_dictionaries({"type": st.just("message")}, optional=FIELDS))
def test_an_activity_of_any_shape_is_read_or_refused(raw: dict[str, Any]) -> None:
    for read in (lambda it: message_of(it, "28:vouch"), execution_of, installation_of):
        with suppress(BadActivityError):
            event = read(activity_of(raw, "tenant"))
            assert event is None or event.place.tenant_id == "tenant"
            if isinstance(event, Clicked | Texted):
                assert event.activity_id
                assert event.actor.object_id


@settings(deadline=None)
@given(st.binary() | st.text().map(str.encode))
def test_bytes_of_any_kind_are_an_activity_or_refused(body: bytes) -> None:
    with suppress(BadActivityError):
        assert isinstance(parse(body)["type"], str)
