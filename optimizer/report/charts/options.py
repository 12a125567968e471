"""Charts of options side by side."""

from collections.abc import Mapping, Sequence

from models.language import tr
from optimizer.report.charts import drawing as d
from optimizer.report.figures import column, number

Pair = tuple[str, str]


def side_by_side(
    names: Sequence[str], left: d.Known, money: Mapping[str, d.Floats], titles: Pair, units: Pair
) -> d.Figure:
    """One line an option: what is left on the left, public money by class on the right."""
    drawn, (axes, beside) = d.figure(1.0 + 0.3 * len(names), 1, 2, sharey=True)
    places = range(len(names))
    known = [value or 0.0 for value in left]
    d.bars(axes, places, known, 0.6, d.BLUE)
    total = [0.0] * len(names)
    for (name, values), look in zip(money.items(), d.SERIES, strict=False):
        d.bars(beside, places, values, 0.6, *look, left=total, label=name)
        total = [a + b for a, b in zip(total, values, strict=True)]
    texts = (column(list(left)), [number(value, 0) for value in total])
    panels = zip((axes, beside), (known, total), texts, titles, units, strict=True)
    for panel, ends, labels, title, unit in panels:
        d.labels(panel, labels, ends, size=6.8)
        panel.set_title(title)
        panel.set_xlim(0, max([*ends, 1e-9]) * 1.22)
        d.rows_beside(panel, names, unit)
    if money:
        drawn.legend(loc="outside lower right", ncols=3, title=tr("Budget class"))
    return drawn
