"""What people do in Teams, and what the bot hears of it."""

from typing import Any

from tests.simulator.simulated_teams import APP_ID, CONTOSO, INCIDENTS, TEAM, StubBot, Teams, shown

BOB = "bob@contoso.example"
JON = "jon@contoso.example"
CARD_TYPE = "application/vnd.microsoft.card.adaptive"
FABRIKAM_INCIDENTS = "19:fabrikam-incidents@thread.tacv2"

EXECUTE = {
    "type": "Action.Execute",
    "id": "yes",
    "title": "I opened it",
    "verb": "answer",
    "data": {"handle": "h1", "note": "from the card"},
    "fallback": {"type": "Action.Submit", "title": "I opened it", "data": {"handle": "h2"}},
}
CARD = {
    "type": "AdaptiveCard",
    "version": "1.5",
    "body": [
        {
            "type": "ColumnSet",
            "columns": [
                {
                    "type": "Column",
                    "items": [
                        {"type": "ActionSet", "actions": [{"type": "Action.Submit", "title": "A"}]}
                    ],
                }
            ],
        }
    ],
    "actions": [
        EXECUTE,
        {
            "type": "Action.ShowCard",
            "title": "More",
            "card": {
                "type": "AdaptiveCard",
                "actions": [{"type": "Action.Submit", "title": "Deep", "data": {"deep": 1}}],
            },
        },
        {"type": "Action.OpenUrl", "title": "Portal", "url": "https://example.com"},
        {
            "type": "Action.Submit",
            "title": "Trap",
            "data": {"actions": [{"type": "Action.Submit", "id": "hidden"}]},
        },
    ],
}


async def write(teams: Teams, place: str, user: str, text: str, **more: Any) -> Any:
    body = {"from": user, "text": text} | more
    answer = await teams.play("POST", f"/api/conversations/{place}/messages", body)
    assert answer.status == 200, answer.body
    return answer.body


async def asked(teams: Teams) -> tuple[str, str]:
    """The bot sends Bob the card; the path of its click, and the path of the message."""
    chat = await teams.chat()
    sent = await teams.connector("POST", f"conversations/{chat}/activities", shown(CARD))
    return chat, sent.body["id"]


async def click(teams: Teams, where: tuple[str, str], action: str | int, **more: Any) -> Any:
    chat, message = where
    path = f"/api/conversations/{chat}/messages/{message}/click"
    return await teams.play("POST", path, {"user": BOB, "action": action} | more)


async def test_a_chat_message_reaches_the_bot_as_teams_words_it(teams: Teams) -> None:
    teams.bot.status = 202
    written = await write(teams, await teams.chat(), BOB, "did <b>you</b> ask?")

    activity = teams.bot.last
    assert (written["delivered"], written["status"]) == (True, 202)
    assert written["message"]["activity"] == activity
    assert activity["type"] == "message"
    assert activity["text"] == "did <b>you</b> ask?"
    assert activity["channelId"] == "msteams"
    assert activity["from"]["id"].startswith("29:")
    assert activity["from"]["aadObjectId"] == written["message"]["from"]["id"]
    assert activity["recipient"] == {"id": f"28:{APP_ID}", "name": "Vouch"}
    assert activity["conversation"] == {
        "conversationType": "personal",
        "tenantId": CONTOSO,
        "id": written["conversation"],
    }
    assert activity["channelData"]["tenant"] == {"id": CONTOSO}
    assert activity["entities"][0]["type"] == "clientInfo"
    assert activity["locale"] == "en-GB"
    assert activity["timestamp"].endswith("Z")
    assert "&lt;b&gt;" in activity["attachments"][0]["content"]


async def test_a_mention_in_a_channel_opens_a_thread_and_reaches_the_bot(teams: Teams) -> None:
    written = await write(teams, INCIDENTS, JON, "status", mentionBot=True)

    activity = teams.bot.last
    thread = f"{INCIDENTS};messageid={written['message']['id']}"
    assert activity["conversation"]["id"] == written["conversation"] == thread
    assert activity["conversation"]["isGroup"]
    assert activity["text"] == "<at>Vouch</at> status"
    mention = next(it for it in activity["entities"] if it["type"] == "mention")
    assert mention["text"] == "<at>Vouch</at>"
    assert mention["mentioned"]["id"] == f"28:{APP_ID}"
    assert activity["channelData"]["channel"] == {"id": INCIDENTS}
    assert activity["channelData"]["team"]["id"] == TEAM


