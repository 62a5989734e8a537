import json

import pytest

from cards.elements import (
    ActionSet,
    AdaptiveCard,
    CardTooLargeError,
    Column,
    ColumnSet,
    Container,
    Execute,
    Refresh,
    Submit,
    TextBlock,
    ToggleVisibility,
    card_json,
    mention,
    msteams,
)


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(TypeError, match="TextBlock has no field 'colour'"):
        TextBlock("hello", colour="good")


def test_a_field_of_the_wrong_type_is_refused() -> None:
    with pytest.raises(TypeError, match="width"):
        Column(items=[], width=3)


def test_a_missing_field_is_refused() -> None:
    with pytest.raises(TypeError, match="Execute needs fallback"):
        Execute(title="Go", verb="go", data={})


def test_a_select_action_must_be_an_action() -> None:
    with pytest.raises(TypeError, match="selectAction"):
        Container(items=[], select_action="go")


def test_the_packages_two_spellings_are_one() -> None:
    block = TextBlock("hello", is_subtle=True, horizontal_alignment="right", font_type="monospace")

    assert json.loads(str(block)) == {
        "type": "TextBlock",
        "text": "hello",
        "wrap": True,
        "isSubtle": True,
        "horizontalAlignment": "right",
        "fontType": "monospace",
    }


def test_what_is_none_is_left_out() -> None:
    assert "color" not in json.loads(str(TextBlock("hello", color=None)))


def test_a_card_renders_to_plain_values_at_every_depth() -> None:
    go = Execute(title="Go", verb="go", data={"a": 1}, fallback=Submit(title="Go", data={"a": 1}))
    card = card_json(
        AdaptiveCard(
            body=[
                ColumnSet(columns=[Column(items=[TextBlock("deep")], width="stretch")]),
                ActionSet(actions=[go, ToggleVisibility(title="More", target_elements=["more"])]),
            ],
            refresh=Refresh(action=go, user_ids=["29:1"]),
            msteams=msteams([mention("jon@contoso.example", "Jon")]),
        )
    )

    assert card["version"] == "1.5"
    assert card["body"][0]["columns"][0]["items"][0]["text"] == "deep"
    assert card["body"][1]["actions"][0]["fallback"]["type"] == "Action.Submit"
    assert card["refresh"]["userIds"] == ["29:1"]
    assert card["msteams"]["entities"][0]["text"] == "<at>Jon</at>"


def test_a_card_teams_would_refuse_is_never_sent() -> None:
    with pytest.raises(CardTooLargeError):
        card_json(AdaptiveCard(body=[TextBlock("x" * 50_000)]))
