"""Scenario files that are wrong in one place, and the lines that are printed for them."""

# ruff: noqa: E501

from __future__ import annotations

from models.scenario.sections import Policy

# Each is a name, what is replaced in the valid file, and what is printed.
FAULTY: list[tuple[str, list[tuple[str, str]], list[str]]] = [
    (
        "unknown_top",
        [("policy: {max", "polcy: {max")],
        ["scenario.yaml:61:1: error: 'polcy' is not known; did you mean 'policy'?"],
    ),
    (
        "unknown_field",
        [("capex_meur: 1400", "capex_mio: 1400")],
        [
            "scenario.yaml:24:3: error: 'capex_meur' is missing in projects.upper_rhine; capex_meur: capital cost in million EUR",
            "scenario.yaml:28:5: error: 'capex_mio' is not known in projects.upper_rhine; did you mean 'capex_meur'?",
        ],
    ),
    (
        "missing_field",
        [("    capex_meur: 60\n", "")],
        [
            "scenario.yaml:32:3: error: 'capex_meur' is missing in projects.recycling; capex_meur: capital cost in million EUR"
        ],
    ),
    (
        "duplicate_key",
        [("    budget_meur: 1000\n", "    budget_meur: 1000\n    budget_meur: 900\n")],
        [
            "scenario.yaml:40:5: error: 'budget_meur' is written twice; the first is at 39:5; keep one of them"
        ],
    ),
    (
        "norway",
        [("country: CL", "country: NO")],
        [
            'scenario.yaml:21:34: error: YAML may read a bare NO as false; write "NO" in quotes, or false'
        ],
    ),
    (
        "norway_list",
        [("tags: [domestic]\n  rec", "tags: [no]\n  rec")],
        [
            'scenario.yaml:31:12: error: YAML may read a bare no as false; write "NO" in quotes, or false',
            "scenario.yaml:43:7: warning: no project qualifies for the instrument 'equity'; see its 'eligible'",
            "scenario.yaml:43:73: warning: no project carries the tag 'domestic'",
        ],
    ),
    (
        "yes",
        [("carry_over: true", "carry_over: yes")],
        [
            'scenario.yaml:41:17: error: YAML may read a bare yes as true; write "yes" in quotes, or true'
        ],
    ),
    (
        "key_on",
        [("  lithium: {price", "  on: {price")],
        [
            'scenario.yaml:6:3: error: YAML may read a bare on as true; write "on" in quotes, or true',
            "scenario.yaml:6:3: warning: nobody demands 'on'",
            "scenario.yaml:13:38: error: there is no material 'lithium'; there are on, dysprosium",
            "scenario.yaml:16:15: error: there is no material 'lithium'; there are on, dysprosium",
            "scenario.yaml:21:16: error: there is no material 'lithium'; there are on, dysprosium",
            "scenario.yaml:26:25: error: there is no material 'lithium'; there are on, dysprosium",
        ],
    ),
    (
        "exponent",
        [("capex_meur: 1400", "capex_meur: 1.4e3")],
        [
            "scenario.yaml:28:17: error: '1.4e3' is not a number; YAML reads this as text: write 1400"
        ],
    ),
    (
        "small_exponent",
        [("max_share: 0.25", "max_share: 1e-3")],
        [
            "scenario.yaml:43:27: error: '1e-3' is not a number; YAML reads this as text: write 0.001"
        ],
    ),
    (
        "leading_zero",
        [("capex_meur: 60", "capex_meur: 060")],
        ["scenario.yaml:35:17: error: '060' is not a number; write 60 without the leading zero"],
    ),
    (
        "underscore",
        [("capex_meur: 1400", "capex_meur: 1_400")],
        ["scenario.yaml:28:17: error: '1_400' is not a number; write 1400"],
    ),
    (
        "comma",
        [("capex_meur: 1400", "capex_meur: 1400,5")],
        ["scenario.yaml:28:17: error: '1400,5' is not a number; a decimal comma: write 1400.5"],
    ),
    (
        "german",
        [("capex_meur: 1400", "capex_meur: 1.400,5")],
        ["scenario.yaml:28:17: error: '1.400,5' is not a number; write 1400.5 (no thousands dots)"],
    ),
    (
        "percent",
        [("max_share: 0.25", "max_share: 25 %")],
        ["scenario.yaml:43:27: error: '25 %' is not a number; write a fraction of one: 0.25"],
    ),
    (
        "percent_number",
        [("max_share: 0.25", "max_share: 25")],
        ["scenario.yaml:43:27: error: 25 is above 1; write 0.25 if 25 % is meant"],
    ),
    (
        "quoted_number",
        [("capex_meur: 1400", 'capex_meur: "1400"')],
        ["scenario.yaml:28:17: error: '1400' is not a number; write 1400 without quotation marks"],
    ),
    (
        "nan",
        [("capex_meur: 1400", "capex_meur: .nan")],
        ["scenario.yaml:28:17: error: a number must be finite"],
    ),
    (
        "too_large",
        [("capex_meur: 1400", "capex_meur: 1.7e+308")],
        [
            "scenario.yaml:28:17: error: 1.7e+308 is larger than any figure, which is 1e+15 at most; "
            "write it in the unit that the name of the field ends in"
        ],
    ),
    (
        "too_small",
        [("capex_meur: 1400", "capex_meur: 5.0e-324")],
        ["scenario.yaml:28:17: error: 4.94066e-324 is too small to count; write 0"],
    ),
    (
        "negative",
        [("capex_meur: 1400", "capex_meur: -1")],
        ["scenario.yaml:28:17: error: -1 is negative; write a number of 0 or more"],
    ),
    (
        "yearly_negative",
        [("2030: 250000", "2030: -1, 2031: x")],
        [
            "scenario.yaml:8:43: error: -1 is negative; write a number of 0 or more",
            "scenario.yaml:8:53: error: 'x' is not a number; write a number such as 12.5",
        ],
    ),
    (
        "literal",
        [("kind: public", "kind: publik")],
        ["scenario.yaml:38:11: error: 'publik' is not known here; did you mean 'public'?"],
    ),
    (
        "profile",
        [("[0.3, 0.4, 0.3]", "[0.3, 0.4, 0.25]")],
        ["scenario.yaml:29:20: error: capex_profile adds up to 0.95, not 1; 0.05 is missing"],
    ),
    (
        "states_sum",
        [("probability: 0.7}", "probability: 0.6}")],
        [
            "scenario.yaml:56:5: error: the probability of the states adds up to 0.9, not 1; 0.1 is missing"
        ],
    ),
    (
        "steps_fall",
        [("eur_per_t: 250000", "eur_per_t: 2000")],
        [
            "scenario.yaml:17:69: error: damage falls from 20000 to 2000 EUR per tonne; order the steps from the cheapest tonne to the most expensive"
        ],
    ),
    (
        "list_for_mapping",
        [("  fund:\n    kind: public", "  fund:\n    kind: public\n    description: [a]")],
        [
            "scenario.yaml:39:18: error: a text is expected here, not a list; write a text or {en: ..., de: ...}"
        ],
    ),
    (
        "scalar_for_list",
        [("tags: [domestic]\n  rec", "tags: domestic\n  rec")],
        ["scenario.yaml:31:11: error: a list is expected here, not 'domestic'; write [domestic]"],
    ),
    (
        "scalar_for_names",
        [("materials: [dysprosium]", "materials: dysprosium")],
        [
            "scenario.yaml:53:40: error: a list or the word 'all' is expected here, not 'dysprosium'; write [dysprosium]"
        ],
    ),
    (
        "scalar_for_mapping",
        [("policy: {max_public_share: 0.49}", "policy: none")],
        [
            "scenario.yaml:61:9: error: a mapping is expected here, not 'none'; its keys are "
            + ", ".join([*list(Policy.model_fields)[:8], "..."])
        ],
    ),
    (
        "no_horizon",
        [("horizon: {first_year: 2026, last_year: 2030, periods_per_year: 4}\n", "")],
        [
            "scenario.yaml:1:1: error: 'horizon' is missing; horizon: years of the plan and the discount rate"
        ],
    ),
    (
        "tab",
        [("    capex_meur: 60", "\tcapex_meur: 60")],
        [
            "scenario.yaml:35:1: error: this is not valid YAML: found character that cannot start any token; indent with spaces; this line holds a tab"
        ],
    ),
    (
        "bracket",
        [("[0.3, 0.4, 0.3]", "[0.3, 0.4, 0.3")],
        [
            "scenario.yaml:30:16: error: this is not valid YAML: did not find expected ',' or ']'; check for a missing comma or closing bracket after 29:20"
        ],
    ),
    (
        "tag",
        [("title: A test", "title: !!python/object:os.system x")],
        [
            "scenario.yaml:1:8: error: the tag !!python/object:os.system is not allowed; write the bare value"
        ],
    ),
    (
        "merge",
        [("  recycling:\n", "  recycling:\n    <<: {}\n")],
        ["scenario.yaml:33:5: error: merge keys '<<' are not supported; write the fields out"],
    ),
    (
        "alias_undefined",
        [("title: A test", "title: *nope")],
        ["scenario.yaml:1:8: error: the anchor 'nope' is not defined"],
    ),
    (
        "id_project",
        [("failed_projects: [upper_rhine]", "failed_projects: [uper_rhine]")],
        [
            "scenario.yaml:60:25: error: there is no project 'uper_rhine'; did you mean 'upper_rhine'?"
        ],
    ),
    (
        "id_material",
        [("output_t_per_year: {lithium: 24000}", "output_t_per_year: {litium: 24000}")],
        ["scenario.yaml:26:25: error: there is no material 'litium'; did you mean 'lithium'?"],
    ),
    (
        "id_hazard",
        [("hazard: export_stop, start", "hazard: export_ban, start")],
        [
            "scenario.yaml:51:3: warning: the hazard 'export_stop' strikes in none of the states",
            "scenario.yaml:59:25: error: there is no hazard 'export_ban'; did you mean 'export_stop'?",
        ],
    ),
    (
        "id_funder_key",
        [("{fund: 0.7,", "{fonds: 0.7,")],
        ["scenario.yaml:49:15: error: there is no funder 'fonds'; did you mean 'fund'?"],
    ),
    (
        "company",
        [("{company: motor_co}", "{company: fund}")],
        [
            "scenario.yaml:11:23: error: the funder 'fund' is public, not a company; there are motor_co"
        ],
    ),
    (
        "year_outside",
        [("earliest_start: 2026", "earliest_start: 2035")],
        [
            "scenario.yaml:27:21: error: 2035 lies outside the horizon; write a year from 2026 to 2030"
        ],
    ),
    (
        "budget_year",
        [("2027: 200}", "2025: 200}")],
        [
            "scenario.yaml:40:38: error: 2025 lies outside the horizon; write a year from 2026 to 2030"
        ],
    ),
    (
        "period",
        [("period: 2", "period: 5")],
        ["scenario.yaml:59:59: error: a year has no period 5; write a period from 1 to 4"],
    ),
    (
        "no_damage",
        [("  - material: dysprosium\n    steps: [{share: 1.0, eur_per_t: 500000}]\n", "")],
        [
            "scenario.yaml:14:5: error: no damage entry says what a tonne of 'dysprosium' missing costs 'motor_co'; add {material: dysprosium, steps: [...]} under damage"
        ],
    ),
    (
        "two_damage",
        [("  - material: dysprosium\n    steps", "  - material: lithium\n    steps")],
        [
            "scenario.yaml:14:5: error: no damage entry says what a tonne of 'dysprosium' missing costs 'motor_co'; add {material: dysprosium, steps: [...]} under damage",
            "scenario.yaml:18:5: error: a second damage entry for 'lithium'; keep this one or damage.0",
        ],
    ),
    (
        "two_stockpiles",
        [("hazards:\n", "  - {id: reserve, material: lithium, paid_by: {fund: 1}}\nhazards:\n")],
        [
            "scenario.yaml:50:10: error: two stockpiles have the id 'reserve'; rename this one or stockpiles.0"
        ],
    ),
    (
        "requires_itself",
        [("    capex_meur: 60\n", "    capex_meur: 60\n    requires: [recycling]\n")],
        ["scenario.yaml:36:16: error: the project 'recycling' requires itself; leave it out"],
    ),
    (
        "sample_and_states",
        [("uncertainty:\n", "uncertainty:\n  sample: {states: 5}\n")],
        [
            "scenario.yaml:55:3: error: 'sample' and 'states' exclude each other; leave one out; "
            "a setting removes it: uncertainty.states=null, uncertainty.sample=null"
        ],
    ),
    (
        "initial",
        [("max_t: 200", "max_t: 200\n    initial_t: 300")],
        ["scenario.yaml:49:16: error: initial_t 300 is above max_t 200"],
    ),
    (
        "thousands",
        [("capex_meur: 1400", "capex_meur: 1.400")],
        [
            "scenario.yaml:28:17: warning: 1.400 is read as 1.4; if 1400 is meant, write 1400",
            "scenario.yaml:28:17: warning: capex is 0.005833 times the value of a year's output, that of published projects is 0.1 to 34 times; write capex in millions, and output in tonnes per year; did you mean 1400 (1000 times)?",
        ],
    ),
    (
        "uk",
        [("country: CL", "country: UK")],
        ["scenario.yaml:21:34: warning: UK is not a country code of ISO 3166; write GB"],
    ),
    (
        "unused_hazard",
        [("      events: [{hazard: export_stop, start: 2027, period: 2}]\n", "")],
        ["scenario.yaml:51:3: warning: the hazard 'export_stop' strikes in none of the states"],
    ),
    (
        "source_id",
        [("capex_meur: 60", "capex_meur: {value: 60, source: gues}")],
        ["scenario.yaml:35:37: warning: there is no 'gues' under sources; did you mean 'guess'?"],
    ),
    (
        "variant_path",
        [("funders.fund.budget_meur: 0", "funders.fond.budget_meur: 0")],
        [
            "scenario.yaml:63:20: error: with variant 'no_state': there is no 'fond' in funders; did you mean 'fund'?"
        ],
    ),
    (
        "variant_value",
        [("funders.fund.budget_meur: 0", "funders.fund.budget_meur: -5")],
        [
            "scenario.yaml:63:46: error: with variant 'no_state': -5 is negative; write a number of 0 or more"
        ],
    ),
    (
        "variant_ref",
        [("funders.fund.budget_meur: 0", "policy.must_build: [upper_rine]")],
        [
            "scenario.yaml:63:40: error: with variant 'no_state': there is no project 'upper_rine'; did you mean 'upper_rhine'?"
        ],
    ),
    (
        "variant_periods",
        [("funders.fund.budget_meur: 0", "horizon.periods_per_year: 12")],
        [
            "scenario.yaml:63:20: warning: with variant 'no_state': the number of periods of a year is patched, but the loss lists of hazards count periods; patch the loss lists of all hazards as well"
        ],
    ),
    (
        "flow_comma",
        [("{lithium: 24000}", "{lithium: 24000,5}")],
        ["scenario.yaml:26:34: error: '24000,5' is not a number; a decimal comma: write 24000.5"],
    ),
    (
        "flow_german",
        [("eur_per_t: 500000", "eur_per_t: 1.400,50")],
        [
            "scenario.yaml:19:37: error: '1.400,50' is not a number; write 1400.50 (no thousands dots)"
        ],
    ),
    (
        "flow_commas",
        [("{max_share: 0.25, ticket_max_meur: 150,", "{max_share: 0,25, ticket_max_meur: 150,5,")],
        [
            "scenario.yaml:43:27: error: '0,25' is not a number; a decimal comma: write 0.25",
            "scenario.yaml:43:50: error: '150,5' is not a number; a decimal comma: write 150.5",
        ],
    ),
    (
        "flow_comma_of_a_year",
        [("2030: 250000", "2030: 250000,5")],
        ["scenario.yaml:8:43: error: '250000,5' is not a number; a decimal comma: write 250000.5"],
    ),
    (
        "unknown_without_value",
        [
            ("title: A test", "title: A test\npolcy:"),
            ("policy: {max_public_share: 0.49}", "policy: {max_public_share: 0.49, budgt: null}"),
            ("capex_meur: 60", "capex_meur: {value: 60, sourc: }"),
        ],
        [
            "scenario.yaml:2:1: error: 'polcy' is not known; did you mean 'policy'?",
            "scenario.yaml:36:29: error: 'sourc' is not known here; did you mean 'source'?",
            "scenario.yaml:62:34: error: 'budgt' is not known in policy; did you mean 'budget_meur'?",
        ],
    ),
    (
        "sourced",
        [
            ("capex_meur: 60", "capex_meur: {value: -6, sourc: x, confidence: hi}"),
            ("{2026: 200000, 2030: 250000}", "{value: {2026: 200000, 2030: x}, sourc: guess}"),
            ("{share: 1.0, eur_per_t: 500000}", "{share: 1.0, eur_per_t: {vale: 500000}}"),
        ],
        [
            "scenario.yaml:8:51: error: 'x' is not a number; write a number such as 12.5",
            "scenario.yaml:8:55: error: 'sourc' is not known here; did you mean 'source'?",
            "scenario.yaml:19:37: error: 'value' is missing; write {value: 12.5, source: ..., confidence: high}",
            "scenario.yaml:19:38: error: 'vale' is not known here; did you mean 'value'?",
            "scenario.yaml:35:25: error: -6 is negative; write a number of 0 or more",
            "scenario.yaml:35:29: error: 'sourc' is not known here; did you mean 'source'?",
            "scenario.yaml:35:51: error: confidence 'hi' is not known; high, medium or low",
        ],
    ),
    (
        "years_beside_a_source",
        [("{2026: 200000, 2030: 250000}", "{2026: 200000, source: guess}")],
        [
            "scenario.yaml:8:23: error: '2026' is not known here; write {value: {2026: 12.5}, source: ...}"
        ],
    ),
    (
        "sourced_year",
        [("first_year: 2026", "first_year: {value: 2026.5, sourc: guess}")],
        [
            "scenario.yaml:4:31: error: 2026.5 is not a calendar year; write a year such as 2030",
            "scenario.yaml:4:39: error: 'sourc' is not known here; did you mean 'source'?",
        ],
    ),
    (
        "sourced_year_outside",
        [("start: 2027", "start: {value: 2035, source: guess}")],
        [
            "scenario.yaml:59:45: error: 2035 lies outside the horizon; write a year from 2026 to 2030"
        ],
    ),
    (
        "source_of_a_year",
        [("first_year: 2026", "first_year: {value: 2026, source: gues}")],
        ["scenario.yaml:4:45: warning: there is no 'gues' under sources; did you mean 'guess'?"],
    ),
    (
        "supply_in_percent",
        [("country: CL, share: 1.0", "country: CL, share: {2026: 1.2, 2030: 60}")],
        [
            "scenario.yaml:21:63: warning: share is a fraction of one: 60 means 60 times the need; write 0.6 if 60 % is meant"
        ],
    ),
    (
        "share_above_one",
        [("max_share: 0.25", "max_share: 1.2")],
        ["scenario.yaml:43:27: error: 1.2 is above 1"],
    ),
    (
        "item_without_value",
        [("  recycling:\n", "  idle:\n  recycling:\n")],
        [
            "scenario.yaml:32:3: error: 'country' is missing in projects.idle; country: ISO 3166 code of the country of the project",
            "scenario.yaml:32:3: error: 'output_t_per_year' is missing in projects.idle; output_t_per_year: nameplate output in tonnes per year, by material",
            "scenario.yaml:32:3: error: 'capex_meur' is missing in projects.idle; capex_meur: capital cost in million EUR",
        ],
    ),
    (
        "one_project",
        [
            ("capex_profile: [0.3, 0.4, 0.3]", "capex_profile: [0.3, x, 0.3]"),
            ("delay_years: {0: 0.5, 1: 0.5}", "delay_years: {0: 0.5, q: 0.4}"),
            (
                "earliest_start: 2026",
                "earliest_start: 2030\n    latest_start: 2027\n    requires: [nope]",
            ),
        ],
        [
            "scenario.yaml:28:19: error: latest_start 2027 lies before earliest_start 2030",
            "scenario.yaml:29:16: error: there is no project 'nope'; there are upper_rhine, recycling",
            "scenario.yaml:31:26: error: 'x' is not a number; write a number such as 12.5",
            "scenario.yaml:32:27: error: 'q' is not a delay; write a whole number of years, 0 or more",
        ],
    ),
    (
        "one_stockpile",
        [
            ("paid_by: {fund: 0.7, motor_co: 0.3}", "paid_by: {fonds: 0.7, motor_co: x}"),
            ("max_t: 200", "max_t: 200\n    initial_t: 300"),
        ],
        [
            "scenario.yaml:49:16: error: initial_t 300 is above max_t 200",
            "scenario.yaml:50:15: error: there is no funder 'fonds'; did you mean 'fund'?",
            "scenario.yaml:50:37: error: 'x' is not a number; write a number such as 12.5",
        ],
    ),
    (
        "one_row",
        [
            (
                "{material: lithium, country: CL, share: 1.0}",
                "{material: lithum, country: 5, share: x}",
            )
        ],
        [
            "scenario.yaml:21:16: error: there is no material 'lithum'; did you mean 'lithium'?",
            "scenario.yaml:21:33: error: '5' is not an ISO 3166 country code; write a two-letter code such as DE",
            "scenario.yaml:21:43: error: 'x' is not a number; write a number such as 12.5",
        ],
    ),
    (
        "horizon_and_years",
        [
            ("last_year: 2030, periods_per_year: 4", "last_year: x, periods_per_year: 5"),
            ("earliest_start: 2026", "earliest_start: 1900"),
        ],
        [
            "scenario.yaml:4:40: error: 'x' is not a calendar year; write a year such as 2030",
            "scenario.yaml:4:61: error: periods_per_year is 5; write 1, 2, 4 or 12",
        ],
    ),
    (
        "eight",
        [
            ("title: A test", "titel: A test"),
            ("capex_meur: 1400", "capex_meur: 1,4"),
            ("country: CL", "country: NO"),
            ("kind: public", "kind: publik"),
            ("period: 2", "period: 9"),
            ("max_t: 200", "max_t: -1"),
            ("earliest_start: 2026", "earliest_start: 2035"),
            ("probability: 0.7}", "probability: 0.6}"),
        ],
        [
            "scenario.yaml:1:1: error: 'titel' is not known; did you mean 'title'?",
            'scenario.yaml:21:34: error: YAML may read a bare NO as false; write "NO" in quotes, or false',
            "scenario.yaml:27:21: error: 2035 lies outside the horizon; write a year from 2026 to 2030",
            "scenario.yaml:28:17: error: '1,4' is not a number; a decimal comma: write 1.4",
            "scenario.yaml:38:11: error: 'publik' is not known here; did you mean 'public'?",
            "scenario.yaml:48:12: error: -1 is negative; write a number of 0 or more",
            "scenario.yaml:56:5: error: the probability of the states adds up to 0.9, not 1; 0.1 is missing",
            "scenario.yaml:59:59: error: a year has no period 9; write a period from 1 to 4",
        ],
    ),
]