async def test_a_channel_message_reaches_only_a_bot_that_may_read_all(teams: Teams) -> None:
    heard = await write(teams, INCIDENTS, JON, "just talking")
    unheard = await write(teams, FABRIKAM_INCIDENTS, "amira@fabrikam.example", "just talking")
    mentioned = await write(
        teams, unheard["conversation"], "amira@fabrikam.example", "help", mentionBot=True
    )

    assert heard["delivered"]
    assert (unheard["delivered"], unheard["status"]) == (False, None)
    assert mentioned["delivered"]
    assert [it["text"] for it in teams.bot.activities] == ["just talking", "<at>Vouch</at> help"]


async def test_nobody_writes_or_clicks_where_they_are_not(teams: Teams) -> None:
    chat, message = await asked(teams)
    body = {"from": BOB, "text": "may I?"}
    in_channel = await teams.play("POST", f"/api/conversations/{INCIDENTS}/messages", body)
    in_chat = await click(teams, (chat, message), "yes", user=JON)

    assert (in_channel.status, in_channel.code) == (409, "NotInConversation")
    assert (in_chat.status, in_chat.code) == (409, "NotInConversation")
    assert teams.bot.received == []


async def test_a_bot_that_does_not_answer_was_not_reached(teams: Teams) -> None:
    teams.sim.bot_url = "http://127.0.0.1:9"
    written = await write(teams, await teams.chat(), BOB, "anyone?")

    assert (written["delivered"], written["status"]) == (False, 502)


async def test_an_execute_is_an_invoke_with_data_and_inputs_merged(teams: Teams) -> None:
    where = await asked(teams)
    teams.bot.answer = {"statusCode": 200, "type": "message", "value": "thanks"}
    answer = await click(teams, where, "yes", inputs={"note": "typed", "more": "x"})

    activity = teams.bot.last
    assert answer.body == {"status": 200, "body": teams.bot.answer}
    assert (activity["type"], activity["name"]) == ("invoke", "adaptiveCard/action")
    assert activity["replyToId"] == where[1]
    assert activity["value"] == {
        "action": {
            "type": "Action.Execute",
            "id": "yes",
            "verb": "answer",
            "data": {"handle": "h1", "note": "typed", "more": "x"},
        },
        "trigger": "manual",
    }


async def test_an_older_client_submits_the_fallback(teams: Teams) -> None:
    where = await asked(teams)
    await click(teams, where, "yes", **{"as": "submit"}, inputs={"note": "typed"})

    activity = teams.bot.last
    assert activity["type"] == "message"
    assert activity["value"] == {"handle": "h2", "note": "typed"}
    assert activity["replyToId"] == where[1]
    assert "text" not in activity


async def test_an_action_is_found_by_id_title_or_place_wherever_it_stands(teams: Teams) -> None:
    where = await asked(teams)
    for wanted in (0, "A", "I opened it", 3, "Deep", "5"):
        assert (await click(teams, where, wanted)).status == 200, wanted

    values = [it.get("value") for it in teams.bot.activities]
    assert values[0] == values[1] == {}
    assert values[2]["action"]["verb"] == "answer"
    assert values[3] == values[4] == {"deep": 1}
    assert list(values[5]) == ["actions"]


async def test_what_no_one_could_press_is_not_pressed(teams: Teams) -> None:
    where = await asked(teams)
    missing = [await click(teams, where, it) for it in ("hidden", "nothing", 6, "-1")]
    unsent = [
        await click(teams, where, "Portal"),
        await click(teams, where, "More"),
        await click(teams, where, "A", **{"as": "execute"}),
    ]

    assert {(it.status, it.code) for it in missing} == {(404, "ActionNotFound")}
    assert {(it.status, it.code) for it in unsent} == {(409, "NotSent")}
    assert teams.bot.received == []


async def test_a_card_in_the_answer_is_that_users_view_until_the_next_edit(teams: Teams) -> None:
    where = await asked(teams)
    view = {"type": "AdaptiveCard", "actions": [{"type": "Action.Submit", "id": "change"}]}
    teams.bot.answer = {"statusCode": 200, "type": CARD_TYPE, "value": view}
    await click(teams, where, "yes")

    message = await teams.message(*where)
    assert list(message["viewFor"].values()) == [view]
    assert message["activity"] == shown(CARD)
    assert (await click(teams, where, "change")).status == 200
    assert (await click(teams, where, "yes")).status == 404

    await teams.connector("PUT", "conversations/{}/activities/{}".format(*where), shown(CARD))
    assert (await teams.message(*where))["viewFor"] == {}
    assert (await click(teams, where, "yes")).status == 200


