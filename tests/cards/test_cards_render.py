import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cards import analyst_thread, approval, customer_thread, question, task
from cards.elements import MAX_BYTES, Card
from cards.layout import MOST_ROWS
from cards.wording import Reader, faults, name_of
from tests.cards import card_views as views
from tests.cards.cards_at_hand import (
    READERS,
    SIGN_IN_PAGE,
    actions,
    all_cards,
    analyst_threads,
    approvals,
    buttons,
    customer_threads,
    parts,
    person_cards,
    read_aloud,
    texts,
)
from triage.incident import ApprovalState, Reason
from triage.phrases import Phrase, phrase
from triage.views import Button, ThreadAction

EN = READERS["en"]
SCHEMA = Path(__file__).parents[2].parent / "shared/data/schema/adaptive-card-1.5.0.json"


# --- every card ----------------------------------------------------------------------------------


@pytest.mark.shared
def test_every_card_is_valid_against_the_published_schema() -> None:
    if not SCHEMA.is_file():
        pytest.skip(f"the published schema is not at {SCHEMA}")
    validator = jsonschema.Draft6Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    for name, card in all_cards().items():
        rooted = {key: value for key, value in card.items() if key != "msteams"}
        error = jsonschema.exceptions.best_match(validator.iter_errors(rooted))

        assert error is None, f"{name}: {error.message} at {error.json_path}"


def test_every_card_speaks_has_a_fallback_and_fills_the_width() -> None:
    for card in all_cards().values():
        assert card["version"] == "1.5"
        assert card["speak"]
        assert card["fallbackText"]
        assert card["msteams"]["width"] == "Full"


def test_no_sentence_on_any_card_lacks_its_words() -> None:
    for name, card in all_cards().items():
        assert "?." not in read_aloud(card), name
        assert not re.search(r"\b(label|button|status|band|state)\.[a-z_]+", read_aloud(card)), name


def test_cards_of_a_language_are_in_that_language() -> None:
    cards = all_cards()
    for name, card in cards.items():
        kind, view, language = name.split(".")
        if language != "en":
            assert read_aloud(card) != read_aloud(cards[f"{kind}.{view}.en"]), name


def test_a_view_always_renders_the_same_card() -> None:
    assert all_cards() == all_cards()


def test_the_sample_views_themselves_are_sound() -> None:
    for view in (*views.PERSON_CARDS.values(), *views.CUSTOMER_THREADS.values()):
        for said in _phrases(view):
            assert faults(said) == []
    for shown in (*views.APPROVAL_CARDS.values(), *views.ANALYST_THREADS.values()):
        for said in _phrases(shown):
            assert faults(said) == []


def _phrases(node: object) -> list[Phrase]:
    if isinstance(node, Phrase):
        return [node]
    if isinstance(node, tuple):
        return [p for item in node for p in _phrases(item)]
    slots = getattr(type(node), "__slots__", ())
    return [p for slot in slots for p in _phrases(getattr(node, slot))]


def test_every_button_carries_the_same_data_for_old_clients_and_nothing_else() -> None:
    allowed = {"handle", "button", "on", "choice"}
    for name, card in all_cards().items():
        for action in actions(card):
            if action["type"] == "Action.Execute":
                assert action["fallback"]["type"] == "Action.Submit", name
                assert action["fallback"]["data"] == action["data"], name
                carried = CARRIED.get(action["data"]["button"], set())
                assert action["data"].keys() <= allowed | carried, name
                assert action["verb"] == action["data"]["button"], name


CARRIED = {"send": {"words", "to"}, "do_it": {"command", "shown"}, "run": {"command", "back"}}
"""What an analyst wrote, or might have written, comes back with the button, and a digest of what was
shown."""


def test_no_card_offers_more_buttons_in_a_row_than_teams_shows() -> None:
    for name, card in all_cards().items():
        for part in _rows_of_buttons(card):
            assert 0 < len(part) <= 6, name


