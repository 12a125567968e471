"""A published optimum with a decision before something is seen and one after it.

Dixit and Pindyck (1994), Investment under Uncertainty, section 2.1: a factory for 1,600 dollars
makes a widget a year for ever. It sells for 200 dollars now, and from next year on for 300 or for
100, each with a chance of a half; the rate is 10 %. Bought now it is worth 600 dollars; bought next
year, if the price has risen, 773: the option to wait is worth 173. Below 1,284 dollars, one buys
now.

Here a dollar is a million EUR and a tonne that is missing: of 300 t that are needed 100 t come this
year, and from next year on none, where a cut has begun, else 200 t. Of ever there are 150 years.
"""

from __future__ import annotations

from typing import Any

import pytest
from small import CHINA, Raw, case, cut, project, state

from models.scenario.references import Case
from optimizer.solve.planner import solve_to_plan

YEARS = 150
FOR_EVER = 1 - 1.1**-YEARS
"""What so many years are of all, at the rate."""


def factory(capex: float) -> Raw:
    last = 2026 + YEARS - 1
    comes: Any = {2026: 100 / 300, 2027: 200 / 300}
    return case(
        horizon={"first_year": 2026, "last_year": last, "discount_rate": 0.1},
        demand=[{"consumer": "industry", "material": "ore", "t_per_year": 300}],
        damage=[{"material": "ore", "steps": [{"share": 1.0, "eur_per_t": 1e6}]}],
        supply=[CHINA[0] | {"share": comes}],
        projects={
            "factory": project(300, capex, earliest_start=2026, latest_start=2027, home_share=1.0)
        },
        hazards=cut([0.0, *[1.0] * (YEARS - 1)]),
        uncertainty={"states": [state("falls", 0.5), state("rises", 0.5, 2026)]},
        review={"year": 2027, "observe": [{"hazard": "cut"}]},
        objective={"cost_weight": 1.0},
    )


@pytest.mark.parametrize("method", ["extensive", "decomposition"])
def test_the_option_to_wait(method: Any) -> None:
    found = solve_to_plan(Case.model_validate(factory(1600)), gap=0.0, method=method)
    nothing = found.outcome.without_plan.expected
    reported = found.review
    assert reported is not None
    assert nothing - (reported.now or 0.0) == pytest.approx(600, abs=0.5 + 2200 * (1 - FOR_EVER))
    assert nothing - found.certificate.objective == pytest.approx(773, abs=0.5)
    assert reported.worth == pytest.approx(173, abs=0.5)
    falls, rises = reported.groups
    assert found.projects == falls.projects == ()
    assert [p.start for p in rises.projects] == [2027]


@pytest.mark.parametrize(("capex", "waits"), [(1283, False), (1285, True)])
def test_the_price_below_which_one_buys_now(capex: float, waits: bool) -> None:
    found = solve_to_plan(Case.model_validate(factory(capex)), gap=0.0)
    assert found.review is not None
    assert bool(found.projects) != waits
    assert ((found.review.worth or 0.0) > 0.1) == waits