async def test_buttons_are_dead_once_the_message_or_the_bot_is_gone(teams: Teams) -> None:
    where = await asked(teams)
    await teams.play("POST", f"/api/users/{BOB}/block")
    blocked = await click(teams, where, "yes")
    await teams.play("POST", f"/api/users/{BOB}/unblock")
    await teams.connector("DELETE", "conversations/{}/activities/{}".format(*where))
    deleted = await click(teams, where, "yes")

    assert (blocked.status, blocked.code) == (409, "BotNotThere")
    assert (deleted.status, deleted.code) == (409, "MessageDeleted")


async def test_installing_in_a_team_tells_the_bot_as_teams_does(fresh: Teams) -> None:
    await fresh.play("POST", f"/api/teams/{TEAM}/install")

    installation, membership = fresh.bot.activities
    assert (installation["type"], installation["action"]) == ("installationUpdate", "add")
    assert membership["type"] == "conversationUpdate"
    assert membership["membersAdded"] == [{"id": f"28:{APP_ID}"}]
    assert membership["channelData"]["eventType"] == "teamMemberAdded"
    for activity in (installation, membership):
        assert activity["conversation"]["id"] == TEAM
        assert activity["channelData"]["team"]["id"] == TEAM
        assert activity["from"]["aadObjectId"]


async def test_installing_for_a_person_comes_from_their_chat(fresh: Teams) -> None:
    await fresh.play("POST", f"/api/users/{BOB}/install")

    chat = await fresh.chat()
    types = [it["type"] for it in fresh.bot.activities]
    assert types == ["installationUpdate", "conversationUpdate"]
    assert {it["conversation"]["id"] for it in fresh.bot.activities} == {chat}
    assert "team" not in fresh.bot.last["channelData"]


async def test_removing_the_app_is_told_too(teams: Teams) -> None:
    await teams.play("POST", f"/api/teams/{TEAM}/uninstall")
    await teams.play("POST", f"/api/users/{BOB}/uninstall")

    told = [(it["type"], it.get("action")) for it in teams.bot.activities]
    assert told == [
        ("installationUpdate", "remove"),
        ("conversationUpdate", None),
        ("installationUpdate", "remove"),
    ]
    assert teams.bot.activities[1]["membersRemoved"] == [{"id": f"28:{APP_ID}"}]


async def test_installing_for_all_takes_in_teams_and_those_marked_in_the_world(
    fresh: Teams, bot: StubBot
) -> None:
    before = await fresh.state()
    answer = await fresh.play("POST", "/api/install-all")
    after = await fresh.state()

    assert not any(user["installed"] for tenant in before["tenants"] for user in tenant["users"])
    assert all(team["installed"] for tenant in after["tenants"] for team in tenant["teams"])
    installed = [
        user["upn"].partition("@")[0]
        for tenant in after["tenants"]
        for user in tenant["users"]
        if user["installed"]
    ]
    assert installed == ["bob", "carla", "adm-ines", "paulo", "greta", "lee"]
    assert len(answer.body["sent"]) == len(bot.activities) == 2 * (3 + 6)


async def test_a_newcomer_joins_the_team_and_the_bot_hears_of_it(teams: Teams) -> None:
    body = {"name": "Nils Berg", "upn": "nils@contoso.example", "locale": "sv-SE", "sid": "S-1-5"}
    added = await teams.play("POST", f"/api/tenants/{CONTOSO}/users", body)

    user = added.body
    assert (user["givenName"], user["role"], user["sid"]) == ("Nils", "user", "S-1-5")
    assert user["mri"].startswith("29:")
    member = {"id": user["mri"], "aadObjectId": user["id"]}
    assert teams.bot.last["membersAdded"] == [member]
    roster = await teams.connector("GET", f"conversations/{TEAM}/members")
    assert roster.body[-1]["id"] == user["mri"]
    again = await teams.play("POST", f"/api/tenants/{CONTOSO}/users", body)
    assert (again.status, again.code) == (409, "UserExists")