def _rows_of_buttons(node: Any) -> list[list[Any]]:
    if isinstance(node, list):
        return [row for item in node for row in _rows_of_buttons(item)]
    if not isinstance(node, dict):
        return []
    own = [node["actions"]] if "actions" in node else []
    return own + [row for value in node.values() for row in _rows_of_buttons(value)]


# --- the person's card ---------------------------------------------------------------------------


def test_a_persons_card_has_at_most_sixty_words() -> None:
    for name, card in person_cards(EN).items():
        assert len(read_aloud(card).split()) <= 60, f"{name}: {len(read_aloud(card).split())}"


def test_a_persons_card_has_at_most_four_buttons_and_no_input() -> None:
    for reader in READERS.values():
        for name, card in person_cards(reader).items():
            assert len(buttons(card)) <= 4, name
            assert "Input." not in json.dumps(card), name


def test_a_persons_card_holds_no_link_but_the_one_to_our_own_page_for_a_sign_in() -> None:
    for reader in READERS.values():
        for name, card in person_cards(reader).items():
            whole = json.dumps({k: v for k, v in card.items() if k != "$schema"})
            opened = [a["url"] for a in actions(card) if a["type"] == "Action.OpenUrl"]
            assert opened == ([SIGN_IN_PAGE] if name == "neutral_sign_in" else []), name
            assert whole.count("OpenUrl") == whole.count("://") == len(opened), name


def test_a_persons_card_says_who_asks_and_that_nobody_is_in_trouble() -> None:
    card = read_aloud(person_cards(EN)["asking"])

    assert "Contoso Security" in card
    assert "invoice.docm was opened on LAPTOP-7 at 10:02." in card
    assert "You are not in trouble." in card
    assert "We never ask for passwords." in card
    assert "case 7KQ2" in card


def test_a_persons_card_never_gives_the_number_a_forger_could_give() -> None:
    for card in person_cards(EN).values():
        assert "5550100" not in json.dumps(card)


def test_a_neutral_card_reveals_nothing() -> None:
    card = json.dumps(person_cards(EN)["neutral"])

    assert "invoice" not in card
    assert "LAPTOP" not in card
    assert "service desk" in card


def test_the_card_of_a_suspect_account_says_thank_you_and_offers_a_call_alone() -> None:
    card = person_cards(EN)["guarded"]

    assert "Thank you, received." in read_aloud(card)
    assert [a["title"] for a in actions(card)] == ["Call me"]


def test_change_my_answer_and_the_analyst_stay_and_are_quiet_beside_other_choices() -> None:
    follow_up, thanks = (person_cards(EN)[n] for n in ("follow_up", "thanks"))

    for quiet in (Button.CHANGE, Button.TALK):
        assert quiet not in [b["data"]["button"] for b in buttons(follow_up)]
        assert quiet in [a["data"]["button"] for a in actions(follow_up)]
    assert [b["data"]["button"] for b in buttons(thanks)] == [Button.CHANGE, Button.TALK]


def test_a_file_name_cannot_tell_a_story() -> None:
    story = "this is a drill by IT please press I did not and do not call anybody about " * 5
    told = phrase("happened.file_opened", file=story, device="LAPTOP-7", at=views.AT)
    card = question.render(replace(views.ASKING, says=(told, *views.ASKING.says[1:])), "h", EN)

    assert "do not call" not in read_aloud(card)
    assert "… was opened on LAPTOP-7" in read_aloud(card)


def test_a_case_that_names_nothing_still_reads_as_a_sentence() -> None:
    assert "A file arrived on your device at 10:02." in read_aloud(person_cards(EN)["unnamed"])
    assert "Eine Datei kam" in read_aloud(person_cards(READERS["de"])["unnamed"])


def test_the_lock_screen_shows_who_asks_and_what() -> None:
    assert question.summary(views.ASKING, EN) == (
        "Contoso Security: invoice.docm was opened on LAPTOP-7 at 10:02. Did you open it?"
    )
    assert question.summary(views.GUARDED, EN).startswith("Contoso Security: Thank you, received.")


def test_the_same_moment_reads_on_each_readers_clock() -> None:
    assert "às 06:02" in read_aloud(person_cards(READERS["pt"])["asking"])


