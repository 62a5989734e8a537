"""The links that cards carry to our own pages."""

from dataclasses import dataclass

from bot import ids
from triage.views import PersonCard, View

PATH = "/confirm/"
CALLBACK = "/signed-in"
"""Where Entra sends a browser back to: the app's redirect URI."""
ANSWER = f"{CALLBACK}/answer"
SURFACE = "verify:"
"""What a link's handle stands for, with the verification's id."""


@dataclass(frozen=True, slots=True)
class Links:
    """`public_url` is where people's browsers reach us; None where they do not."""

    public_url: str | None

    def of(self, view: View, card: str) -> str | None:
        """The link on a card with this handle."""
        if self.public_url is None or not isinstance(view, PersonCard) or not view.verification:
            return None
        return f"{self.public_url}{PATH}{ids.link_token(card, view.verification)}"
