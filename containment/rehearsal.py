"""Records what would be done and touches nothing: dry runs, the demo, the tests."""

import structlog

from containment.actions import Order, Receipt

log = structlog.get_logger(__name__)


class Rehearsal:
    """The harmless hand. Every order is a receipt marked as rehearsed."""

    async def carry_out(self, order: Order) -> Receipt:
        log.info(
            "containment_rehearsed",
            customer=order.customer,
            action=order.action,
            target=order.target.kind,
            undo=order.undo,
            key=order.key,
        )
        return Receipt(remote_id=f"rehearsal:{order.key}", rehearsed=True)