# --- the customer's thread -----------------------------------------------------------------------


def test_the_root_card_tells_the_present_state() -> None:
    card = read_aloud(customer_threads(EN)["approval"])

    for said in (
        "High · CONTOSO-42",
        "Waiting",
        "Your turn, Contoso Security",
        "Please decide in this thread: Isolate LAPTOP-7",
        "Until Tue 24 Nov, 10:25",
        "invoice.docm is already in quarantine",
        "Bob Meyer says: I enabled content",
        "Ana Lima is working on it",
    ):
        assert said in card


def test_a_rehearsed_action_says_that_nothing_was_touched() -> None:
    card = read_aloud(customer_threads(EN)["contained"])

    assert card.count("(rehearsal: nothing was touched)") == 2


def test_a_placeholder_tells_an_intruder_nothing() -> None:
    given_away = replace(
        views.CUSTOMER_PLACEHOLDER,
        known=views.CUSTOMER_APPROVAL.known,
        doing=views.CUSTOMER_APPROVAL.doing,
        actions=views.CUSTOMER_CONTAINED.actions,
    )
    card = json.dumps(customer_thread.render(given_away, views.HANDLE, EN))

    for secret in ("Bob", "LAPTOP", "invoice", "High", "Contain", "attention", "Isolate"):
        assert secret not in card


def test_closing_offers_one_recommendation_to_accept_or_discuss() -> None:
    closed, accepted = (customer_threads(EN)[n] for n in ("closed", "accepted"))

    assert [b["data"]["button"] for b in buttons(closed)] == [Button.ACCEPT, Button.DISCUSS]
    assert "Owner: Ines Wolf, by 15 Dec" in read_aloud(closed)
    assert buttons(accepted) == []
    assert "Accepted by Jon Berg" in read_aloud(accepted)


# --- approvals -----------------------------------------------------------------------------------


def test_the_notification_of_an_approval_reads_on_a_lock_screen() -> None:
    assert approval.summary(views.APPROVAL_OPEN, EN) == "Isolate LAPTOP-7? Reply by 11:23"


def test_an_open_approval_mentions_those_who_must_act() -> None:
    card = approvals(EN)["open"]
    entities = card["msteams"]["entities"]

    assert [e["mentioned"]["id"] for e in entities] == [
        "jon@contoso.example",
        "ines@contoso.example",
    ]
    assert "<at>Jon Berg</at>, <at>Ines Wolf</at>, please decide." in read_aloud(card)


def test_a_decided_approval_says_who_and_when_and_cannot_be_pressed() -> None:
    for state in ApprovalState:
        if state is not ApprovalState.OPEN:
            card = approvals(EN)[state]
            assert actions(card) == []
            assert "entities" not in card["msteams"]
    assert "Jon Berg approved at 11:17." in read_aloud(approvals(EN)["approved"])


def test_the_name_of_a_mentioned_person_cannot_mention_somebody_else() -> None:
    forged = replace(views.APPROVAL_OPEN, mention=(("eve@x.example", "Eve</at><at>CEO"),))
    card = approval.render(forged, views.HANDLE, EN)

    assert read_aloud(card).count("<at>") == 1
    [entity] = card["msteams"]["entities"]
    assert entity["text"] in read_aloud(card)


# --- the analysts' thread ------------------------------------------------------------------------


def test_the_analysts_card_gives_score_reasons_and_what_answers_would_change() -> None:
    card = read_aloud(analyst_threads(EN)["waiting"])

    for said in (
        "62%",
        "escalate",
        "+2.0",
        "\N{MINUS SIGN}1.5",
        "sign.executed · powershell.exe",
        "98% I typed a password: contain",
        "Next Wait for the answer of Bob Meyer",
        "Due Tue 24 Nov, 10:25",
    ):
        assert said in card


def test_the_weightiest_reason_comes_first() -> None:
    weights = [
        t for t in texts(analyst_threads(EN)["waiting"]) if re.fullmatch(r"[+\u2212]\d\.\d", t)
    ]

    assert weights == ["+2.0", "\N{MINUS SIGN}1.5", "+1.0", "+1.0", "+0.2"]


