"""Small valid scenarios: one that the tests of the reader break in one place at a time, and one
with names in both languages."""

from __future__ import annotations

from pathlib import Path

VALID = """\
title: A test
sources:
  guess: {text: a guess, kind: assumption}
horizon: {first_year: 2026, last_year: 2030, periods_per_year: 4}
materials:
  lithium: {price_eur_per_t: 10000}
  dysprosium:
    price_eur_per_t: {2026: 200000, 2030: 250000}
consumers:
  automotive: {}
  motor_co: {company: motor_co}
demand:
  - {consumer: automotive, material: lithium, t_per_year: 40000}
  - {consumer: motor_co, material: dysprosium, t_per_year: 60}
damage:
  - material: lithium
    steps: [{share: 0.4, eur_per_t: 20000}, {share: 0.6, eur_per_t: 250000}]
  - material: dysprosium
    steps: [{share: 1.0, eur_per_t: 500000}]
supply:
  - {material: lithium, country: CL, share: 1.0}
  - {material: dysprosium, country: CN, share: 1.0}
projects:
  upper_rhine:
    country: DE
    output_t_per_year: {lithium: 24000}
    earliest_start: 2026
    capex_meur: 1400
    capex_profile: [0.3, 0.4, 0.3]
    delay_years: {0: 0.5, 1: 0.5}
    tags: [domestic]
  recycling:
    country: DE
    output_t_per_year: {dysprosium: 10}
    capex_meur: 60
funders:
  fund:
    kind: public
    budget_meur: 1000
    budget_by_year_meur: {2026: 200, 2027: 200}
    carry_over: true
    instruments:
      equity: {max_share: 0.25, ticket_max_meur: 150, eligible: {tags: [domestic]}}
  motor_co: {kind: company}
stockpiles:
  - id: reserve
    material: dysprosium
    max_t: 200
    paid_by: {fund: 0.7, motor_co: 0.3}
hazards:
  export_stop:
    annual_probability: 0.1
    effects: [{country: CN, materials: [dysprosium], loss: [1.0, 0.5]}]
uncertainty:
  states:
    - {name: calm, probability: 0.7}
    - name: stop
      probability: 0.3
      events: [{hazard: export_stop, start: 2027, period: 2}]
      failed_projects: [upper_rhine]
policy: {max_public_share: 0.49}
variants:
  no_state: {set: {funders.fund.budget_meur: 0}}
"""


def broken(*changes: tuple[str, str]) -> str:
    """The valid scenario with texts replaced; each has to stand in it exactly once."""
    text = VALID
    for old, new in changes:
        assert text.count(old) == 1, (old, text.count(old))
        text = text.replace(old, new)
    return text


def write(folder: Path, text: str, **tables: str) -> None:
    """Write ``scenario.yaml`` and tables (``projects="..."`` is ``projects.csv``)."""
    (folder / "scenario.yaml").write_text(text, encoding="utf-8", newline="")
    for name, content in tables.items():
        (folder / f"{name}.csv").write_text(content, encoding="utf-8", newline="")


def with_table(section: str = "projects: {table: projects.csv}\n") -> str:
    """The valid scenario whose projects stand in a table."""
    begin, end = VALID.index("projects:\n"), VALID.index("funders:\n")
    text = VALID[:begin] + section + VALID[end:]
    for gone in ("      failed_projects: [upper_rhine]\n", ", eligible: {tags: [domestic]}"):
        text = text.replace(gone, "")
    return text


NAMES = """\
title: {en: A mine and a stock, de: Ein Bergwerk und ein Lager}
horizon: {first_year: 2026, last_year: 2029}
materials: {ore: {name: {en: Rare ore, de: Seltenes Erz}, price_eur_per_t: 1}}
consumers: {cars: {name: {en: Cars, de: Autos}}, wind: {}}
projects:
  mine: {name: {de: Bergwerk}, country: DE, output_t_per_year: {ore: 1}, capex_meur: 1}
funders:
  fund:
    kind: public
    name: {en: A fund, de: Ein Fonds}
    budget_lines: {purse: {name: {en: Cash, de: Barmittel}, kind: cash, total_meur: 1}}
    instruments: {loan: {name: {de: Kredit}}}
stockpiles: [{id: reserve, name: {de: Erzlager}, material: ore, paid_by: {fund: 1}}]
hazards: {stop: {name: {en: A stop, de: Ein Stopp}, annual_probability: 0, effects: []}}
variants: {larger_fund: {title: {en: A larger fund, de: Ein größerer Fonds}, set: {}}}
"""
