"""Which hosts the bot's token may be sent to.

Whoever receives the token can post as the bot to every customer, and a service URL is only text
somebody sent. It is held against this list where it comes in and again where it goes out.
"""

import re
from collections.abc import Collection
from functools import lru_cache

_SERVICE_URL = re.compile(r"https://([a-z0-9.-]+(?::[0-9]+)?)(?:/[a-z0-9._~%/-]*)?", re.IGNORECASE)
"""One strict shape, so that no two URL parsers can read a host differently."""
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def is_allowed(service_url: str, hosts: Collection[str]) -> bool:
    """Whether a service URL may be stored, and spoken to.

    - https, and nothing but a host, a port and a plain path: no user, query or fragment;
    - the host, with the port where one is written, is on the list letter for letter. Suffixes do
      not count: anybody can register a name under trafficmanager.net.
    """
    match = _SERVICE_URL.fullmatch(service_url)
    return match is not None and match[1].lower() in hosts


@lru_cache(maxsize=1024)
def tenants_in(service_url: str) -> frozenset[str]:
    """The tenant a service URL names, as in `…/emea/{tenant}/`; the older form names none."""
    return frozenset(part.lower() for part in service_url.split("/") if _GUID.fullmatch(part))