def test_a_call_names_only_a_number_somebody_vouches_for() -> None:
    card = read_aloud(analyst_threads(EN)["call"])
    unvouched = replace(
        views.ANALYST_CALL,
        calls=(replace(views.ANALYST_CALL.calls[0], number_source=None),),
    )

    assert "+49 30 5550123 (source: HR record of 2026-03)" in card
    assert "No vouched number" in card
    assert "5550123" not in read_aloud(analyst_thread.render(unvouched, views.HANDLE, EN))


def test_recording_a_call_names_its_question_and_choice() -> None:
    recorded = [
        b["data"]
        for b in buttons(analyst_threads(EN)["call"])
        if b.get("data", {}).get("button") == Button.RECORD_CALL
    ]

    assert {
        "handle": views.HANDLE,
        "button": "record_call",
        "on": "q1",
        "choice": "mine",
    } in recorded


def test_the_only_link_is_into_the_defender_portal() -> None:
    urls = [a["url"] for a in actions(analyst_threads(EN)["waiting"]) if "url" in a]

    assert urls == [
        "https://security.microsoft.com/incidents/917?tid=72f988bf-86f1-41af-91ab-2d7cd011db47"
    ]


@pytest.mark.parametrize(
    "portal",
    [
        ("72f988bf-86f1-41af-91ab-2d7cd011db47", "917?x=1"),
        ("72f988bf-86f1-41af-91ab-2d7cd011db47", "\u0661\u0662"),
        ("72f988bf-86f1-41af-91ab-2d7cd011db47\n", "917"),
        ("evil.example", "917"),
        ("", ""),
    ],
)
def test_ids_that_are_not_ids_make_no_link(portal: tuple[str, str]) -> None:
    card = analyst_thread.render(replace(views.ANALYST_WAITING, portal=portal), views.HANDLE, EN)

    assert "OpenUrl" not in json.dumps(card)


# --- said in words, not by colour alone -----------------------------------------------------------


def test_the_analysts_card_shows_when_each_promise_is_due_and_what_was_missed() -> None:
    waiting, closed = analyst_threads(EN)["waiting"], analyst_threads(EN)["closed"]

    assert _beside("Take over", waiting) == ["soon due: Tue 24 Nov, 10:20"]
    assert _beside("Contact", waiting) == ["done after 1 min"]
    assert _beside("Containment", waiting) == ["paused: the customer's answer is awaited"]
    assert _beside("Resolve", waiting) == ["due Thu 26 Nov, 10:02"]
    assert _beside("Take over", closed) == [
        "missed before the case was reopened: was due Tue 24 Nov, 00:02",
        "missed: was due Tue 24 Nov, 10:20",
    ]


def test_the_customer_reads_what_was_promised_in_plain_words() -> None:
    card = customer_threads(EN)["closed"]

    assert "What we promised" in texts(card)
    assert _beside("We contact one of your people", card) == ["done after 1 min"]
    assert _beside("An analyst takes over", card) == [
        "missed: done after 12 min, was due Tue 24 Nov, 10:20"
    ]
    assert "What we promised" not in texts(customer_threads(EN)["placeholder"])


def _beside(title: str, card: Card) -> list[str]:
    facts = [fact for part in parts(card) for fact in part.get("facts", [])]
    return [fact["value"] for fact in facts if fact["title"] == title]


def test_what_a_colour_says_a_word_says_too() -> None:
    for reader in READERS.values():
        for view in views.CUSTOMER_THREADS.values():
            card = read_aloud(customer_thread.render(view, views.HANDLE, reader))
            if not view.placeholder:
                assert name_of("severity", view.severity, reader) in card
                assert name_of("status", view.status, reader) in card
            for shown in view.actions:
                assert name_of("state", shown.state, reader) in card
        for asked in views.APPROVAL_CARDS.values():
            card = read_aloud(approval.render(asked, views.HANDLE, reader))
            assert name_of("approval_state", asked.state, reader) in card
        for case in views.ANALYST_THREADS.values():
            card = read_aloud(analyst_thread.render(case, views.HANDLE, reader))
            assert name_of("band", case.band, reader) in card


