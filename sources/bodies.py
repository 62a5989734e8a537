"""How incidents are wrapped on their way here: in `body`, in `object`, in a list or in a page."""

from collections.abc import Collection, Iterator

_LAYERS = 6
"""How many are taken off: Logic Apps wraps once, a playbook called by another twice, a careless
flow once more."""


def each(body: object, wrappers: Collection[str]) -> Iterator[tuple[str, object]]:
    """Every incident of a body and its place in it; items of a list may be wrapped once more."""
    inside = unwrapped(body, wrappers)
    if isinstance(inside, dict) and isinstance(inside.get("value"), list):
        yield from (
            (f"value[{at}]", unwrapped(it, wrappers)) for at, it in enumerate(inside["value"])
        )
    elif isinstance(inside, list):
        yield from ((f"[{at}]", unwrapped(it, wrappers)) for at, it in enumerate(inside))
    else:
        yield "body", inside


def unwrapped(body: object, wrappers: Collection[str]) -> object:
    for _ in range(_LAYERS):
        inside = _inside(body, wrappers)
        if inside is None:
            break
        body = inside
    return body


def _inside(body: object, wrappers: Collection[str]) -> object:
    if not isinstance(body, dict):
        return None
    found = (body.get(name) for name in wrappers)
    return next((inside for inside in found if isinstance(inside, dict | list)), None)
