"""``vorrat data``: make tables of a scenario from files that publishers of statistics offer."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from optimizer.cli import analysis_commands, options, output_files, usage
from optimizer.cli.usage import announce, usage_error
from optimizer.errors import Misuse

if TYPE_CHECKING:
    from optimizer.data_files.files import Extract

KINDS = ("mcs", "comtrade", "prices")
OWN_OPTIONS = {
    "kind_of_production": ("--type", ("mcs",)),
    "home": ("--home", ("comtrade",)),
    "consumer": ("--consumer", ("comtrade",)),
    "country": ("--country", ("mcs", "comtrade")),
    "unit": ("--unit", ("prices",)),
    "currency": ("--currency", ("prices",)),
    "rate": ("--rate", ("prices",)),
    "source": ("--source", ("prices",)),
    "url": ("--url", ("prices",)),
}
"""Options that apply to some kinds of files only."""


def _parse_years(_ctx: click.Context, _option: click.Parameter, value: str | None) -> Any:
    """Return the first and the last year of a text such as 2024 or 2020-2024."""
    if value is None:
        return (0, 9999)
    first, dash, last = value.partition("-")
    years = (first, last) if dash else (first, first)
    if not all(year.strip().isdecimal() for year in years) or int(years[0]) > int(years[1]):
        raise click.BadParameter(f"{value} is no year such as 2024 or 2020-2024.")
    return int(years[0]), int(years[1])


@click.command(epilog="Exit codes: 0 done, 2 the file or an option is wrong.")
@click.argument("kind", type=click.Choice(KINDS), metavar="KIND")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option(
    "--commodity",
    multiple=True,
    metavar="NAME",
    help="Take this commodity, code or series of the file; repeatable.",
)
@click.option(
    "--material",
    multiple=True,
    metavar="ID",
    help="Id of the material in the scenario, one for each --commodity, in the same order.",
)
@click.option(
    "--years",
    callback=_parse_years,
    metavar="YEAR[-YEAR]",
    help="Take only these years, such as 2024 or 2020-2024.",
)
@click.option(
    "--type",
    "kind_of_production",
    metavar="TEXT",
    help="Kind of production (mcs): a part of its name, such as mine or refinery.",
)
@click.option(
    "--home",
    multiple=True,
    metavar="CODE",
    help="Importing country (comtrade), such as DE; EU for all its members; repeatable; all that "
    "report if not given.",
)
@click.option(
    "--consumer",
    metavar="ID",
    help="Write imports less exports as demand of this consumer as well (comtrade).",
)
@click.option(
    "--country",
    multiple=True,
    metavar="NAME=CODE",
    help="Code of a country whose name is not known (mcs, comtrade); repeatable.",
)
@click.option(
    "--unit", metavar="UNIT", help="Unit of the prices, such as USD/kg, if the file states none."
)
@click.option("--currency", metavar="CODE", help="Currency of the scenario (prices).")
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    metavar="NUMBER",
    help="How much of --currency one unit of the file's currency buys (prices).",
)
@click.option("--source", metavar="TEXT", help="Publisher, title and year of the prices.")
@click.option("--url", metavar="URL", help="Web address of the prices.")
@options.path_option("--out", "DIR_OR_FILE.csv", "Write the table and its source here.")
@options.force_option("Overwrite files of an earlier run.")
@usage.language_option
def data(kind: str, file: Path, out: Path | None, force: bool, **values: Any) -> None:
    """Make tables of a scenario from a downloaded FILE, of one KIND.

    mcs: production by country (USGS Mineral Commodity Summaries). comtrade: imports by country (UN
    Comtrade). prices: prices by year (World Bank, or dates and prices). Nothing is
    downloaded.
    """
    for name, (option, kinds) in OWN_OPTIONS.items():
        if values[name] and kind not in kinds:
            names = {"option": option, "kind": kind, "kinds": ", ".join(kinds)}
            raise usage_error("{option} does not apply to {kind}; it belongs to {kinds}.", **names)
    with analysis_commands.misuse_as_usage_error():
        extract = _read(kind, file, **values)
    for notice in extract.data.notices:
        click.echo(notice, err=True)
    for table in extract.tables:
        wide = table.by_year()
        for item in wide.index[wide.isna().any(axis=1)]:
            name = item if isinstance(item, str) else ", ".join(item)
            announce(
                "{file}: {item}: years without a figure take that of the years beside them",
                file=file,
                item=name,
            )
    folder, stem = (out.parent, out.stem) if out and out.suffix == ".csv" else (out, kind)
    files = extract.files(stem)
    if folder is None:
        for name, content in files.items():
            click.echo(f"# {name}")
            click.echo(content.decode(), nl=False)
        return
    if file.resolve() in {(folder / name).resolve() for name in files}:
        raise usage_error("'{path}' is the file that is read; choose another --out.", path=file)
    output_files.refuse_existing([folder / name for name in files], force)
    output_files.publish(folder, files, force=force)
    for name in files:
        click.echo(str(folder / name))
    announce("Include it in a scenario in this folder: include: [{file}]", file=f"{stem}.yaml")


def _read(kind: str, file: Path, **values: Any) -> "Extract":
    from models.countries import is_country_code
    from optimizer.data_files import comtrade, countries, mcs, prices
    from optimizer.data_files.files import Selection

    codes = {}
    for pair in values["country"]:
        name, _, code = pair.rpartition("=")
        if not name.strip() or not is_country_code(code.strip()):
            raise Misuse(f"'{pair}' is not NAME=CODE, such as \"Korea, South=KR\".")
        codes[countries.normalized_name(name)] = code.strip()
    selection = Selection(values["commodity"], values["material"], values["years"], codes)
    if kind == "mcs":
        return mcs.read_mcs(file, selection, values["kind_of_production"] or "")
    if kind == "comtrade":
        return comtrade.read_comtrade(file, selection, values["home"], values["consumer"] or "")
    unit, currency = values["unit"] or "", values["currency"] or ""
    stated = {"text": values["source"], "url": values["url"]}
    origin = {key: text for key, text in stated.items() if text}
    return prices.read_prices(file, selection, unit, currency, values["rate"], origin)