# A file of its own in which nearly every line is wrong, and all that is printed for it.
MANY = """\
horizon: {first_year: 2026, last_year: 2029, periods_per_year: 3, discount_rate: -2}
materials: {a: {price_eur_per_t: 1000}}
consumers: {u: {}}
demand: [{consumer: u, material: a, t_per_year: 100}]
damage: [{material: a, steps: [{share: 0.4, eur_per_t: 10},{share: 0.4, eur_per_t: 1}]}]
funders: {f: {kind: public}}
stockpiles: [{id: s, material: a, initial_t: 6, max_t: 5, paid_by: {f: 0.5, co: 0.4}}]
hazards: {h: {annual_probability: 0.1, effects: [{country: CN, loss: [2], materials: [zz]}]}}
uncertainty:
  states:
    - {probability: 0.5, events: [{hazard: hh, start: 2035}], failed_projects: [k], delayed_projects: {l: 0.5}}
    - {probability: 0.4}
"""
MANY_LINES = [
    "scenario.yaml:1:64: error: periods_per_year is 3; write 1, 2, 4 or 12",
    "scenario.yaml:1:82: error: -2 is negative; write a number of 0 or more",
    "scenario.yaml:5:31: error: the share of the steps adds up to 0.8, not 1; 0.2 is missing",
    "scenario.yaml:5:84: error: damage falls from 10 to 1 EUR per tonne; order the steps from the cheapest tonne to the most expensive",
    "scenario.yaml:7:46: error: initial_t 6 is above max_t 5",
    "scenario.yaml:7:68: error: paid_by adds up to 0.9, not 1; 0.1 is missing",
    "scenario.yaml:7:77: error: there is no funder 'co'; there are f",
    "scenario.yaml:8:71: error: 2 is above 1; write 0.02 if 2 % is meant",
    "scenario.yaml:8:87: error: there is no material 'zz'; there are a",
    "scenario.yaml:11:5: error: the probability of the states adds up to 0.9, not 1; 0.1 is missing",
    "scenario.yaml:11:44: error: there is no hazard 'hh'; did you mean 'h'?",
    "scenario.yaml:11:55: error: 2035 lies outside the horizon; write a year from 2026 to 2029",
    "scenario.yaml:11:81: error: there is no project 'k'; the file has no projects",
    "scenario.yaml:11:104: error: there is no project 'l'; the file has no projects",
    "scenario.yaml:11:107: error: 0.5 is not a whole number; write 0",
]

