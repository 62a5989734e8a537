"""Draws the two icons Teams wants: `python -m manifest.icons` writes them anew.

A tick that is also a V. Teams masks the colour icon itself, so its ground goes to the edge, and
keeps what counts within the 120 pixels in its middle.
"""

import math
import struct
import zlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

HERE = Path(__file__).parent
PURPLE, WHITE = (0x4F, 0x52, 0xB2), (0xFF, 0xFF, 0xFF)

Point = tuple[float, float]
Pixel = tuple[int, int, int, int]

TICK: tuple[Point, ...] = ((0.0, 0.34), (0.36, 1.0), (1.0, 0.0))
"""From the short arm's end over the foot to the long arm's, in a box of 1 by 1."""


def colour() -> bytes:
    """192 x 192, white on purple, opaque."""
    tick = _placed(left=49, top=52, width=94, height=86)

    def pixel(at: Point) -> Pixel:
        cover = _cover(at, tick, 12.5)
        red, green, blue = (round(g + (w - g) * cover) for g, w in zip(PURPLE, WHITE, strict=True))
        return red, green, blue, 255

    return _png(192, pixel)


def outline() -> bytes:
    """32 x 32, white on nothing."""
    tick = _placed(left=5.5, top=6.5, width=21, height=19)
    return _png(32, lambda at: (*WHITE, round(255 * _cover(at, tick, 1.8))))


def _placed(left: float, top: float, width: float, height: float) -> list[Point]:
    return [(left + x * width, top + y * height) for x, y in TICK]


def _cover(at: Point, line: list[Point], radius: float) -> float:
    """How much of a pixel a line with round ends covers: its edge is one pixel wide."""
    near = min(_distance(at, a, b) for a, b in pairwise(line))
    return min(max(radius - near + 0.5, 0.0), 1.0)


def _distance(at: Point, a: Point, b: Point) -> float:
    """From a point to a stretch of line."""
    along_x, along_y = b[0] - a[0], b[1] - a[1]
    share = ((at[0] - a[0]) * along_x + (at[1] - a[1]) * along_y) / (along_x**2 + along_y**2)
    share = min(max(share, 0.0), 1.0)
    return math.hypot(at[0] - a[0] - share * along_x, at[1] - a[1] - share * along_y)


def _png(size: int, pixel: Callable[[Point], Pixel]) -> bytes:
    rows = b"".join(
        b"\0" + bytes(value for x in range(size) for value in pixel((x + 0.5, y + 0.5)))
        for y in range(size)
    )
    header = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_part(kind, content) for kind, content in parts)


def _part(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


if __name__ == "__main__":
    (HERE / "color.png").write_bytes(colour())
    (HERE / "outline.png").write_bytes(outline())
