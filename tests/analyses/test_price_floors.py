"""What a million buys as a price floor, as equity and as stock: the table of the document."""

import re
from pathlib import Path

import pytest
from small import near

from models.files import read_case_text
from optimizer.analyses.analysis_options import FrontierOptions
from optimizer.analyses.frontier.tracing import trace_frontier
from optimizer.analyses.variation import BUDGET_PATH, Variation

TEXT = (Path(__file__).parents[2] / "docs" / "price-floors.md").read_text(encoding="utf-8")
AMOUNTS = (0.0, 0.25, 0.5, 2.0, 4.0, 8.0)
PER_MILLION = {"floor": (20.0, 0.5), "equity": (0.625, 8.0), "stock": (10 / 6.5, 6.5)}
"""What a million avoids of 10, and up to which amount."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", PER_MILLION)
def test_a_million_of_each_kind(kind: str) -> None:
    """A floor pays 10 000 EUR for 100 t with a chance of one half; equity carries 8 million for
    output at the high price alone; 100 t of stock cost 6.5 million."""
    (example,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    read = read_case_text(example, variant=f"{kind}_only")
    found = trace_frontier(
        Variation(read, BUDGET_PATH), FrontierOptions(values=AMOUNTS, gap=1e-9)
    ).frontier
    slope, most = PER_MILLION[kind]
    left = [10 - slope * min(amount, most) for amount in AMOUNTS]
    reached = [point.expected for point in found.points]
    assert reached == near(left)
    assert [point.public_meur for point in found.points] == near([min(a, most) for a in AMOUNTS])
    first = found.steps[0].marginal
    assert first is not None
    assert (first.low, first.high) == (near(slope), near(slope))
    rows = re.findall(r"^\| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", TEXT, re.MULTILINE)
    reported = [float(row[1 + list(PER_MILLION).index(kind)]) for row in rows]
    assert reported == pytest.approx(left, abs=0.005)