# Each is a setting, and what is printed with it.
SETTINGS: list[tuple[str, list[str]]] = [
    ("x", ["--set x: error: a setting needs a path and a value; write path=value"]),
    (
        "projects.upper_rine.capex_meur=3",
        [
            "--set projects.upper_rine.capex_meur=3: error: there is no 'upper_rine' in projects; did you mean 'upper_rhine'?"
        ],
    ),
    (
        "projects.upper_rhine.capex=3",
        [
            "--set projects.upper_rhine.capex=3: error: there is no 'capex' in projects.upper_rhine; did you mean 'capex_meur'?"
        ],
    ),
    (
        "projects.upper_rhine.capex_meur=1,5",
        [
            "--set projects.upper_rhine.capex_meur=1,5: error: '1,5' is not a number; a decimal comma: write 1.5"
        ],
    ),
    (
        "projects.upper_rhine.output_t_per_year={lithium: 1,5}",
        [
            "--set projects.upper_rhine.output_t_per_year={lithium: 1,5}: error: '1,5' is not a number; a decimal comma: write 1.5"
        ],
    ),
    ("projects.recycling=null", []),
    ("projects.recycling.capex_meur=6.0e+1", []),
    (
        "projects.upper_rhine=null",
        [
            "scenario.yaml:43:7: warning: no project qualifies for the instrument 'equity'; see its 'eligible'",
            "scenario.yaml:43:73: warning: no project carries the tag 'domestic'",
            "scenario.yaml:60:25: error: there is no project 'upper_rhine'; there are recycling",
        ],
    ),
    ("stockpiles.0.max_t=5", []),
    (
        "stockpiles.reserv.max_t=5",
        [
            "--set stockpiles.reserv.max_t=5: error: there is no 'reserv' in stockpiles; did you mean 'reserve'?"
        ],
    ),
    (
        "policy.state_aid.max_meur=-3",
        ["--set policy.state_aid.max_meur=-3: error: -3 is negative; write a number of 0 or more"],
    ),
    (
        "materials.lithium.price_eur_per_t.2030=5",
        [
            "--set materials.lithium.price_eur_per_t.2030=5: error: 'materials.lithium.price_eur_per_t' is a single value and has no '2030'; set materials.lithium.price_eur_per_t"
        ],
    ),
    ("materials.dysprosium.price_eur_per_t.2028=180000", []),
    (
        "projects.new={country: DE}",
        [
            "--set projects.new={country: DE}: error: there is no 'new' in projects; known here: upper_rhine, recycling"
        ],
    ),
    (
        "demand.7.t_per_year=1",
        [
            "--set demand.7.t_per_year=1: error: there is no '7' in demand; positions run from 0 to 1"
        ],
    ),
    (
        "objective.cvar.weight=2",
        ["--set objective.cvar.weight=2: error: 2 is above 1; write 0.02 if 2 % is meant"],
    ),
    (
        "horizon.last_year=NO",
        [
            '--set horizon.last_year=NO: error: YAML may read a bare NO as false; write "NO" in quotes, or false'
        ],
    ),
    (
        "policy.x.y=1",
        [
            "--set policy.x.y=1: error: there is no 'x' in policy; known here: "
            + ", ".join(Policy.model_fields)
        ],
    ),
    (
        "projects.upper_rhine.capex_profile.1=0.5",
        [
            "--set projects.upper_rhine.capex_profile.1=0.5: error: capex_profile adds up to 1.1, not 1; 0.1 too much"
        ],
    ),
    ("variants.a=1", ["--set variants.a=1: error: a patch cannot change variants"]),
    ("=3", ["--set =3: error: a setting needs a path and a value; write path=value"]),
    (
        "horizon=[1",
        [
            "--set horizon=[1: error: this is not valid YAML: did not find expected ',' or ']'; check for a missing comma or closing bracket"
        ],
    ),
    (
        "funders.fund.instruments.loan.max_share=1",
        [
            "--set funders.fund.instruments.loan.max_share=1: error: there is no 'loan' in funders.fund.instruments; known here: equity"
        ],
    ),
]

