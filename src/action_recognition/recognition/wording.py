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
    # As a decimal number: in binary, 57.0 % would be a little less.
    return f"{100 * Decimal(str(float(share))).quantize(_TENTH, ROUND_DOWN):.1f} %"
