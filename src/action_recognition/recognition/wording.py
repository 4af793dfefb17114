"""Numbers in the words of the command line, of the page, and of all files that people read."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal

_TENTH = Decimal("0.001")  # of a percent, as a share


def percent(share: float) -> str:
    """A probability in 0..1 as text, rounded down.

    So it says 100 % only where nothing is missing, and 50 % only where an answer is not unsure.

    >>> percent(0.834), percent(0.9999), percent(0.49996), percent(1.0)
    ('83.4 %', '99.9 %', '49.9 %', '100.0 %')
    """
    # In decimal numbers, and without what adding up leaves: 57.0 % is not a little less.
    whole = Decimal(str(round(float(share), 9)))
    kept = whole if share >= 1 else min(whole, Decimal("0.999"))
    return f"{100 * kept.quantize(_TENTH, ROUND_DOWN):.1f} %"
