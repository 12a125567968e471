"""Who needs what of each form, where one is made into another.

Of a form that is made into others consumers need what they demand of it themselves and, by their
part in each output, what conversions take in of it at full capacity. Projects do not add to need:
only in a year in which nobody needs a form does what projects could take in divide it.
"""

from dataclasses import dataclass

import numpy as np

from models.scenario.case import Case
from models.scenario.chains import order_materials
from optimizer.model.instance.instrument_terms import Floats, yearly_values


@dataclass(frozen=True, eq=False)
class MaterialNeed:
    """(Y) tonnes per year."""

    total: dict[str, Floats]  # need of each material, whose part in it belongs to nobody included
    by_consumer: dict[tuple[str, str], Floats]  # by consumer and material
    claims: dict[tuple[str, str], Floats]
    """The same, and in years in which nobody needs a material what projects could take in of it:
    what tonnes that belong to all are divided by."""

    def claim_total(self, material: str) -> Floats:
        """(Y) what claims to a material are a share of."""
        total = self.total[material]
        claims = sum((t for (_, m), t in self.claims.items() if m == material), 0 * total)
        return np.where(total > 0, total, claims)

    def max_per_year(self, material: str) -> float:
        """Most that is needed, or claimed, in a year."""
        return float(self.claim_total(material).max(initial=0.0))


def read_need(case: Case, years: range, demand: dict[tuple[str, str], Floats]) -> MaterialNeed:
    """Need of all materials, from what consumers demand, in tonnes per year."""
    conversions = [
        (c.inputs_t_per_t, c.output, yearly_values(c.capacity_t_per_year, years, 0.0))
        for c in case.conversions.values()
    ]
    projects = [
        (p.inputs_t_per_t, made, np.full(len(years), float(t)))
        for p in case.projects.values()
        for made, t in p.output_t_per_year.items()
        if p.inputs_t_per_t
    ]
    need = MaterialNeed({}, {}, {})
    part: dict[tuple[str, str], Floats] = {}  # of each consumer in each material
    for m in reversed(order_materials(case)):
        total = np.zeros(len(years))
        own = {u: demand.get((u, m), total) for u in case.consumers}
        spare = dict.fromkeys(own, total)
        for _, t in own.items():
            total = total + t
        for ratios, made, lots in conversions:
            if m in ratios:
                taken = float(ratios[m]) * lots
                total = total + taken
                own = {u: t + taken * part[u, made] for u, t in own.items()}
        for ratios, made, lots in projects:
            if m in ratios:
                taken = float(ratios[m]) * lots
                spare = {u: t + taken * part[u, made] for u, t in spare.items()}
        need.total[m] = total
        for u, t in own.items():
            need.by_consumer[u, m] = t
            need.claims[u, m] = np.where(total > 0, t, spare[u])
        divided = need.claim_total(m)
        for u in own:
            claim = need.claims[u, m]
            part[u, m] = np.divide(claim, divided, out=np.zeros_like(claim), where=divided > 0)
    return need
