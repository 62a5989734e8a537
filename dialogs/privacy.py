"""Reading "privacy": somebody asks what is kept of them."""

import re

_ASKS = re.compile(
    r"\W*(?:privacy(?: (?:notice|policy))?|my data|gdpr|datenschutz\w*|meine daten|dsgvo"
    r"|privacidade|meus dados|lgpd)\W*",
    re.IGNORECASE,
)


def asks_about_privacy(text: str) -> bool:
    return _ASKS.fullmatch(text) is not None
