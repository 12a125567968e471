"""``vorrat data`` on files in the shapes of their publishers, odd cells included."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib import util
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings, strategies as st
from published_files import MINE, comtrade, mcs_2025, mcs_2026, pink_sheet, trade
from small import case, near, stockpile

import vorrat
from optimizer.cli import run_command_line
from optimizer.data_files.comtrade import read_comtrade
from optimizer.data_files.files import Selection
from optimizer.data_files.mcs import read_mcs
from optimizer.data_files.prices import read_prices

COBALT = [
    ("Congo (Kinshasa)", "210,000", "220,000"),
    ("Canada ", "4300", "4,500e"),
    ("Burma5", "W", "<5"),
    ("Cuba", "—", "XX"),
    ("Other countries", "700", ">800"),
    ("World total (rounded)", "215,000", "226,000"),
]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Run:
    """A run of ``vorrat data``: what it prints, and the table that it writes."""

    def __init__(self, capfd: pytest.CaptureFixture[str], *args: object, code: int = 0) -> None:
        assert run_command_line(["data", *map(str, args)]) == code
        self.out, self.err = capfd.readouterr()

    def notes(self) -> list[str]:
        """What is said of the content, without the names of files and the columns."""
        return [
            re.sub(r"^\S+?(:\d+)?(:\d+)?: ", r"\1 ", line).strip() for line in self.err.splitlines()
        ]


def table(path: str) -> dict[tuple[str, ...], dict[str, str]]:
    """The cells that a table fills, by the texts that name the row."""
    with Path(path).open(encoding="utf-8", newline="") as stream:
        rows = [dict(row) for row in csv.DictReader(stream)]
    return {
        tuple(text for name, text in row.items() if "." not in name): {
            name: text for name, text in row.items() if "." in name and text
        }
        for row in rows
    }


def figures(path: str) -> dict[tuple[str, ...], list[str]]:
    """The figures of a table, in the order of the years."""
    return {
        key: [text for name, text in cells.items() if name[-4:].isdecimal()]
        for key, cells in table(path).items()
    }


def test_world_production_becomes_supply(capfd: pytest.CaptureFixture[str]) -> None:
    """Each cell that is not a plain number is reported, with its line and what was made of it."""
    run = Run(capfd, "mcs", mcs_2025(Path("MCS2025_World_Data.csv"), COBALT), "--out", "data")
    assert figures("data/mcs.csv") == {
        ("cobalt", "CA"): ["4300", "4500"],
        ("cobalt", "CD"): ["210000", "220000"],
        ("cobalt", "CU"): ["0"],
        ("cobalt", "MM"): ["5"],
        ("cobalt", "XX"): ["700", "800"],
    }
    assert table("data/mcs.csv")["cobalt", "MM"]["t_per_year.note"] == "2024: an upper bound"
    assert run.notes() == [
        "the file is not UTF-8; read as Windows-1252",
        "figures of 2024 are estimates of the publisher",
        ":3 Canada, 2024: '4,500e' is estimated; read as 4500",
        ":4 Burma5, 2023: 'W' is withheld by the publisher; left out",
        ":4 Burma5, 2024: '<5' is an upper bound; read as 5",
        ":5 Cuba, 2023: '—' is zero; read as 0",
        ":5 Cuba, 2024: 'XX' is not applicable; left out",
        ":6 Other countries, 2023: no single country; kept as XX",
        ":6 Other countries, 2024: '>800' is a lower bound; read as 800",
        ":6 Other countries, 2024: no single country; kept as XX",
        ":7 2023: the countries add up to 215000 t; the file states 215000 t",
        ":7 2024: the countries add up to 225305 t; the file states 226000 t",
        "cobalt, CU: years without a figure take that of the years beside them",
        "cobalt, MM: years without a figure take that of the years beside them",
        "Include it in a scenario in this folder: include: [mcs.yaml]",
    ]
    fragment = yaml.safe_load(Path("data/mcs.yaml").read_text(encoding="utf-8"))
    source = fragment["sources"]["mcs_2025"]
    assert source["url"] == "https://doi.org/10.5066/P13XCP3R"
    assert source["text"].startswith(
        "U.S. Geological Survey, Mineral Commodity Summaries 2025, data release; Cobalt: mine "
        "production, cobalt content; file MCS2025_World_Data.csv of 20"
    )
    assert fragment["supply"] == {"table": "mcs.csv"}


def test_all_editions_have_the_same_figures(capfd: pytest.CaptureFixture[str]) -> None:
    """The wide file of all commodities, the long one, and one of a commodity by itself."""
    wide = mcs_2025(
        Path("MCS2025_World_Data.csv"), [("Chile", "5250", "5300"), ("Peru", "2700", "2600")]
    )
    long = mcs_2026(
        Path("MCS2026_Commodities_Data.csv"),
        [
            ("Chile", "2023", "5.25"),
            ("Chile", "2024_estimated", "5.3"),
            ("Peru", "2023", "2.7"),
            ("Peru", "2024", "2.6"),
            ("Peru", "2021–24", "2.6"),
            ("World total", "2024", "7.9"),
        ],
    )
    for file in (wide, long):
        Run(capfd, "mcs", file, "--material", "cobalt", "--out", f"{file.stem}/x.csv")
        found = figures(f"{file.stem}/x.csv")
        assert found == {("cobalt", "CL"): ["5250", "5300"], ("cobalt", "PE"): ["2700", "2600"]}


def test_names_of_several_countries_need_a_code(capfd: pytest.CaptureFixture[str]) -> None:
    file = mcs_2025(Path("MCS2025_World_Data.csv"), [("United States and Canada", "3", "4")])
    assert "'United States and Canada' is no known country" in Run(capfd, "mcs", file, code=2).err
    Run(capfd, "mcs", file, "--country", "United States and Canada=XX", "--out", ".")
    assert figures("mcs.csv") == {("cobalt", "XX"): ["3", "4"]}
    unused = Run(capfd, "mcs", file, "--country", "Atlantis=XX", code=2)
    assert "The file has no country 'atlantis', which --country names." in unused.err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "Choose with --commodity from Cobalt, Copper"),
        (("--commodity", "Cobald"), "no commodity 'Cobald'; it has Cobalt"),
        (("--commodity", "copper"), "Choose with --type one kind of production of Copper"),
        (("--commodity", "cobalt", "--type", "smelter"), "Choose with --type"),
        (("--commodity", "cobalt", "--years", "1999"), "it has 2023, 2024"),
        (("--commodity", "cobalt", "--years", "2024-2020"), "2024-2020 is no year"),
        (("--commodity", "cobalt", "--material", "a", "--material", "b"), "one --material"),
        (("--commodity", "cobalt"), "2:16: error: 'Atlantis' is no known country"),
        (("--commodity", "cobalt", "--country", "Atlantis=QQ"), "is not NAME=CODE"),
        (("--commodity", "helium", "--country", "Atlantis=XX"), "'million cubic meters' is no"),
        (("--commodity", "cobalt", "--home", "DE"), "--home does not apply to mcs"),
    ],
)
def test_a_choice_that_the_file_does_not_offer_is_refused(
    options: tuple[str, ...], says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = Path("MCS2025_World_Data.csv")
    raw = mcs_2025(path, [("Atlantis", "1", "2")]).read_bytes()
    for commodity, other in (
        ("Copper", {"TYPE": "Mine production"}),
        ("Copper", {"TYPE": "Refinery production"}),
        ("Helium", {"UNIT_MEAS": "million cubic meters"}),
    ):
        raw += (
            mcs_2025(path, [("Chile", "1", "2")], commodity, **other).read_bytes().split(b"\r\n")[1]
        )
        raw += b"\r\n"
    path.write_bytes(raw)
    assert says in Run(capfd, "mcs", path, *options, code=2).err


IMPORTS = [
    trade("world", 3_005_000, primaryValue="60000"),
    trade("CD", 2_000_000, primaryValue="30000"),
    trade("CD", 1_500_000, motCode="2100"),  # by sea
    trade("CD", 500_000, motCode="1000"),  # by air
    trade("CD", 2_000_000, customsCode="C04"),
    trade("CD", 700_000, customsCode="C04", motCode="3200"),
    trade("TW", "400000.0", isNetWgtEstimated="True"),
    trade("HK", 100_000, partner2Code="156", motCode="2100"),  # parts without a total
    trade("HK", 4_500, partner2Code="842", motCode="2100"),
    trade("FR", 500_500),
    trade("CI", "", primaryValue="777"),
    trade("XX", 0.5),
    trade("world", 700_000, flowCode="X", flowDesc="Export"),
    trade("FR", 700_000, flowCode="X", flowDesc="Export"),
    trade("FR", 50_000, flowCode="RX", flowDesc="Re-export"),
]


def test_each_trade_is_counted_once(capfd: pytest.CaptureFixture[str]) -> None:
    """Neither the world as partner nor a part of a total, and no re-export."""
    path = comtrade(Path("TradeData.csv"), IMPORTS)
    options = ("--material", "cobalt", "--consumer", "industry", "--out", ".")
    run = Run(capfd, "comtrade", path, *options)
    assert figures("comtrade.csv") == {
        ("cobalt", "CD"): ["2000"],
        ("cobalt", "FR"): ["500.5"],
        ("cobalt", "HK"): ["104.5"],
        ("cobalt", "TW"): ["400"],
        ("cobalt", "XX"): ["0.0005"],
    }
    assert table("comtrade.csv")["cobalt", "TW"]["t_per_year.note"] == "2023: net weight estimated"
    assert table("comtrade.csv")["cobalt", "CD"]["t_per_year.source"] == "comtrade_810520"
    # Imports of 3005.0005 t less exports of 700 t.
    assert figures("comtrade_demand.csv") == {("industry", "cobalt"): ["2305.0005"]}
    assert run.notes()[:-1] == [
        "the file is not UTF-8; read as Windows-1252",
        "rows of the flow 'RX' left out: 1",
        "rows left out as parts of a total: 4",
        ":12 CI, 2023: no net weight; left out",
        ":13 XX, 2023: no single country; kept as XX",
        "cobalt, 2023: 400 t are estimated",
        ":2 cobalt, 2023: the countries add up to 3005.0005 t; the file states 3005 t",
    ]


def test_a_union_does_not_import_from_itself(capfd: pytest.CaptureFixture[str]) -> None:
    french = {"reporterCode": "251", "reporterISO": "FRA", "reporterDesc": "France"}
    rows = [*IMPORTS[:11], trade("CD", 1_000_000, **french)]
    rows.append(trade("CD", 9_000_000, reporterISO="JPN", reporterDesc="Japan"))
    run = Run(capfd, "comtrade", comtrade(Path("t.csv"), rows), "--home", "EU", "--out", ".")
    assert figures("comtrade.csv")["hs_810520", "CD"] == ["3000"]
    assert ("hs_810520", "FR") not in figures("comtrade.csv")
    assert "trade among the importing countries left out: rows 1, imports 500.5 t" in run.err


@pytest.mark.parametrize(
    ("rows", "options", "says"),
    [
        ([trade("CD", 1), trade("CD", 2)], (), ":3:1: error: line 2 has another net weight"),
        (
            [trade("CD", 1, motCode="2100"), trade("CD", 1, customsCode="C04")],
            (),
            ":3:1: error: the same trade as in line 2, broken down in another way",
        ),
        ([trade("world", 1)], (), "no imports by partner"),
        ([trade("CD", 1, freqCode="M")], (), "2:3: error: 'M' is not A, annual data"),
        ([trade("CD", "1 t")], (), "'1 t' is no net weight"),
        ([trade("CD", 1)], ("--home", "JP"), "no reporter JP; it has DE"),
        ([trade("CD", 1), trade("CD", 1, cmdCode="8105")], (), "Choose with --commodity"),
        (
            [trade("CD", 1), trade("CD", 1, cmdCode="8105")],
            ("--commodity", "8105", "--commodity", "810520"),
            "810520 is a part of 8105",
        ),
        ([trade("CD", 1, partnerISO="QQQ", partnerDesc="Atlantis")], (), "'Atlantis' is no known"),
    ],
)
def test_trade_that_would_be_counted_wrongly_is_refused(
    rows: Iterable[dict[str, Any]],
    options: tuple[str, ...],
    says: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert says in Run(capfd, "comtrade", comtrade(Path("t.csv"), rows), *options, code=2).err


def test_years_without_a_row_of_a_partner_have_no_imports(
    capfd: pytest.CaptureFixture[str],
) -> None:
    later = {"refYear": "2024", "period": "2024"}
    path = comtrade(Path("t.csv"), [trade("CD", 80_000), trade("HK", 5000, **later)])
    run = Run(capfd, "comtrade", path, "--out", ".")
    found = {("hs_810520", "CD"): ["80", "0"], ("hs_810520", "HK"): ["0", "5"]}
    assert figures("comtrade.csv") == found
    assert "2024: no rows of CD; 0 t" in run.err


def test_a_row_that_stands_twice_is_taken_once(capfd: pytest.CaptureFixture[str]) -> None:
    path = comtrade(Path("t.csv"), [trade("CD", 2000), trade("CD", 2000)])
    run = Run(capfd, "comtrade", path, "--out", ".")
    assert figures("comtrade.csv") == {("hs_810520", "CD"): ["2"]}
    assert "t.csv:3:1: the same as line 2; left out" in run.err


@pytest.mark.parametrize("name", ["CMO-Historical-Data-Monthly.xlsx", "pink.csv"])
def test_prices_are_means_of_years(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    options = (
        "--commodity",
        "tin",
        "--commodity",
        "nickel",
        "--material",
        "sn",
        "--material",
        "ni",
    )
    run = Run(capfd, "prices", pink_sheet(Path(name)), *options, "--out", "out")
    assert figures("out/prices.csv") == {
        ("ni",): ["28000", "27000.25", "16000"],
        ("sn",): ["24000", "25000", "25000"],
    }
    place = "Monthly Prices!D8" if name.endswith("xlsx") else "8:22"
    assert f":{place}: Tin, 2023M01: '…' is not available; left out" in run.err
    assert "Nickel, 2024: prices in the mean: 1; other years have up to 2" in run.err
    fragment = yaml.safe_load(Path("out/prices.yaml").read_text(encoding="utf-8"))
    text = fragment["sources"]["world_bank_pink_sheet"]["text"]
    assert "Updated on May 04, 2026" in text
    assert fragment["currency"] == "USD"


def test_prices_are_converted_at_a_stated_rate_only(capfd: pytest.CaptureFixture[str]) -> None:
    path = pink_sheet(Path("pink.csv"))
    options = ("--commodity", "gold", "--years", "2023-2024", "--currency", "EUR")
    assert (
        "add --currency and --rate, the EUR for one USD"
        in Run(capfd, "prices", path, *options, code=2).err
    )
    Run(capfd, "prices", path, *options, "--rate", 0.9, "--out", ".")
    found = [float(text) for text in figures("prices.csv")[("gold",)]]
    # A troy ounce is 31.1034768 g.
    assert found == near([0.9 * 1850 / 31.1034768e-6, 0.9 * 2000 / 31.1034768e-6])
    fragment = yaml.safe_load(Path("prices.yaml").read_text(encoding="utf-8"))
    text = fragment["sources"]["world_bank_pink_sheet"]["text"]
    assert "; converted by 0.9 EUR for one USD; file pink.csv of 20" in text


def test_other_series_of_prices(capfd: pytest.CaptureFixture[str]) -> None:
    """A file that states no unit, and one with a unit in the name of the series."""
    fred = Path("PNICKUSDM.csv")
    fred.write_text(
        "observation_date,PNICKUSDM\n2023-01-01,20000.5\n2023-02-01,.\n2024-01-01,16000\n"
    )
    assert "the file states no unit" in Run(capfd, "prices", fred, code=2).err
    Run(capfd, "prices", fred, "--unit", "USD/t", "--material", "nickel", "--out", "fred")
    assert figures("fred/prices.csv") == {("nickel",): ["20000.5", "16000"]}
    own = Path("preise.csv")
    own.write_bytes("Monat;Kobalt (€/kg)\n31.12.2023;29.5\n15.01.2024;1028.25\n".encode("cp1252"))
    source = ("--source", "Own records, 2024", "--url", "https://example.org")
    run = Run(capfd, "prices", own, *source, "--out", "own")
    assert figures("own/prices.csv") == {("kobalt",): ["29500", "1028250"]}
    assert "not UTF-8" in run.err
    assert "Own records, 2024; file preise.csv" in Path("own/prices.yaml").read_text()


def test_the_downloaded_file_is_never_overwritten(capfd: pytest.CaptureFixture[str]) -> None:
    raw = mcs_2025(Path("mcs.csv"), COBALT).read_bytes()
    run = Run(capfd, "mcs", "mcs.csv", "--out", ".", "--force", code=2)
    assert "'mcs.csv' is the file that is read; choose another --out." in run.err
    assert Path("mcs.csv").read_bytes() == raw
    assert sorted(path.name for path in Path().iterdir()) == ["mcs.csv"]


def test_without_the_library_of_names_the_command_says_how_to_get_it(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    there = util.find_spec
    monkeypatch.setattr(
        "optimizer.data_files.countries.find_spec",
        lambda name, *rest: None if name == "pycountry" else there(name, *rest),
    )
    for kind in ("mcs", "comtrade"):
        assert "pip install 'vorrat[data]'" in Run(capfd, kind, "x.csv", code=2).err


def test_files_of_another_kind_are_refused(capfd: pytest.CaptureFixture[str]) -> None:
    """Each reader names what it expected instead."""
    files = {
        "mcs": mcs_2025(Path("mcs.csv"), COBALT),
        "comtrade": comtrade(Path("comtrade.csv"), IMPORTS),
        "prices": pink_sheet(Path("prices.csv")),
    }
    Path("packed.csv").write_bytes(b"PK\x03\x04" + bytes(30))
    Path("no.xlsx").write_bytes(b"PK\x03\x04" + bytes(30))
    for kind in files:
        for other in (*set(files) - {kind}, "packed", "no"):
            name = "no.xlsx" if other == "no" else f"{other}.csv"
            assert f"{name}" in Run(capfd, kind, name, "--commodity", "x", code=2).err


READERS: dict[str, Callable[[Path], Any]] = {
    "MCS2025_World_Data.csv": lambda path: read_mcs(path, Selection()),
    "TradeData.csv": lambda path: read_comtrade(path, Selection(), consumer="industry"),
    "pink.csv": lambda path: read_prices(path, Selection(("Nickel",))),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
@settings(deadline=None)
@given(data=st.data())
def test_a_damaged_file_gives_tables_or_an_error(
    name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever bytes are replaced, nothing but an error of Vorrat is raised."""
    path = tmp_path_factory.mktemp("damaged") / name
    if name.startswith("MCS"):
        mcs_2025(path, COBALT)
    else:
        pink_sheet(path) if name.startswith("pink") else comtrade(path, IMPORTS)
    raw = path.read_bytes()
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(raw)))
        pieces = st.binary(max_size=4) | st.sampled_from(
            [b",", b'"', b"\n", b"\r", b"-", b"W", b"1e999"]
        )
        raw = raw[:start] + data.draw(pieces) + raw[start + data.draw(st.integers(0, 8)) :]
    path.write_bytes(raw)
    with suppress(vorrat.VorratError):
        extract = READERS[name](path)
        for content in extract.files("x").values():
            content.decode()
        assert all(map(str, extract.data.notices))


