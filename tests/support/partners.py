"""Two companies and one project, whose game is solved by hand.

In one year `maker` needs 150 t and `user` 50 t of ore; nothing arrives, and a missing tonne costs
0.1 million EUR. The works cost 9 million and give 160 t. Half of a company's share is a right to
output; a quarter of the output, 40 t, is for all, three quarters of it for `maker`.

- `maker` alone without works: 15. With them it gets 80 t by its right and 30 t of what is for all;
  40 t are missing: 9 + 4 = 13. It builds.
- `user` alone: 5 without, 9 with. It builds nothing.
- Both: the rights of both are 80 t however they share, and with the 40 t for all 80 t are missing:
  9 + 8 = 17. Together they gain 13 + 5 - 17 = 1.
- If `user` stays out while `maker` builds, it gets 10 t for nothing: 4, which is 1 better than
  alone, and better than half of the gain. If `maker` stays out, `user` does nothing: no gain.

With a `fund` that could carry all and has a right to output for all, share for share:

- By itself it has no damage, so that it builds nothing: 0.
- With `maker` (the cost of both counting) the best is a half each: 40 t by right and 120 t for all,
  90 of them for `maker`; 20 t are missing: 9 + 2 = 11.
- With `user`: 5, since the works cost more than it would lose.
- All: 160 t arrive, 40 t are missing: 9 + 4 = 13.
"""

from __future__ import annotations

from typing import Any

from small import case, funder, project

Raw = dict[str, Any]


def partners(**sections: Any) -> Raw:
    """The two companies and the works."""
    own = {"offtake_per_share": 0.5}
    return case(
        consumers={
            "makers": {"name": "Makers", "company": "maker"},
            "users": {"name": "Users", "company": "user"},
        },
        demand=[
            {"consumer": "makers", "material": "ore", "t_per_year": 150},
            {"consumer": "users", "material": "ore", "t_per_year": 50},
        ],
        funders={"maker": funder("company", **own), "user": funder("company", **own)},
        projects={"works": project(160, 9, home_share=0.25)},
        **sections,
    )


def with_fund() -> Raw:
    """The same with a public fund that could carry all."""
    raw = partners()
    return raw | {"funders": raw["funders"] | {"fund": funder()}}
