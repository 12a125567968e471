"""Cases with a review: decisions after an observation."""

from __future__ import annotations

from typing import Any

from small import CHINA, Raw, case, cut, project, state


def lasting_cut(review: Raw | None = None, **sections: Any) -> Raw:
    """100 t come from China in 2026 and 2027. In half of the cases nothing comes in both years, at
    10 million EUR of damage a year. Works for 6 million EUR can be there in 2027."""
    works = project(100, 6, earliest_start=2027, latest_start=2027, home_share=1.0)
    noise = {
        "name": "Noise",
        "annual_probability": 0.1,
        "effects": [{"country": "US", "loss": [1]}],
    }
    states = [state("calm", 0.5), state("cut", 0.5, 2026)]
    raw = case(
        2027,
        supply=CHINA,
        projects={"works": works},
        hazards=cut([1.0, 1.0]) | {"noise": noise},
        uncertainty={"states": states},
        objective={"cost_weight": 1.0},
    )
    return raw | ({} if review is None else {"review": review}) | sections


SEEN = {"year": 2027, "observe": [{"hazard": "cut"}]}
