"""Activities written by hand: what no honest client sends, signed as Teams would sign it."""

from typing import Any
from uuid import uuid4

from tests.story.house import APP_ID, House, Json, Seen


async def click(
    h: House,
    who: str,
    on: Seen,
    data: Any,
    *,
    conversation: str | None = None,
    id_: str | None = None,
    submit: bool = False,
) -> Json:
    """A click on a message, by anybody, with any data, from any conversation."""
    user = await h.person(who)
    place = conversation or on.conversation
    activity = await envelope(h, user, place, "message" if submit else "invoke", id_)
    activity["replyToId"] = on.id
    if submit:
        return activity | {"value": data}
    action = {"type": "Action.Execute", "verb": "answer", "data": data}
    named = {"name": "adaptiveCard/action", "value": {"action": action, "trigger": "manual"}}
    return activity | named


async def text(h: House, who: str, conversation: str, words: str) -> Json:
    user = await h.person(who)
    return await envelope(h, user, conversation, "message", None) | {"text": words}


async def envelope(h: House, user: Json, conversation: str, type_: str, id_: str | None) -> Json:
    """Sent from the tenant of whoever acts."""
    tenant = await tenant_of(h, user)
    personal = not conversation.startswith("19:")
    return {
        "type": type_,
        "id": id_ or f"f:{uuid4()}",
        "channelId": "msteams",
        "serviceUrl": h.sim.service_url(tenant),
        "from": {"id": user["mri"], "name": user["name"], "aadObjectId": user["id"]},
        "recipient": {"id": f"28:{APP_ID}", "name": "Vouch"},
        "conversation": {
            "id": conversation,
            "tenantId": tenant,
            "conversationType": "personal" if personal else "channel",
        },
        "channelData": {"tenant": {"id": tenant}},
        "locale": user["locale"],
    }


async def deliver(h: House, activity: Json) -> int:
    """Straight to the bot, with what the simulator's own API would not carry; the status."""
    told = await h._api("POST", "/tokens", {"tenant": activity["conversation"]["tenantId"]})
    headers = {"Authorization": f"Bearer {told['token']}"}
    url = f"{h.vouch.url}/api/messages"
    async with h.control.post(url, json=activity, headers=headers) as response:
        return response.status


async def tenant_of(h: House, user: Json) -> str:
    return next(t.id for t in h.sim.world.tenants.values() if user["id"] in t.users)