# --- hostile and large ---------------------------------------------------------------------------

HOSTILE = ("[x](https://evil.example/a_b*c) <at>CEO</at> \u202e`**#\\\n" * 12)[:500]


def test_thelargest_cards_stay_under_what_teams_takes() -> None:
    for reader in READERS.values():
        for card in largest_cards(reader):
            assert len(json.dumps(card, ensure_ascii=False).encode("utf-16-le")) <= MAX_BYTES


def test_hostile_text_stays_text_on_every_card() -> None:
    for card in largest_cards(EN):
        whole = json.dumps({k: v for k, v in card.items() if k != "$schema"}, ensure_ascii=False)
        assert "](" not in whole
        assert "https://evil" not in whole
        assert "<at>CEO" not in whole
        assert "\u202e" not in whole


def largest_cards(reader: Reader) -> list[Card]:
    bad = phrase("headline.unknown", title=HOSTILE)
    action = ThreadAction(
        id="a" * 40, says=phrase("action.isolate_device", target=HOSTILE), **_DONE
    )
    person = replace(views.FOLLOW_UP, sender=HOSTILE, says=(bad,) * 5)
    customer = replace(
        views.CUSTOMER_CLOSED,
        name=HOSTILE,
        headline=bad,
        known=(bad,) * 60,
        tasks=(bad,) * 60,
        doing=(bad,) * 60,
        turn=bad,
        needed=bad,
        until=views.AT,
        actions=(action,) * 60,
        outcome=(bad,) * 20,
        recommendation=bad,
    )
    asked = replace(
        views.APPROVAL_OPEN,
        asks=bad,
        consequence=bad,
        on_silence=bad,
        mention=(("eve@contoso.example", HOSTILE),) * 8,
        asked_by=bad,
        signed=bad,
    )
    reason = Reason(HOSTILE, 1.0, HOSTILE, bad)
    analyst = replace(
        views.ANALYST_WAITING,
        customer=HOSTILE,
        title=HOSTILE,
        reasons=(reason,) * 60,
        facts=(bad,) * 60,
        context=(bad,) * 60,
        tasks=(bad,) * 60,
        next_action=bad,
        headline=bad,
        questions=tuple(
            replace(q, person=HOSTILE, asks=bad, state=bad)
            for q in views.ANALYST_WAITING.questions * 10
        ),
        calls=tuple(
            replace(c, person=HOSTILE, number=HOSTILE, number_source=HOSTILE, script=bad)
            for c in views.ANALYST_CALL.calls * 3
        ),
        actions=(action,) * 60,
        clocks=(
            *views.ANALYST_CLOSED.clocks[:1] * 3,
            *views.ANALYST_CLOSED.clocks[1:2] * 4,
        ),
        containable=tuple(
            replace(c, says=bad) for c in views.ANALYST_WAITING.containable * (MOST_ROWS * 2)
        ),
        timeline=((views.AT, bad),) * 30,
        evidence=(bad,) * 30,
        outcome=(bad,) * 10,
        remembered=(phrase("remember.kept", number=3, customer=HOSTILE * 3, until=HOSTILE),) * 60,
        owner=HOSTILE,
    )
    given = replace(
        views.TASK_OPEN,
        sender=HOSTILE,
        owner=("eve@contoso.example", HOSTILE),
        what=bad,
        about=HOSTILE,
    )
    return [
        task.render(given, views.HANDLE, reader),
        question.render(person, views.HANDLE, reader),
        customer_thread.render(customer, views.HANDLE, reader),
        approval.render(asked, views.HANDLE, reader),
        analyst_thread.render(analyst, views.HANDLE, reader),
    ]


_DONE: dict[str, Any] = {
    "state": views.CUSTOMER_CONTAINED.actions[0].state,
    "at": views.AT,
    "rehearsed": True,
}
