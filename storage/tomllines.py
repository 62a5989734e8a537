"""Where in a TOML text a value stands: the standard library's reader does not tell."""

import re
from collections import Counter
from collections.abc import Iterator

Place = tuple[str | int, ...]

_TABLE = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]")
_TABLE_OF_ARRAY = re.compile(r"\s*\[\[\s*([^\[\]]+?)\s*\]\]")
_KEY = re.compile(r"""\s*([A-Za-z0-9_.\-"' ]+?)\s*=""")
_STRING = re.compile(r'"""|\'\'\'|"(?:\\.|[^"\\])*"|\'[^\']*\'')


class Lines:
    """Of a text that parses; the nearest enclosing table or key, for what is nested deeper."""

    def __init__(self, text: str) -> None:
        self._lines = dict(_places(text))

    def of(self, place: Place) -> int | None:
        for length in range(len(place), 0, -1):
            if place[:length] in self._lines:
                return self._lines[place[:length]]
        return None


def _places(text: str) -> Iterator[tuple[Place, int]]:
    table: Place = ()
    tables_of: Counter[Place] = Counter()
    rest = ""
    """What is still open of a value that goes on over several lines."""
    for number, line in enumerate(text.splitlines(), start=1):
        if rest:
            rest = _still_open(rest, line)
        elif found := _TABLE_OF_ARRAY.match(line):
            name = _parts(found[1])
            table = (*name, tables_of[name])
            tables_of[name] += 1
            yield table, number
        elif found := _TABLE.match(line):
            table = _parts(found[1])
            yield table, number
        elif found := _KEY.match(line):
            yield (*table, *_parts(found[1])), number
            rest = _still_open("", line[found.end() :])


def _still_open(rest: str, line: str) -> str:
    """The brackets, or the quotes of a long string, that are open after this line."""
    if rest in {'"""', "'''"}:
        _, closed, line = line.partition(rest)
        if not closed:
            return rest
        rest = ""
    while found := _STRING.search(line):
        if found[0] in {'"""', "'''"} and "#" not in line[: found.start()]:
            return _still_open(found[0], line[found.end() :])
        line = line[: found.start()] + line[found.end() :]
    line = line.partition("#")[0]
    depth = len(rest) + line.count("[") + line.count("{") - line.count("]") - line.count("}")
    return "[" * depth


def _parts(name: str) -> Place:
    return tuple(part.strip().strip("\"'") for part in name.split("."))
