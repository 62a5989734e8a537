import pytest
from hypothesis import given
from hypothesis import strategies as st

from cards.analyst_thread import CloseAs, read_close_as
from cards.clicks import Click, Unreadable, button, read
from cards.elements import ActionSet, AdaptiveCard, card_json
from triage.incident import Disposition
from triage.views import Button


def _pressed(pressed: Button, **marks: str) -> dict[str, object]:
    made = button("Title", "h1", pressed, **marks)  # type: ignore[arg-type]
    card = card_json(AdaptiveCard(body=[ActionSet(actions=[made])]))
    data: dict[str, object] = card["body"][0]["actions"][0]["data"]
    return data


@pytest.mark.parametrize("pressed", list(Button))
def test_every_button_is_read_as_it_was_written(pressed: Button) -> None:
    fields = _pressed(pressed, on="q1", choice="opened")

    assert read(fields) == Click("h1", pressed, "q1", "opened", {})


def test_what_was_typed_comes_with_the_click() -> None:
    fields = _pressed(Button.CLOSE_AS) | {"disposition": "falsePositive", "comment": " a test "}
    click = read(fields)

    assert isinstance(click, Click)
    assert read_close_as(click) == CloseAs(Disposition.FALSE_POSITIVE, "a test")


@pytest.mark.parametrize(
    "inputs",
    [{}, {"disposition": "bogus", "comment": "x"}, {"disposition": "unknown", "comment": " "}],
)
def test_a_closing_without_disposition_or_reason_is_unreadable(inputs: dict[str, str]) -> None:
    click = Click("h1", Button.CLOSE_AS, None, None, inputs)

    assert isinstance(read_close_as(click), Unreadable)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"handle": "h1"},
        {"handle": "", "button": "take"},
        {"handle": 7, "button": "take"},
        {"handle": "h1", "button": "format_disk"},
        {"handle": "h1", "button": ["take"]},
        {"handle": "h1", "button": "answer", "on": {"id": "q1"}},
        {"handle": "h1", "button": "answer", "choice": "x" * 500},
        {"handle": "h" * 500, "button": "take"},
    ],
)
def test_what_no_button_of_ours_sends_is_unreadable(fields: dict[str, object]) -> None:
    assert isinstance(read(fields), Unreadable)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["handle", "button", "on", "choice", "comment", "msteams"]) | st.text(),
        _JSON,
    )
)
def test_reading_never_fails_whatever_is_sent(fields: dict[str, object]) -> None:
    assert isinstance(read(fields), Click | Unreadable)
