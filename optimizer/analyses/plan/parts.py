"""Words for parts and fields of a scenario."""

from __future__ import annotations

from models.language import tr


def part_name(part: str) -> str:
    """A part of a scenario in words."""
    known = {
        "horizon": tr("Horizon"),
        "materials": tr("Materials"),
        "consumers": tr("Consumers"),
        "demand": tr("Demand"),
        "damage": tr("Damage"),
        "supply": tr("Supply"),
        "projects": tr("Projects"),
        "funders": tr("Funders"),
        "stockpiles": tr("Stockpiles"),
        "hazards": tr("Hazards"),
        "uncertainty": tr("States"),
        "policy": tr("Policy"),
        "objective": tr("Objective"),
    }
    return known.get(part, part)


def field_name(field: str) -> str:
    """A field of a scenario in words; its own name where it has none."""
    known = {
        "annual_loss": tr("loss in store a year"),
        "annual_probability": tr("probability a year"),
        "budget_by_year_meur": tr("budget by year"),
        "budget_charge": tr("budget charge"),
        "budget_meur": tr("budget"),
        "by_year_meur": tr("granted by year"),
        "capex_meur": tr("capital cost"),
        "capex_profile": tr("capital cost by year"),
        "charges": tr("charge on budget lines"),
        "construction_years": tr("years of construction"),
        "delay_years": tr("probability of delay"),
        "discount_rate": tr("discount rate"),
        "eur_per_t": tr("price in a state"),
        "expected_return": tr("expected return"),
        "failure_probability": tr("probability of failure"),
        "fee_per_year": tr("fee a year"),
        "financing_paid_by": tr("who pays for financing"),
        "financing_rate": tr("financing rate"),
        "floor_eur_per_t": tr("price floor"),
        "grace_years": tr("years of grace"),
        "grant_equivalent": tr("grant equivalent"),
        "home_share": tr("domestic share without a stake"),
        "initial_t": tr("initial stock"),
        "interest_rate": tr("interest rate"),
        "lifetime_years": tr("lifetime"),
        "limit": tr("limit"),
        "limit_meur": tr("outstanding at most"),
        "loss": tr("share lost"),
        "loss_given_failure": tr("loss if it fails"),
        "market_finance_max": tr("share of lenders at most"),
        "market_finance_per_share": tr("finance of lenders per share"),
        "max_intensity": tr("state aid intensity"),
        "max_meur": tr("state aid at most"),
        "max_public_share": tr("public share at most"),
        "max_purchase_t_per_year": tr("purchases a year at most"),
        "max_share": tr("share at most"),
        "max_t": tr("room"),
        "offtake_max": tr("reserved output at most"),
        "offtake_per_share": tr("reserved output per share"),
        "output_t_per_year": tr("output"),
        "paid_by": tr("who pays"),
        "price_eur_per_t": tr("price"),
        "probability": tr("probability"),
        "purchase_premium": tr("purchase premium"),
        "ramp_up": tr("ramp-up"),
        "recovery": tr("expected to come back"),
        "residual_value": tr("residual value"),
        "share": tr("share"),
        "steps.eur_per_t": tr("damage per tonne"),
        "steps.share": tr("width of the step"),
        "stock_charge": tr("charge of stocks"),
        "storage_eur_per_t_year": tr("storage cost"),
        "storage_paid_by": tr("who pays for storage"),
        "success_probability": tr("probability of success"),
        "t_per_year": tr("tonnes a year"),
        "term_years": tr("years of term"),
        "ticket_max_meur": tr("ticket at most"),
        "ticket_min_meur": tr("ticket at least"),
        "total_meur": tr("granted in all"),
        "upside_from_eur_per_t": tr("price from which income is shared"),
        "upside_share": tr("share of income"),
        "weight": tr("weight"),
    }
    return known.get(field, field)