# Each is a name, the content of projects.csv, and what is printed.
TABLES: list[tuple[str, str, list[str]]] = [
    ("ok", "id,country,output_t_per_year.lithium,capex_meur,tags\na,NA,10000,1e3,x;y\n", []),
    (
        "unknown_column",
        "id,contry,output_t_per_year.lithium,capex_meur\na,DE,10,5\n",
        [
            "projects.csv:1:4: error: the column 'contry' is not known; did you mean 'country'?",
            "projects.csv:2:1: error: 'country' is missing in projects.a; country: ISO 3166 code of the country of the project",
        ],
    ),
    (
        "nested",
        "id,country,output_t_per_year,capex_meur\na,DE,10,5\n",
        [
            "projects.csv:1:12: error: the column 'output_t_per_year' cannot be held in one cell; give each part a column, such as output_t_per_year.lithium",
            "projects.csv:2:1: error: 'output_t_per_year' is missing in projects.a; output_t_per_year: nameplate output in tonnes per year, by material",
        ],
    ),
    (
        "comma",
        "id;country;output_t_per_year.lithium;capex_meur\na;DE;10;5,5\nb;DE;10;1.500\n",
        [
            "projects.csv:2:9: error: '5,5' is not a number; a decimal comma: write 5.5",
            "projects.csv:3:9: warning: 1.500 is read as 1.5; if 1500 is meant, write 1500",
        ],
    ),
    (
        "cells",
        "id,country,output_t_per_year.lithium,capex_meur\na,DE,10,5,6\nb,DE,10\n",
        [
            "projects.csv:2:11: error: 5 cells in a row, but 4 columns; put a text with a comma into quotes",
            "projects.csv:3:1: error: 'capex_meur' is missing in projects.b; capex_meur: capital cost in million EUR",
            "projects.csv:3:6: error: 3 cells in a row, but 4 columns; every cell needs its comma",
        ],
    ),
    (
        "gap",
        "id,country,output_t_per_year.lithium,capex_meur,ramp_up.0,ramp_up.2\na,DE,10,5,0.5,1\n",
        [
            "projects.csv:2:15: error: position 1 of the list is empty; fill it, or move the later ones up"
        ],
    ),
    (
        "noid",
        "name,country\na,DE\n",
        [
            "projects.csv:1:1: error: the table has no column 'id'; add one; its cells name the items"
        ],
    ),
    (
        "dup",
        "id,country,output_t_per_year.lithium,capex_meur\na,DE,10,5\na,DE,10,5\n",
        ["projects.csv:3:1: error: 'a' is written twice; first at projects.csv:2:1"],
    ),
    ("empty", "", ["projects.csv: error: the table is empty; its first row names the columns"]),
    (
        "quote",
        'id,country\n"a"b,DE\n',
        [
            "projects.csv:2:1: error: this row is not valid CSV: ',' expected after '\"'; a quote inside of a quoted text is written twice: \"\""
        ],
    ),
    (
        "missing",
        "id,country,output_t_per_year.lithium,capex_meur\na,DE,10,\n",
        [
            "projects.csv:2:1: error: 'capex_meur' is missing in projects.a; capex_meur: capital cost in million EUR"
        ],
    ),
    (
        "quoted_place",
        'id,country,output_t_per_year.lithium,capex_meur\n"a, ""b""",DE,10,x\n',
        ["projects.csv:2:18: error: 'x' is not a number; write a number such as 12.5"],
    ),
    (
        "sum",
        "id,country,output_t_per_year.lithium,capex_meur,capex_meur.source,capex_profile.0,capex_profile.1\na,DE,10,6,me,0.5,0.4\n",
        ["projects.csv:2:14: error: capex_profile adds up to 0.9, not 1; 0.1 is missing"],
    ),
    (
        "badid",
        "id,country,output_t_per_year.lithium,capex_meur,requires\na,DE,10,6,b;c\n",
        [
            "projects.csv:2:11: error: there is no project 'b'; there are a",
            "projects.csv:2:11: error: there is no project 'c'; there are a",
        ],
    ),
]
