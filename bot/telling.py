"""What the analysts are told in their channel, beside the threads of incidents."""

from datetime import datetime

from storage import effects, incidents
from storage.engine import Tx
from triage.effects import TellAnalysts
from triage.phrases import Phrase


def tell_analysts(tx: Tx, key: str, says: Phrase, provider: str, now: datetime) -> None:
    """What belongs to no incident, in the analysts' channel; `provider` is whose it is."""
    stream = incidents.desk(tx.customer)
    effects.order(
        tx,
        stream,
        [TellAnalysts(key, says)],
        now,
        urgency=effects.Urgency.PEOPLE,
        analysts=provider,
    )
