"""Call and Chat: links by which Teams itself calls somebody, or opens a chat with them.

Source: learn.microsoft.com, deep-link-workflow. Whoever presses one is asked by Teams before
anything is begun. Across tenants a chat opens only between people who have met before.
"""

import re
from urllib.parse import quote

from cards.elements import OpenUrl
from cards.wording import Reader, label
from triage.views import Callee

_UPN = re.compile(r"[A-Za-z0-9._%+'#-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5}")


def teams_links(callee: Callee, topic: str, reader: Reader) -> list[object]:
    """Nothing where the address could be anything but one."""
    if not _UPN.fullmatch(callee.upn):
        return []
    users, about = quote(callee.upn, safe="@"), quote(topic, safe="")
    teams = "https://teams.microsoft.com/l"
    call = label("button.call", reader, person=callee.name)
    chat = label("button.chat", reader)
    return [
        OpenUrl(title=call, url=f"{teams}/call/0/0?users={users}"),
        OpenUrl(title=chat, url=f"{teams}/chat/0/0?users={users}&topicName={about}"),
    ]
