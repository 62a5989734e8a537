"""An effect that can be begun, as whoever carries effects out is told of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Due:
    customer_id: str
    effect_id: int
    urgency: int
    lane: str | None
    stream: str
    surface: str | None
    spoken_to: str | None
    """Whose tenant hears it; None where Teams does not."""
    opens: bool
    """It creates a conversation; a customer's are created one after another."""
