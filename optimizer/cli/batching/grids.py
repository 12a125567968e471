"""Values of ``--grid``: lists, ranges, and all combinations of several."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation

import click

from models.language import tr

MOST_VALUES = 10_000
"""Of one grid; more are a mistyped step."""

_CLOSES = {"[": "]", "{": "}", "(": ")"}


def grids(
    _ctx: click.Context, _option: click.Parameter, texts: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """The values of each path of ``--grid PATH=VALUES``, in the order given, each once.

    A path that is given again gets further values. Raises click.BadParameter.
    """
    found: dict[str, dict[str, None]] = {}
    for text in texts:
        path, equals, listed = text.partition("=")
        path = path.strip()
        if not equals or not path or not listed.strip():
            raise click.BadParameter(
                tr("'{value}' is not such as horizon.last_year=2035,2040.", value=text)
            )
        values = found.setdefault(path, {})
        for part in _parts(listed):
            if not part:
                raise click.BadParameter(tr("'{value}' has an empty value.", value=text))
            values.update(dict.fromkeys(_range(part, text)))
            if len(values) > MOST_VALUES:
                raise click.BadParameter(
                    tr("'{value}' is more than {most} values.", value=text, most=MOST_VALUES)
                )
    return {path: tuple(values) for path, values in found.items()}


def combinations(values: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    """All combinations of values by path, the last path moving fastest; one empty one of none."""
    for combined in itertools.product(*values.values()):
        yield dict(zip(values, combined, strict=True))


def _parts(text: str) -> Iterator[str]:
    """What stands between commas; those in quotes and brackets are part of a value."""
    begun, quote, open_ = 0, "", []
    for at, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'" and not text[begun:at].strip():
            quote = sign
        elif sign in _CLOSES:
            open_.append(_CLOSES[sign])
        elif open_ and sign == open_[-1]:
            open_.pop()
        elif sign == "," and not open_:
            yield text[begun:at].strip()
            begun = at + 1
    yield text[begun:].strip()


def _range(part: str, text: str) -> Iterator[str]:
    """The values of ``FROM:TO:STEP``, reckoned in decimals so that none is missed; else the text.

    Both ends belong to it, the last if a step meets it.
    """
    try:
        first, last, step = (Decimal(number.strip()) for number in part.split(":"))
    except (ValueError, InvalidOperation):
        yield part
        return
    if not (first.is_finite() and last.is_finite() and step.is_finite()):
        yield part
        return
    if step <= 0 or last < first:
        raise click.BadParameter(
            tr("'{value}': a range rises from FROM to TO by a STEP above 0.", value=text)
        )
    if (last - first) / step >= MOST_VALUES:
        raise click.BadParameter(
            tr("'{value}' is more than {most} values.", value=text, most=MOST_VALUES)
        )
    for position in range(int((last - first) / step) + 1):
        yield f"{(first + position * step).normalize():f}"
