"""What the bot may do in Teams, and how it is refused."""

from io import BytesIO
from typing import Any

from tests.simulator.simulated_teams import (
    CONTOSO,
    FABRIKAM,
    INCIDENTS,
    TEAM,
    Teams,
    new_chat,
    new_thread,
    said,
)

NOBODY = "00000000-0000-4000-8000-000000000000"


async def person(teams: Teams, upn: str) -> Any:
    tenants = (await teams.state())["tenants"]
    return next(user for tenant in tenants for user in tenant["users"] if user["upn"] == upn)


async def test_a_thread_is_opened_with_its_root_and_replied_to(teams: Teams) -> None:
    made = await teams.thread(said("an incident"))
    reply = await teams.connector("POST", f"conversations/{made['id']}/activities", said("news"))

    assert made["id"] == f"{INCIDENTS};messageid={made['activityId']}"
    assert reply.status == 201
    [thread] = [it for it in (await teams.state())["conversations"] if it["kind"] == "thread"]
    assert [it["id"] for it in thread["messages"]] == [made["activityId"], reply.body["id"]]
    assert thread["title"] == "an incident"
    assert (thread["team"], thread["channel"], thread["tenant"]) == (TEAM, INCIDENTS, CONTOSO)


async def test_posting_to_the_bare_channel_opens_another_thread(teams: Teams) -> None:
    made = await teams.thread(said("first"))
    sent = await teams.connector("POST", f"conversations/{INCIDENTS}/activities", said("second"))

    threads = [it["id"] for it in (await teams.state())["conversations"] if it["kind"] == "thread"]
    assert threads == [made["id"], f"{INCIDENTS};messageid={sent.body['id']}"]


async def test_messages_carry_the_exact_json_sent(teams: Teams) -> None:
    activity = said("ünïcode 🙂 </script>") | {"channelData": {"x": [1.5, None, {"": True}]}}
    made = await teams.thread(activity)

    message = await teams.message(made["id"], made["activityId"])
    assert message["activity"] == activity
    assert message["from"]["kind"] == "bot"


async def test_an_edit_replaces_the_message_and_is_counted(teams: Teams) -> None:
    made = await teams.thread(said("first") | {"summary": "gone after the edit"})
    path = f"conversations/{made['id']}/activities/{made['activityId']}"
    for text in ("second", "third"):
        edited = await teams.connector("PUT", path, said(text))
        assert (edited.status, edited.body) == (200, {"id": made["activityId"]})

    message = await teams.message(made["id"], made["activityId"])
    assert message["activity"] == said("third")
    assert message["edits"] == 2
    assert message["editedAt"] >= message["at"]


async def test_a_deleted_message_stays_as_deleted_and_is_not_found_again(teams: Teams) -> None:
    made = await teams.thread(said("oops"))
    path = f"conversations/{made['id']}/activities/{made['activityId']}"

    assert (await teams.connector("DELETE", path)).status == 200
    assert (await teams.message(made["id"], made["activityId"]))["deleted"]
    again = await teams.connector("PUT", path, said("back"))
    assert (again.status, again.code) == (404, "ActivityNotFoundInConversation")


async def test_object_id_and_29_id_lead_to_the_one_chat_with_a_person(teams: Teams) -> None:
    bob = await person(teams, "bob@contoso.example")
    first = await teams.connector("POST", "conversations", new_chat(bob["id"]))
    second = await teams.connector("POST", "conversations", new_chat(bob["mri"]))

    assert first.status == second.status == 201
    assert first.body["id"] == second.body["id"] == await teams.chat()


async def test_a_team_member_is_reached_without_a_personal_installation(teams: Teams) -> None:
    jon = await person(teams, "jon@contoso.example")
    made = await teams.connector("POST", "conversations", new_chat(jon["id"]))

    assert not jon["installed"]
    assert made.status == 201


