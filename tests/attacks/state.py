"""What is recorded, as one value to compare: whether an attack has left a trace in the records."""

from hashlib import sha256

from sqlalchemy import select

from storage.engine import AcrossTx, Store
from storage.tables import Row

Digests = dict[str, tuple[int, str]]


async def recorded(store: Store, *, but: frozenset[str] = frozenset()) -> Digests:
    """Each table's rows by number and digest, but for tables that are meant to take refusals in."""

    def read(tx: AcrossTx) -> Digests:
        found: Digests = {}
        for table in Row.metadata.sorted_tables:
            if table.name not in but:
                rows = sorted(repr(tuple(row)) for row in tx.session.run(select(table)))
                found[table.name] = len(rows), sha256("\n".join(rows).encode()).hexdigest()
        return found

    return await store.read_across(read)


QUARANTINE = frozenset({"quarantine"})
"""Where what was refused for its content is kept for a person to look at."""
