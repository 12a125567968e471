"""Need of each material, where conversions and projects make materials from others.

The need of a consumer for a material is its demand, and its part of what conversions take in at
full capacity. This part is the consumer's share in the need for the output. Projects do not add to
need. Only in a year in which nobody needs a material, shares are computed from what projects could
take in.
"""

from dataclasses import dataclass

import numpy as np

from models.scenario.case import Case
from models.scenario.chains import material_needs, order_materials
from optimizer.model.instance.components import Floats, yearly_values


@dataclass(frozen=True, eq=False)
class MaterialNeed:
    """Need of each material in each year (Y), in tonnes per year."""

    total: dict[str, Floats]  # by material, including parts that belong to no consumer
    by_consumer: dict[tuple[str, str], Floats]  # by consumer and material
    claims: dict[tuple[str, str], Floats]
    """Need by consumer and material; in years in which nobody needs a material, possible inputs of
    projects. Tonnes that belong to all are divided in proportion to claims."""

    def claim_total(self, material: str) -> Floats:
        """Return the tonnes per year (Y) of which claims to a material are parts: total need, or
        the sum of claims in years without need."""
        total = self.total[material]
        claims = sum((tonnes for (_, m), tonnes in self.claims.items() if m == material), 0 * total)
        return np.where(total > 0, total, claims)

    def max_per_year(self, material: str) -> float:
        """Return the largest total of :meth:`claim_total` in any year, in tonnes."""
        return float(self.claim_total(material).max(initial=0.0))


def read_need(case: Case, years: range, demand: dict[tuple[str, str], Floats]) -> MaterialNeed:
    """Compute the need of all materials from ``demand``, which has tonnes per year (Y) by consumer
    and material."""
    conversions = [
        (c.inputs_t_per_t, c.output, yearly_values(c.capacity_t_per_year, years, 0.0))
        for c in case.conversions.values()
    ]
    projects = [
        (p.inputs_t_per_t, output, np.full(len(years), float(t)))
        for p in case.projects.values()
        for output, t in p.output_t_per_year.items()
        if p.inputs_t_per_t
    ]
    needs_by_year = [material_needs(case, year) for year in years]
    need = MaterialNeed({}, {}, {})
    share_in: dict[tuple[str, str], Floats] = {}  # of each consumer in each material's claims
    for m in reversed(order_materials(case)):
        no_demand = np.zeros(len(years))
        need_of = {u: demand.get((u, m), no_demand) for u in case.consumers}
        project_inputs = dict.fromkeys(need_of, no_demand)
        for ratios, output, output_tonnes in conversions:
            if m in ratios:
                input_tonnes = float(ratios[m]) * output_tonnes
                need_of = {u: t + input_tonnes * share_in[u, output] for u, t in need_of.items()}
        for ratios, output, output_tonnes in projects:
            if m in ratios:
                input_tonnes = float(ratios[m]) * output_tonnes
                project_inputs = {
                    u: t + input_tonnes * share_in[u, output] for u, t in project_inputs.items()
                }
        need.total[m] = total = np.array([needs.get(m, 0.0) for needs in needs_by_year])
        for u, t in need_of.items():
            need.by_consumer[u, m] = t
            need.claims[u, m] = np.where(total > 0, t, project_inputs[u])
        claim_total = need.claim_total(m)
        for u in need_of:
            claim = need.claims[u, m]
            share_in[u, m] = np.divide(
                claim, claim_total, out=np.zeros_like(claim), where=claim_total > 0
            )
    return need