async def test_nobody_is_reached_where_the_app_is_not_installed(teams: Teams) -> None:
    bob = await person(teams, "bob@contoso.example")
    chat = await teams.chat()
    thread = (await teams.thread(said("before")))["id"]
    await teams.play("POST", f"/api/users/{bob['id']}/uninstall")
    await teams.play("POST", f"/api/teams/{TEAM}/uninstall")

    refused = [
        await teams.connector("POST", "conversations", new_chat(bob["id"])),
        await teams.connector("POST", f"conversations/{chat}/activities", said("hello?")),
        await teams.connector("POST", "conversations", new_thread(said("hello?"))),
        await teams.connector("POST", f"conversations/{thread}/activities", said("hello?")),
        await teams.connector("GET", f"conversations/{TEAM}/members"),
        await teams.connector("GET", f"teams/{TEAM}"),
    ]

    assert {(it.status, it.code) for it in refused} == {(403, "BotNotInConversationRoster")}


async def test_who_blocked_the_bot_is_not_reached_until_unblocking_it(teams: Teams) -> None:
    bob = await person(teams, "bob@contoso.example")
    chat = await teams.chat()
    await teams.play("POST", f"/api/users/{bob['id']}/block")
    refused = [
        await teams.connector("POST", "conversations", new_chat(bob["id"])),
        await teams.connector("POST", f"conversations/{chat}/activities", said("hello?")),
    ]
    await teams.play("POST", f"/api/users/{bob['id']}/unblock")
    sent = await teams.connector("POST", f"conversations/{chat}/activities", said("hello"))

    assert {(it.status, it.code) for it in refused} == {(403, "ConversationBlockedByUser")}
    assert sent.status == 201


async def test_what_does_not_exist_is_refused_by_name(teams: Teams) -> None:
    made = await teams.thread(said("here"))
    nowhere = ["a:1nobody", "19:none@thread.tacv2", f"{INCIDENTS};messageid=1"]
    missing = [
        await teams.connector("POST", f"conversations/{it}/activities", said("x")) for it in nowhere
    ]
    missing.append(await teams.connector("POST", "conversations", new_thread(said("x"), "19:no")))
    unknown = await teams.connector("PUT", f"conversations/{made['id']}/activities/1", said("x"))

    assert {(it.status, it.code) for it in missing} == {(404, "ConversationNotFound")}
    assert (unknown.status, unknown.code) == (404, "ActivityNotFoundInConversation")


async def test_an_id_of_one_tenant_finds_nothing_in_another(teams: Teams) -> None:
    made = await teams.thread(said("Contoso's"))
    bob = await person(teams, "bob@contoso.example")
    activity = f"conversations/{made['id']}/activities"
    foreign = [
        await teams.connector("POST", activity, said("x"), tenant=FABRIKAM),
        await teams.connector(
            "PUT", f"{activity}/{made['activityId']}", said("x"), tenant=FABRIKAM
        ),
        await teams.connector("GET", f"conversations/{TEAM}/members", tenant=FABRIKAM),
        await teams.connector(
            "POST", "conversations", new_thread(said("x"), tenant=FABRIKAM), tenant=FABRIKAM
        ),
    ]
    chat = await teams.connector(
        "POST", "conversations", new_chat(bob["id"], FABRIKAM), tenant=FABRIKAM
    )

    assert {(it.status, it.code) for it in foreign} == {(404, "ConversationNotFound")}
    assert (chat.status, chat.code) == (400, "BadArgument")


async def test_bad_arguments_are_told_so(teams: Teams) -> None:
    bob = await person(teams, "bob@contoso.example")
    refused = [
        await teams.connector("POST", "conversations", new_chat(NOBODY)),
        await teams.connector("POST", "conversations", new_chat("bob@contoso.example")),
        await teams.connector("POST", "conversations", new_chat(bob["id"], FABRIKAM)),
        await teams.connector("POST", "conversations", new_chat(bob["id"]) | {"tenantId": None}),
        await teams.connector("POST", "conversations", new_chat(bob["id"]) | {"members": []}),
        await teams.connector("POST", "conversations", new_thread(None)),
        await teams.connector("POST", "conversations", new_thread({"text": "typeless"})),
        await teams.connector("POST", "conversations", new_thread({"type": "typing"})),
        await teams.connector("GET", f"conversations/{TEAM}/members/{NOBODY}"),
        await teams.connector("GET", f"conversations/{TEAM}/members/{bob['id']}"),
    ]
    not_an_object = await teams.connector("POST", "conversations", ["list"])

    assert {(it.status, it.code) for it in refused} == {(400, "BadArgument")}
    assert (not_an_object.status, not_an_object.code) == (400, "BadSyntax")


