"""The scenario that tests of commands solve in no time.

100 t of ore are needed in 2026; the import is lost with a chance of one half. A works for 10
million EUR delivers all of it, and a fund may carry it alone.
"""

from __future__ import annotations

SCENARIO = """\
schema_version: 1
title: {en: Ore at home, de: Erz daheim}
horizon: {first_year: 2026, last_year: 2026}
materials: {ore: {price_eur_per_t: 10000}}
consumers: {industry: {}}
demand: [{consumer: industry, material: ore, t_per_year: 100}]
damage: [{material: ore, steps: [{share: 1.0, eur_per_t: 1000000}]}]
supply: [{material: ore, country: CN, share: 1.0}]
projects:
  works: {name: Works, country: DE, output_t_per_year: {ore: 100}, capex_meur: 10}
funders:
  fund:
    kind: public
    instruments: {equity: {offtake_per_share: 1.0, ticket_min_meur: 2,
                           budget_class: financial_transaction}}
hazards:
  cut: {annual_probability: 0.5, effects: [{country: CN, loss: [1.0]}]}
uncertainty:
  states:
    - {name: calm, probability: 0.5}
    - {name: cut, probability: 0.5, events: [{hazard: cut, start: 2026}]}
policy:
  must_build: [works]
variants:
  poor: {set: {funders.fund.budget_meur: 1}}
"""
