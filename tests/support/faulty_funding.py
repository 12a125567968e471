"""Scenario files whose budget lines, instruments, prices or stages are wrong, as printed."""

# ruff: noqa: E501

from __future__ import annotations

from models.scenario.instruments import INSTRUMENT_TYPES

WITH_INTEREST = ", ".join(
    kind for kind, it in INSTRUMENT_TYPES.items() if kind and it.defines("interest_rate")
)

# Each is a name, what is replaced in the valid file, and what is printed.
FAULTY_FUNDING: list[tuple[str, list[tuple[str, str]], list[str]]] = [
    (
        "line_of_the_other_kind",
        [
            (
                "    carry_over: true\n",
                "    carry_over: true\n    budget_lines:\n      cash: {kind: cash, limit_meur: 5}\n      authority: {kind: guarantee_stock, total_meur: 0, carry_over: true, limit_meur: 9}\n",
            )
        ],
        [
            "scenario.yaml:43:26: error: limit_meur means nothing for a line of kind cash; write total_meur or by_year_meur",
            "scenario.yaml:44:42: error: total_meur means nothing for a line of kind guarantee_stock; it is limited by limit_meur",
            "scenario.yaml:44:57: error: carry_over means nothing for a line of kind guarantee_stock; it is limited by limit_meur",
        ],
    ),
    (
        "line_without_its_limit",
        [
            (
                "    carry_over: true\n",
                "    carry_over: true\n    budget_lines: {authority: {kind: guarantee_stock}}\n",
            )
        ],
        [
            "scenario.yaml:42:31: error: 'limit_meur' is missing for a line of kind guarantee_stock; write what may be outstanding at most"
        ],
    ),
    (
        "line_carries_nothing_over",
        [
            (
                "    carry_over: true\n",
                "    carry_over: true\n    budget_lines: {cash: {kind: cash, total_meur: 5, carry_over: true}}\n",
            )
        ],
        ["scenario.yaml:42:66: error: carry_over needs by_year_meur; name the years"],
    ),
    (
        "line_beyond_the_horizon",
        [
            (
                "    carry_over: true\n",
                "    carry_over: true\n    budget_lines: {cash: {kind: cash, by_year_meur: {2029: 5, 2031: 5}}}\n",
            )
        ],
        [
            "scenario.yaml:42:39: warning: the horizon ends in 2030: years after it are left out (2031); a longer horizon counts them"
        ],
    ),
    (
        "line_year",
        [
            (
                "    carry_over: true\n",
                "    carry_over: true\n    budget_lines: {cash: {kind: cash, by_year_meur: {2025: 5}}}\n",
            )
        ],
        [
            "scenario.yaml:42:54: error: 2025 lies outside the horizon; write a year from 2026 to 2030"
        ],
    ),
    (
        "line_without_limit",
        [
            (
                "    carry_over: true\n",
                "    carry_over: true\n    budget_lines: {cash: {kind: cash}}\n",
            )
        ],
        [
            "scenario.yaml:42:20: warning: the budget line 'cash' has no limit; add one, or leave it out"
        ],
    ),
    (
        "line_kind",
        [
            (
                "    carry_over: true\n",
                "    carry_over: true\n    budget_lines: {cash: {kind: csh, limit_meur: 5}}\n",
            )
        ],
        ["scenario.yaml:42:33: error: 'csh' is not known here; did you mean 'cash'?"],
    ),
    (
        "charge_of_an_unknown_line",
        [
            (
                "    carry_over: true\n",
                "    carry_over: true\n    budget_lines: {cash: {kind: cash, total_meur: 5}}\n",
            ),
            (
                "      equity: {max_share: 0.25, ticket_max_meur: 150, eligible: {tags: [domestic]}}\n",
                "      equity: {max_share: 0.25, ticket_max_meur: 150, eligible: {tags: [domestic]}}\n      loan: {charges: {csh: 0.1, authority: 1}}\n",
            ),
        ],
        [
            "scenario.yaml:45:24: error: 'fund' has no budget line 'csh'; did you mean 'cash'?",
            "scenario.yaml:45:34: error: 'fund' has no budget line 'authority'; there are cash",
        ],
    ),
    (
        "charge_of_lines_unread",
        [
            ("    carry_over: true\n", "    carry_over: true\n    budget_lines: 5\n"),
            (
                "      equity: {max_share: 0.25, ticket_max_meur: 150, eligible: {tags: [domestic]}}\n",
                "      equity: {max_share: 0.25, ticket_max_meur: 150, eligible: {tags: [domestic]}}\n      loan: {charges: {cash: 0.1}}\n",
            ),
        ],
        ["scenario.yaml:42:19: error: a mapping is expected here, not 5"],
    ),
    (
        "term_of_another_kind",
        [
            (
                "      equity: {max_share: 0.25, ticket_max_meur: 150, eligible: {tags: [domestic]}}\n",
                "      equity: {max_share: 0.25, ticket_max_meur: 150, eligible: {tags: [domestic]}}\n      loan: {kind: loan, term_years: 5, fee_per_year: 0.01, upside_share: 0.3}\n      share: {interest_rate: 0.03}\n",
            )
        ],
        [
            "scenario.yaml:44:41: error: fee_per_year means nothing for an instrument of kind loan; it is for guarantee",
            "scenario.yaml:44:61: error: upside_share means nothing for an instrument of kind loan; it is for price_floor",
            "scenario.yaml:45:15: error: interest_rate means nothing for an instrument of no kind; "
            f"add a kind: {WITH_INTEREST}",
        ],
    ),
    (
        "instrument_kind",
        [
            (
                "      equity: {max_share: 0.25, ticket_max_meur: 150, eligible: {tags: [domestic]}}\n",
                "      equity: {max_share: 0.25, ticket_max_meur: 150, eligible: {tags: [domestic]}}\n      loan: {kind: lone, term_years: 5, fee_per_year: 0.01, charges: {x: 1}}\n",
            )
        ],
        [
            "scenario.yaml:44:20: error: 'lone' is not known here; did you mean 'loan'?",
            "scenario.yaml:44:71: error: 'fund' has no budget line 'x'; add it under budget_lines",
        ],
    ),
    (
        "terms_incomplete",
        [
            (
                "      equity: {max_share: 0.25, ticket_max_meur: 150, eligible: {tags: [domestic]}}\n",
                "      equity: {max_share: 0.25, ticket_max_meur: 150, eligible: {tags: [domestic]}}\n      loan: {kind: loan, interest_rate: 0.03, grace_years: 2}\n      stake: {kind: equity, term_years: 9}\n      cover: {kind: guarantee, fee_per_year: 0.01, loss_given_failure: 0.5}\n      interest: {kind: interest_subsidy, grace_years: 1}\n      floor: {kind: price_floor, upside_from_eur_per_t: {lithium: 1}}\n",
            )
        ],
        [
            "scenario.yaml:44:41: error: interest_rate needs term_years; say when it ends",
            "scenario.yaml:44:60: error: grace_years needs term_years; say when it ends",
            "scenario.yaml:45:41: error: term_years needs expected_return; or recovery, so that it is known what comes back at the exit",
            "scenario.yaml:46:46: error: fee_per_year needs failure_probability or recovery; write failure_probability: 0 if it cannot fail",
            "scenario.yaml:46:72: error: loss_given_failure needs failure_probability; write failure_probability: 0 if it cannot fail",
            "scenario.yaml:47:17: error: 'term_years' is missing for an instrument of kind interest_subsidy",
            "scenario.yaml:47:17: error: 'interest_rate' is missing for an instrument of kind interest_subsidy",
            "scenario.yaml:48:14: error: 'floor_eur_per_t' is missing for an instrument of kind price_floor; write {material: EUR per tonne}",
            "scenario.yaml:48:57: error: upside_from_eur_per_t needs upside_share",
        ],
    ),
    (
        "grace_above_term",
        [
            (
                "      equity: {max_share: 0.25, ticket_max_meur: 150, eligible: {tags: [domestic]}}\n",
                "      equity: {max_share: 0.25, ticket_max_meur: 150, eligible: {tags: [domestic]}}\n      loan: {kind: loan, term_years: 5, grace_years: 6}\n",
            )
        ],
        [
            "scenario.yaml:44:54: error: grace_years 6 is above term_years 5; equal to it, all is repaid at the end"
        ],
    ),
    (
        "term_not_whole",
        [
            (
                "      equity: {max_share: 0.25, ticket_max_meur: 150, eligible: {tags: [domestic]}}\n",
                "      equity: {max_share: 0.25, ticket_max_meur: 150, eligible: {tags: [domestic]}}\n      loan: {kind: loan, term_years: 2.5}\n",
            )
        ],
        ["scenario.yaml:44:38: error: 2.5 is not a whole number; write 2"],
    ),
    (
        "floor",
        [
            (
                "      equity: {max_share: 0.25, ticket_max_meur: 150, eligible: {tags: [domestic]}}\n",
                "      equity: {max_share: 0.25, ticket_max_meur: 150, eligible: {tags: [domestic]}}\n      floor: {kind: price_floor, floor_eur_per_t: {litium: 9000}, ticket_min_meur: 5, upside_share: 0.3, upside_from_eur_per_t: {lithium: 9000}}\n",
            )
        ],
        [
            "scenario.yaml:44:52: error: there is no material 'litium'; did you mean 'lithium'?",
            "scenario.yaml:44:67: error: ticket_min_meur means nothing for an instrument of kind price_floor; limit it by max_share",
            "scenario.yaml:44:130: error: there is no floor for 'lithium'; the floor is for litium",
        ],
    ),
    (
        "floor_that_crosses",
        [
            (
                "      equity: {max_share: 0.25, ticket_max_meur: 150, eligible: {tags: [domestic]}}\n",
                "      equity: {max_share: 0.25, ticket_max_meur: 150, eligible: {tags: [domestic]}}\n      floor: {kind: price_floor, floor_eur_per_t: {lithium: {2026: 9000, 2030: 11000}}, upside_share: 0.3, upside_from_eur_per_t: {lithium: 10000}}\n",
            )
        ],
        [
            "scenario.yaml:44:7: warning: the instrument 'floor' brings neither finance nor offtake; give market_finance_per_share or offtake_per_share",
            "scenario.yaml:44:132: warning: the upside of 'lithium' begins below its floor in 2029; so that the funder pays and receives at once",
        ],
    ),
    (
        "guarantee_like_money",
        [
            (
                "    carry_over: true\n",
                "    carry_over: true\n    budget_lines: {cash: {kind: cash, total_meur: 5}}\n",
            ),
            (
                "      equity: {max_share: 0.25, ticket_max_meur: 150, eligible: {tags: [domestic]}}\n",
                "      equity: {max_share: 0.25, ticket_max_meur: 150, eligible: {tags: [domestic]}}\n      cover: {kind: guarantee}\n",
            ),
        ],
        [
            "scenario.yaml:45:7: warning: net cost counts all of the guarantee 'cover' as lost; give failure_probability or recovery",
            "scenario.yaml:45:7: warning: the guarantee 'cover' uses the cash line 'cash' like money paid out; write its provision, such as charges: {cash: 0.1}, or budget_charge",
        ],
    ),
    (
        "price_states",
        [
            (
                "  lithium: {price_eur_per_t: 10000}",
                "  lithium: {price_eur_per_t: 10000, price_states: [{probability: 0.5, eur_per_t: 9000}, {probability: 0.4, eur_per_t: 11000}]}",
            )
        ],
        [
            "scenario.yaml:6:51: error: the probability of price_states adds up to 0.9, not 1; 0.1 is missing"
        ],
    ),
    (
        "who_pays_interest",
        [
            (
                "    max_t: 200\n",
                "    max_t: 200\n    financing_paid_by: {fund: 0.7}\n    storage_paid_by: {fonds: 1}\n",
            )
        ],
        [
            "scenario.yaml:49:24: error: financing_paid_by adds up to 0.7, not 1; 0.3 is missing",
            "scenario.yaml:50:23: error: there is no funder 'fonds'; did you mean 'fund'?",
        ],
    ),
    (
        "stage",
        [("    capex_meur: 60\n", "    capex_meur: 60\n    stages: [mining]\n")],
        [
            "scenario.yaml:36:14: error: 'mining' is not known here; write one of extraction, processing, recycling"
        ],
    ),
    (
        "home",
        [("title: A test", "title: A test\nhome: [de]")],
        ["scenario.yaml:2:8: error: 'de' is not an ISO 3166 country code; write DE"],
    ),
    (
        "home_unknown",
        [("title: A test", "title: A test\nhome: [DE, UK]")],
        ["scenario.yaml:2:12: warning: UK is not a country code of ISO 3166; write GB"],
    ),
    (
        "floor_for_nobody",
        [
            ("output_t_per_year: {dysprosium: 10}", "output_t_per_year: {dysprosium: 0}"),
            (
                "      equity: {max_share: 0.25, ticket_max_meur: 150, eligible: {tags: [domestic]}}\n",
                "      equity: {max_share: 0.25, ticket_max_meur: 150, eligible: {tags: [domestic]}}\n      floor: {kind: price_floor, floor_eur_per_t: {dysprosium: 90000}, offtake_per_share: 1}\n",
            ),
        ],
        [
            "scenario.yaml:44:7: warning: no project qualifies for the instrument 'floor'; see its 'eligible' and the materials of its floor"
        ],
    ),
    (
        "premium_without_payers",
        [
            (
                "  lithium: {price_eur_per_t: 10000}",
                "  lithium: {price_eur_per_t: 10000, secured_premium_eur_per_t: 500}",
            )
        ],
        [
            "scenario.yaml:6:64: error: secured_premium_eur_per_t needs premium_paid_by; say who pays it, such as premium_paid_by: {fund: 1}"
        ],
    ),
    (
        "payers_of_no_premium",
        [
            (
                "  lithium: {price_eur_per_t: 10000}",
                "  lithium: {price_eur_per_t: 10000, premium_paid_by: {fund: 0.5, fnd: 0.5}}",
            )
        ],
        [
            "scenario.yaml:6:54: error: premium_paid_by needs secured_premium_eur_per_t; say what a tonne of secured output costs above the market, or leave it out",
            "scenario.yaml:6:66: error: there is no funder 'fnd'; did you mean 'fund'?",
        ],
    ),
    (
        "premium_in_part",
        [
            (
                "  lithium: {price_eur_per_t: 10000}",
                "  lithium: {price_eur_per_t: 10000, secured_premium_eur_per_t: -1, premium_paid_by: {fund: 0.5}}",
            )
        ],
        [
            "scenario.yaml:6:64: error: -1 is negative; write a number of 0 or more",
            "scenario.yaml:6:85: error: premium_paid_by adds up to 0.5, not 1; 0.5 is missing",
        ],
    ),
    (
        "overruns",
        [
            (
                "    capex_meur: 60\n",
                "    capex_meur: 60\n    capex_overrun: [{by: 30, probability: 0.5}, {by: 0, probability: 0.5}]\n",
            ),
            (
                "    capex_meur: 1400\n",
                "    capex_meur: 1400\n    capex_overrun: [{by: 0.3, probability: 0.5}]\n",
            ),
        ],
        [
            "scenario.yaml:29:20: error: the probability of capex_overrun adds up to 0.5, not 1; 0.5 is missing"
        ],
    ),
    (
        "overruns_in_percent",
        [
            (
                "    capex_meur: 60\n",
                "    capex_meur: 60\n    capex_overrun: [{by: 30, probability: 0.5}, {by: 0, probability: 0.5}]\n",
            )
        ],
        [
            "scenario.yaml:36:26: warning: by is a fraction of one: 30 means 30 times the capex more; write 0.3 if 30 % are meant"
        ],
    ),
    (
        "contingency_of_nothing",
        [
            (
                "policy: {max_public_share: 0.49}",
                "policy: {contingency: 0.8, max_starts_by_year: {2025: 1, 2099: 2}}",
            )
        ],
        [
            "scenario.yaml:61:23: warning: contingency means nothing: no project has a capex_overrun",
            "scenario.yaml:61:28: warning: the horizon ends in 2030: years after it are left out (2099); a longer horizon counts them",
            "scenario.yaml:61:49: error: 2025 lies outside the horizon; write a year from 2026 to 2030",
        ],
    ),
    (
        "starts_after_the_horizon",
        [
            (
                "policy: {max_public_share: 0.49}",
                "policy: {contingency: 0.8, max_starts_by_year: {2026: 1, 2099: 2}}",
            )
        ],
        [
            "scenario.yaml:61:23: warning: contingency means nothing: no project has a capex_overrun",
            "scenario.yaml:61:28: warning: the horizon ends in 2030: years after it are left out (2099); a longer horizon counts them",
        ],
    ),
    (
        "premiums_on_lines",
        [
            (
                "    carry_over: true\n",
                "    carry_over: true\n    budget_lines:\n      vows: {kind: commitment, total_meur: 5, premium_charge: 1}\n      authority: {kind: guarantee_stock, limit_meur: 9, premium_charge: 1}\n",
            )
        ],
        [
            "scenario.yaml:44:57: error: premium_charge means nothing for a line of kind guarantee_stock; it is limited by limit_meur"
        ],
    ),
    (
        "premium_charge_on_a_line_of_commitment",
        [
            (
                "    carry_over: true\n",
                "    carry_over: true\n    budget_lines: {vows: {kind: commitment, total_meur: 5, premium_charge: 1}}\n",
            )
        ],
        [
            "scenario.yaml:42:76: warning: a line of kind commitment is not charged with premiums; leave it out"
        ],
    ),
    (
        "premium_on_what_nobody_delivers",
        [
            (
                "  lithium: {price_eur_per_t: 10000}",
                "  lithium: {price_eur_per_t: 10000}\n  tin: {price_eur_per_t: 9, secured_premium_eur_per_t: 1, premium_paid_by: {fund: 1}}",
            )
        ],
        [
            "scenario.yaml:7:3: warning: nobody demands 'tin'",
            "scenario.yaml:7:56: warning: no project delivers 'tin', so nobody pays a premium",
        ],
    ),
]
