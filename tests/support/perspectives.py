"""Problems from the perspective of a funder: whose damage and money count, and which decisions are
fixed."""

from __future__ import annotations

import numpy as np
from everything import everything
from points import STARTED, Point, commit, with_works, works
from small import funder, project, stockpile

from models.scenario.references import Case
from optimizer.model.instance import (
    FixedDecisions,
    Instance,
    Stake,
    change_perspective,
    read_instance,
)


def from_the_motors() -> Instance:
    """The scenario of ``everything.py``, entitled: the motor company with a tenth of two projects,
    the grant settled, and two lots of lithium bought for the cells in 2026."""
    raw = everything()
    raw["objective"] = {"cost_weight": 1, "allocation": "entitled"}
    return change_perspective(
        read_instance(Case.model_validate(raw)),
        damage_weights={"cells": 0.0, "motors": 0.5},
        cost_weights={"fund": 0.25},
        stakes=[
            Stake(("upper_rhine", "separation"), ("motor_co",), 0.1),
            Stake(("magnets",), ("fund",), 0.2),
        ],
        fixed_decisions=FixedDecisions(
            funders=frozenset({"fund"}),
            groups=frozenset({"common"}),
            certain_starts={"separation": 2027},
            share={
                ("separation", 2027, "fund", "grant"): 0.2,
                ("upper_rhine", 2026, "fund", "grant"): 0.3,
            },
            offtake={("separation", 2027, "common"): 0.1, ("separation", 2027, "motor_co"): 0.05},
            buy={"cells_own": np.array([2.0, 0.0, 0.5])},
            min_total_purchases={"federal": 0.25},
        ),
    )


def _two(instance: Instance, **held: object) -> Instance:
    return change_perspective(instance, fixed_decisions=FixedDecisions(**held))  # type: ignore[arg-type]


SETTLED = {("works", 2026, "fund", "equity"): 0.4}
ABOUT = [
    Point(
        "stake",
        with_works(projects={"works": works(), "mine": project(capex=300, market_finance_max=1.0)}),
        commit(STARTED | {"mine": 2026}, {"works.fund": 0.4, "mine.fund": 0.2}),
        commit(STARTED | {"mine": 2026}, {"works.fund": 0.4, "mine.fund": 0.2001}),
        about="40 + 60 of 400 million",
        seen=lambda it: change_perspective(it, stakes=[Stake(("works", "mine"), ("fund",), 0.25)]),
    ),
    Point(
        "stake",
        with_works(),
        commit(STARTED, {"works.fund": 0.3}),
        commit(STARTED, {"works.fund": 0.2999}),
        about="one project",
        seen=lambda it: change_perspective(it, stakes=[Stake(("works",), ("fund",), 0.3)]),
    ),
    Point(
        "held_start",
        with_works(),
        commit(STARTED),
        commit(),
        seen=lambda it: _two(it, certain_starts=STARTED),
    ),
    Point(
        "held_share",
        with_works(),
        commit(STARTED, {"works.fund": 0.4}),
        commit(STARTED, {"works.fund": 0.4001}),
        seen=lambda it: _two(it, funders=frozenset({"fund"}), share=SETTLED),
    ),
    Point(
        "held_share",
        with_works(2027),
        commit({"works": 2027}),
        commit({"works": 2027}, {"works.fund": 0.4}),
        about="of another year",
        seen=lambda it: _two(it, funders=frozenset({"fund"}), share=SETTLED),
    ),
    Point(
        "held_offtake",
        with_works(),
        commit(STARTED, {"works.fund": 0.4}, offtake={"works.common": 0.3}),
        commit(STARTED, {"works.fund": 0.4}, offtake={"works.common": 0.2999}),
        seen=lambda it: _two(
            it, groups=frozenset({"common"}), offtake={("works", 2026, "common"): 0.3}
        ),
    ),
    Point(
        "held_least",
        with_works(),
        commit(STARTED, {"works.fund": 0.4}, offtake={"works.common": 0.3}),
        commit(STARTED, {"works.fund": 0.4}, offtake={"works.common": 0.2999}),
        seen=lambda it: _two(it, offtake={("works", 2026, "common"): 0.3}),
    ),
    Point(
        "held_purchase",
        with_works(stockpiles=[stockpile()]),
        commit(buy_t=[32.0]),
        commit(buy_t=[32.1]),
        seen=lambda it: _two(it, buy={"reserve": np.array([2.0])}),
    ),
    Point(
        "held_least_purchase",
        with_works(stockpiles=[stockpile()]),
        commit(buy_t=[32.0]),
        commit(buy_t=[31.9]),
        seen=lambda it: _two(it, min_total_purchases={"reserve": 2.0}),
    ),
    Point(
        "purchase_limit",
        with_works(
            stockpiles=[stockpile(paid_by={"fund": 0.5, "bank": 0.5})],
            funders={"fund": funder(), "bank": funder()},
        ),
        commit(buy_t=[0.0]),
        commit(buy_t=[0.1]),
        about="of a stockpile that an idle funder would pay for",
        seen=lambda it: change_perspective(it, inactive_funders=["bank"]),
    ),
]