@pytest.mark.slow
def test_the_three_tables_make_a_scenario(capfd: pytest.CaptureFixture[str]) -> None:
    """A scenario with the tables has the optimum of one with the same figures written out.

    Of 600 t that are needed, 300 t arrive; the reserve buys the rest at 16,000 USD/t.
    """
    mcs = mcs_2025(Path("MCS2025_World_Data.csv"), [("Congo (Kinshasa)", "200", "300")], TYPE=MINE)
    bought = [trade("CD", 700_000), trade("FR", 100_000, flowCode="X", flowDesc="Export")]
    imports = comtrade(Path("TradeData.csv"), bought)
    prices = pink_sheet(Path("pink.csv"))
    Run(capfd, "mcs", mcs, "--material", "ore", "--out", ".")
    options = ("--material", "ore", "--consumer", "industry", "--out", ".")
    Run(capfd, "comtrade", imports, *options)
    Run(capfd, "prices", prices, "--commodity", "nickel", "--material", "ore", "--out", ".")
    written_out = case(
        currency="USD",
        materials={"ore": {"price_eur_per_t": {2022: 28000, 2023: 27000.25, 2024: 16000}}},
        demand=[{"consumer": "industry", "material": "ore", "t_per_year": 600}],
        supply=[{"material": "ore", "country": "CD", "t_per_year": {2023: 200, 2024: 300}}],
        stockpiles=[stockpile(max_t=1000)],
    )
    included = {
        **{k: v for k, v in written_out.items() if k not in ("materials", "demand", "supply")},
        "include": ["comtrade.yaml", "mcs.yaml", "prices.yaml"],
    }
    for name, raw in (("out.yaml", written_out), ("in.yaml", included)):
        Path(name).write_text(yaml.safe_dump(raw), encoding="utf-8")
    assert run_command_line(["validate", "in.yaml"]) == 0
    ours, theirs = vorrat.read("in.yaml"), vorrat.read("out.yaml")
    plans = [vorrat.solve(scenario).result for scenario in (ours, theirs)]
    for plan in plans:
        (reserve,) = plan.stockpiles
        assert reserve.buy_t == near({"2026": 300})
        assert reserve.cost_meur == near({"2026": 300 * 0.016})
    assert plans[0].certificate.objective == near(plans[1].certificate.objective)
    supply = ours.case.supply[0].t_per_year
    assert supply is not None
    assert [str(number.source) for number in supply.values] == ["mcs_2025"] * 2
