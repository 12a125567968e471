"""A chain of three forms and two inputs, with a candidate and a stock at each stage."""

from __future__ import annotations

from small import Raw, case, cut, funder, project, state


def from_mine_to_magnet(allocation: str = "pooled") -> Raw:
    """Two years of two periods: ore is made into oxide, oxide and terbium into magnets, of which
    100 t a year are needed; imports stop in one state, and a candidate fails in another."""
    candidates = {
        "mine": ({"ore": 80.0}, {}),
        "refinery": ({"oxide": 60.0}, {"ore": 1.25}),
        "magnet_plant": ({"magnet": 40.0}, {"oxide": 1.0, "terbium": 0.01}),
    }
    return case(
        last_year=2027,
        horizon={
            "first_year": 2026,
            "last_year": 2027,
            "periods_per_year": 2,
            "discount_rate": 0.05,
        },
        materials={
            "ore": {"name": "Ore", "price_eur_per_t": 1_000},
            "oxide": {"name": "Oxide", "price_eur_per_t": 10_000},
            "terbium": {"name": "Terbium", "price_eur_per_t": 900_000},
            "magnet": {"name": "Magnet", "price_eur_per_t": 50_000},
        },
        consumers={"motors": {"name": "Motors"}, "turbines": {"name": "Turbines"}},
        demand=[
            {"consumer": "motors", "material": "magnet", "t_per_year": 70},
            {"consumer": "turbines", "material": "magnet", "t_per_year": 30},
            {"consumer": "motors", "material": "oxide", "t_per_year": 10},
        ],
        damage=[
            {
                "material": "magnet",
                "steps": [{"share": 0.3, "eur_per_t": 200_000}, {"share": 0.7, "eur_per_t": 1e6}],
            },
            {"material": "oxide", "steps": [{"share": 1.0, "eur_per_t": 300_000}]},
        ],
        supply=[
            {"material": "magnet", "country": "CN", "t_per_year": 80},
            {"material": "oxide", "country": "CN", "t_per_year": 30},
            {"material": "terbium", "country": "MY", "t_per_year": 1},
        ],
        conversions={
            "makers": {
                "name": "Makers of today",
                "country": "DE",
                "output": "magnet",
                "inputs_t_per_t": {"oxide": 1.0, "terbium": 0.01},
                "capacity_t_per_year": 20,
            }
        },
        projects={
            id: project(
                capex=20,
                name=id.replace("_", " "),
                output_t_per_year=made,
                market_finance_max=0.5,
                home_share=0.1,
                earliest_start=2026,
                latest_start=2026,
                **({"inputs_t_per_t": taken} if taken else {}),
            )
            for id, (made, taken) in candidates.items()
        },
        funders={"fund": funder(budget=100)},
        stockpiles=[
            {"id": "oxide_reserve", "material": "oxide", "paid_by": {"fund": 1.0}, "max_t": 5.0}
        ],
        hazards=cut([1.0, 0.6, 0.3]),
        uncertainty={
            "states": [
                state("calm", 0.5),
                state("cut early", 0.3, 2026),
                state("cut late", 0.1, 2027),
                state("no refinery", 0.1, 2027, failed_projects=["refinery"]),
            ]
        },
        objective={"cost_weight": 0.1, "allocation": allocation},
    )
