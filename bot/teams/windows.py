"""How fast Teams takes calls, by its page on rate limits.

Per bot and thread, to send or create: 7 in 1 s, 8 in 2 s, 60 in 30 s, 1,800 in an hour. Per app and
tenant: 50 in 1 s. Ours are longer by what two clocks may differ in running.
"""

from storage.windows import within

MARGIN = 0.01

THREAD = tuple(
    within(most, seconds=seconds + MARGIN)
    for most, seconds in ((7, 1), (8, 2), (60, 30), (1_800, 3_600))
)
TENANT = (within(50, seconds=1 + MARGIN),)