async def test_a_message_may_take_100_kb_as_utf_16_and_no_more(teams: Teams) -> None:
    room = (100 * 1024 - len('{"type":"message","text":""}') * 2) // 2
    fits = await teams.connector("POST", "conversations", new_thread(said("x" * room)))
    wide = await teams.connector("POST", "conversations", new_thread(said("ü" * room)))
    large = await teams.connector("POST", "conversations", new_thread(said("x" * (room + 1))))

    assert fits.status == wide.status == 201
    assert (large.status, large.code) == (413, "MessageSizeTooBig")


async def test_a_body_over_2_mb_is_not_even_read(teams: Teams) -> None:
    huge = BytesIO(b'"' + b"x" * 2_200_000 + b'"')
    refused = await teams.connector("POST", "conversations", data=huge)

    assert (refused.status, refused.code) == (413, "MessageSizeTooBig")


async def test_a_person_s_message_is_not_the_bots_to_change(teams: Teams) -> None:
    chat = await teams.chat()
    body = {"from": "bob@contoso.example", "text": "mine"}
    written = await teams.play("POST", f"/api/conversations/{chat}/messages", body)
    message_id = written.body["message"]["id"]
    path = f"conversations/{chat}/activities/{message_id}"

    answers = [
        await teams.connector("PUT", path, said("yours")),
        await teams.connector("DELETE", path),
    ]
    assert {(it.status, it.code) for it in answers} == {(403, "NotEnoughPermissions")}
    assert (await teams.message(chat, message_id))["activity"]["text"] == "mine"


async def test_typing_is_acknowledged_and_leaves_no_message(teams: Teams) -> None:
    chat = await teams.chat()
    sent = await teams.connector("POST", f"conversations/{chat}/activities", {"type": "typing"})

    assert sent.status == 201
    listed = await teams.play("GET", f"/api/conversations/{chat}/messages")
    assert listed.body == []


async def test_a_roster_names_the_members_of_the_team_or_the_person_of_the_chat(
    teams: Teams,
) -> None:
    thread = (await teams.thread(said("who is here?")))["id"]
    chat = await teams.chat()
    for place in (TEAM, INCIDENTS, thread):
        team = await teams.connector("GET", f"conversations/{place}/members")
        assert [it["givenName"] for it in team.body] == ["Jon", "Ines"]
    [bob] = (await teams.connector("GET", f"conversations/{chat}/members")).body
    one = await teams.connector("GET", f"conversations/{chat}/members/{bob['id']}")

    assert one.body == bob
    assert bob["objectId"] == (await person(teams, "bob@contoso.example"))["id"]
    assert (bob["tenantId"], bob["email"]) == (CONTOSO, "bob@contoso.example")
    assert (bob["name"], bob["surname"]) == ("Bob Meyer", "Meyer")


async def test_a_long_roster_is_read_in_pages(teams: Teams) -> None:
    path = f"conversations/{TEAM}/pagedmembers"
    first = await teams.connector("GET", path, params={"pageSize": "1"})
    token = first.body["continuationToken"]
    second = await teams.connector(
        "GET", path, params={"pageSize": "1", "continuationToken": token}
    )

    names = [it["name"] for page in (first, second) for it in page.body["members"]]
    assert names == ["Jon Park", "Ines Costa"]
    assert "continuationToken" not in second.body


async def test_a_team_tells_its_details_and_channels(teams: Teams) -> None:
    team = (await teams.connector("GET", f"teams/{TEAM}")).body
    channels = (await teams.connector("GET", f"teams/{TEAM}/conversations")).body

    assert (team["name"], team["memberCount"]) == ("Contoso Security", 2)
    assert channels["conversations"] == [
        {"id": TEAM, "name": None},
        {"id": INCIDENTS, "name": "Incidents"},
    ]


async def test_ids_may_come_percent_encoded(teams: Teams) -> None:
    made = await teams.thread(said("first"))
    encoded = made["id"].replace(":", "%3A").replace(";", "%3B").replace("@", "%40")
    base = teams.sim.service_url(CONTOSO)
    import yarl

    url = yarl.URL(f"{base}v3/conversations/{encoded}/activities", encoded=True)
    async with teams.session.post(
        url,
        json=said("second"),
        headers={"Authorization": f"Bearer {teams.bearer}"},
        ssl=teams.trust,
    ) as response:
        assert response.status == 201
