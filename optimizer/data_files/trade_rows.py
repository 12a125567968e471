"""Rows of UN Comtrade, each trade once.

A file may contain the same trade several times: with the world as partner and by partner, in total
and by mode of transport, customs procedure or second partner, by month and by year. Totals count
where the file has them, and the sum of the parts where it does not.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from models.faults import Fault, ScenarioError
from models.language import tr
from optimizer.data_files.cells import read_number
from optimizer.data_files.countries import code_of_trade_row, normalized_name
from optimizer.data_files.rows import DataFile, Row, header_key
from optimizer.data_files.selection import Selection

KILOGRAMS_PER_TONNE = 1000.0
_COLUMNS = {
    "year": ("refyear", "year"),
    "period": ("period",),
    "reporter_code": ("reporteriso",),
    "reporter": ("reporterdesc", "reporter"),
    "partner_code": ("partneriso",),
    "partner": ("partnerdesc", "partner"),
    "flow": ("flowcode", "tradeflowcode"),
    "flow_name": ("flowdesc", "tradeflow"),
    "commodity": ("cmdcode", "commoditycode"),
    "weight": ("netwgt", "netweightkg"),
    "value": ("primaryvalue", "tradevalueus"),
    "estimated": ("isnetwgtestimated",),
    "flag": ("flag",),
    "frequency": ("freqcode",),
    "partner2": ("partner2code", "2ndpartnercode"),
    "customs": ("customscode", "customsproccode"),
    "supply_mode": ("moscode",),
    "transport": ("motcode", "modeoftransportcode"),
}
"""Columns by the keys of their names, in the present form of the files and in the former one."""
_TOTALS = {
    "partner2": "0",
    "customs": "C00",
    "supply_mode": "0",
    "transport": "0",
    "frequency": "A",
}
"""Code of the total, for each column by which the same trade may be broken down."""
_FLOWS = {"m": "M", "1": "M", "import": "M", "imports": "M"}
_FLOWS |= {"x": "X", "2": "X", "export": "X", "exports": "X"}
"""Imports and exports. Imports include re-imports, exports include re-exports, which have rows of
their own as well."""
_ESTIMATED_FLAGS = ("4", "6")  #: Of the former files: net weight estimated, also with quantity.


@dataclass(frozen=True)
class Trade:
    """One row: trade of a reporter with a partner in a year.

    ``sides`` are both as the file names them. ``breakdown`` has the codes of the columns of
    ``_TOTALS``, empty for a total, and the month. ``weight`` is in kg, None if missing, ``value``
    in USD.
    """

    row: Row
    commodity: str
    year: int
    flow: str
    reporter: str
    partner: str
    sides: tuple[str, ...]
    breakdown: tuple[str, ...]
    weight: float | None
    value: float
    is_estimated: bool

    @property
    def tonnes(self) -> float:
        """Net weight in tonnes, 0 if missing."""
        return (self.weight or 0.0) / KILOGRAMS_PER_TONNE


def find_columns(data: DataFile) -> dict[str, int]:
    """Return the positions of the known columns. Raises ScenarioError if one is missing."""
    header = data.rows[0]
    positions = {header_key(name): index for index, name in reversed([*enumerate(header.cells)])}
    columns = {
        name: next(positions[key] for key in keys if key in positions)
        for name, keys in _COLUMNS.items()
        if any(key in positions for key in keys)
    }
    needed = {
        "netWgt": "weight" in columns,
        "cmdCode": "commodity" in columns,
        "refYear": "year" in columns or "period" in columns,
        "flowCode": "flow" in columns or "flow_name" in columns,
        "reporterISO": "reporter_code" in columns or "reporter" in columns,
        "partnerISO": "partner_code" in columns or "partner" in columns,
    }
    if missing := [name for name, is_there in needed.items() if not is_there]:
        message = tr(
            "these are not the columns of UN Comtrade: {names} missing", names=", ".join(missing)
        )
        raise data.fault(header, message, tr("download trade data as CSV, with all columns"))
    return columns


def read_trades(
    data: DataFile,
    columns: dict[str, int],
    chosen: Collection[str],
    selection: Selection,
    countries: Mapping[str, str],
) -> list[Trade]:
    """Return the imports and exports of the chosen commodities and years."""
    trades, faults = [], []
    other_flows: dict[str, int] = defaultdict(int)
    years = []

    def text(row: Row, name: str) -> str:
        return row.text(columns.get(name))

    def code(row: Row, name: str) -> str:
        label = text(row, name)
        return countries.get(normalized_name(label)) or code_of_trade_row(
            text(row, f"{name}_code"), label
        )

    for row in data.rows[1:]:
        if text(row, "commodity") not in chosen:
            continue
        year_text = (text(row, "year") or text(row, "period"))[:4]
        if not year_text.isdecimal():
            raise data.fault(row, tr("'{text}' is no year", text=year_text))
        years.append(int(year_text))
        flows = (_FLOWS.get(text(row, name).lower()) for name in ("flow", "flow_name"))
        flow = next(filter(None, flows), None)
        if not selection.takes(years[-1]):
            continue
        if flow is None:
            other_flows[text(row, "flow_name") or text(row, "flow")] += 1
            continue
        sides = {name: code(row, name) for name in ("reporter", "partner")}
        unknown = [name for name, side in sides.items() if not side]
        for name in unknown:
            label = text(row, name) or text(row, f"{name}_code")
            message = tr("'{name}' is no known country", name=label)
            hint = tr('add --country "{name}=CODE"; XX if it is several', name=label)
            index = columns.get(name, columns.get(f"{name}_code", 0))
            faults.append(Fault((), message, hint, location=data.location(row, index)))
        weight = read_number(row.cells[columns["weight"]], dash="missing")
        value = (
            read_number(row.cells[columns["value"]], dash="missing") if "value" in columns else None
        )
        is_estimated = text(row, "estimated").lower() in ("true", "1") or (
            text(row, "flag") in _ESTIMATED_FLAGS
        )
        codes = {name: text(row, name).removesuffix(".0") for name in _TOTALS}
        breakdown = ["" if code == _TOTALS[name] else code for name, code in codes.items()]
        trades.append(
            Trade(
                row,
                text(row, "commodity"),
                years[-1],
                flow,
                sides["reporter"],
                sides["partner"],
                tuple(f"{text(row, f'{name}_code')} {text(row, name)}" for name in sides),
                (*breakdown, text(row, "period")[4:]),
                weight.value,
                (value.value if value else None) or 0.0,
                is_estimated,
            )
        )
    if faults:
        raise ScenarioError(list(dict.fromkeys(faults)))
    selection.check_any_year(years)
    for name, count in other_flows.items():
        data.note(None, tr("rows of '{name}' left out: {count}", count=count, name=name))
    return trades


def without_repetitions(data: DataFile, trades: Iterable[Trade]) -> list[Trade]:
    """Return the trades without rows that repeat an earlier one. Raises ScenarioError if such a row
    has another weight."""
    first: dict[tuple[object, ...], Trade] = {}
    for trade in trades:
        key = (trade.commodity, trade.year, trade.flow, trade.sides, trade.breakdown)
        earlier = first.setdefault(key, trade)
        if earlier is trade:
            continue
        line = earlier.row.line
        if earlier.weight != trade.weight:
            message = tr("line {line} has another net weight for the same trade", line=line)
            raise data.fault(trade.row, message, tr("keep one of them"))
        data.note(trade.row, tr("the same as line {line}; left out", line=line))
    return list(first.values())


def without_parts(data: DataFile, trades: Iterable[Trade]) -> list[Trade]:
    """Return the trades without rows that a total of the same trade contains.

    Raises ScenarioError if the rows that remain of a trade are broken down in different ways, since
    they may contain each other.
    """
    groups: dict[tuple[object, ...], dict[tuple[str, ...], Trade]] = defaultdict(dict)
    for trade in trades:
        key = (trade.commodity, trade.year, trade.flow, *trade.sides)
        groups[key][trade.breakdown] = trade
    kept: list[Trade] = []
    left_out = 0
    for group in groups.values():
        whole = [t for codes, t in group.items() if not any(c in group for c in _totals_of(codes))]
        left_out += len(group) - len(whole)
        kept += whole
        patterns = {tuple(map(bool, trade.breakdown)): trade for trade in whole}
        if len(patterns) > 1:
            line = min(trade.row.line for trade in patterns.values())
            message = tr("the same trade as in line {line}, broken down in another way", line=line)
            last = max(patterns.values(), key=lambda trade: trade.row.line)
            raise data.fault(last.row, message, tr("keep one of the ways, or the totals"))
    if left_out:
        data.note(None, tr("rows left out as parts of a total: {count}", count=left_out))
    return kept


def _totals_of(codes: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the codes of all totals to which a row with these codes belongs."""
    choices = ((code, "") if code else ("",) for code in codes)
    return (total for total in product(*choices) if total != codes)
