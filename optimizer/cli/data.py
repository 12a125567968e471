"""``vorrat data``: make tables of a scenario from files that publishers of statistics offer."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from optimizer.cli import analysis_commands, options, output_files, usage
from optimizer.cli.usage import announce, usage_error

if TYPE_CHECKING:
    from optimizer.data_files.tables import Extract

KINDS = ("mcs", "comtrade", "prices")
OWN_OPTIONS = {
    "kind_of_production": ("--type", ("mcs",)),
    "share": ("--share", ("mcs",)),
    "home": ("--home", ("comtrade",)),
    "consumer": ("--consumer", ("comtrade",)),
    "country": ("--country", ("mcs", "comtrade")),
    "unit": ("--unit", ("prices",)),
    "currency": ("--currency", ("prices",)),
    "rate": ("--rate", ("prices",)),
    "source": ("--source", ("prices",)),
    "url": ("--url", ("prices",)),
    "sheet": ("--sheet", ("prices",)),
}
"""Options that apply to some kinds of files only."""


def _parse_years(_ctx: click.Context, _option: click.Parameter, value: str | None) -> Any:
    """Return the first and the last year of a text such as 2024 or 2020-2024."""
    if value is None:
        return (None, None)
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
@click.option("--share", is_flag=True, help="Write shares of the sum instead of tonnes (mcs).")
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
@click.option("--sheet", metavar="NAME", help="Sheet of an Excel file (prices).")
@options.path_option("--out", "DIR_OR_FILE.csv", "Write the table and its source here.")
@options.force_option("Overwrite files of an earlier run, after printing what has changed.")
@usage.language_option
def data(kind: str, file: Path, out: Path | None, force: bool, **values: Any) -> None:
    """Make tables of a scenario from a downloaded FILE, of one KIND.

    mcs: production by country (USGS Mineral Commodity Summaries). comtrade: imports by country (UN
    Comtrade). prices: prices by year (World Bank, FRED, or dates and prices). Nothing is
    downloaded.
    """
    for name, (option, kinds) in OWN_OPTIONS.items():
        if values[name] and kind not in kinds:
            names = {"option": option, "kind": kind, "kinds": ", ".join(kinds)}
            raise usage_error("{option} does not apply to {kind}; it belongs to {kinds}.", **names)
    with analysis_commands.misuse_as_usage_error():
        extract = _read(kind, file, **values)
    for notice in extract.notices:
        click.echo(str(notice), err=True)
    for item in (item for table in extract.tables for item in table.items_with_gaps()):
        announce(
            "{file}: {item}: years without a figure take that of the years beside them",
            file=file,
            item=item,
        )
    folder, stem = (out.parent, out.stem) if out and out.suffix == ".csv" else (out, kind)
    files = extract.files(stem)
    if folder is None:
        for name, content in files.items():
            click.echo(f"# {name}")
            click.echo(content.decode(), nl=False)
        return
    for name in files:
        if (folder / name).resolve() == file.resolve():
            raise usage_error("'{path}' is the file that is read; choose another --out.", path=file)
    _write(folder, files, force)


def _read(kind: str, file: Path, **values: Any) -> "Extract":
    from optimizer.data_files.comtrade import read_comtrade
    from optimizer.data_files.mcs import read_mcs
    from optimizer.data_files.prices import read_prices
    from optimizer.data_files.selection import Selection, parse_countries

    selection = Selection(values["commodity"], values["material"], *values["years"])
    countries = parse_countries(values["country"])
    if kind == "mcs":
        return read_mcs(
            file, selection, values["kind_of_production"] or "", values["share"], countries
        )
    if kind == "comtrade":
        consumer = values["consumer"] or ""
        return read_comtrade(file, selection, values["home"], consumer, countries)
    return read_prices(
        file,
        selection,
        values["unit"] or "",
        values["currency"] or "",
        values["rate"],
        values["source"] or "",
        values["url"] or "",
        values["sheet"],
    )


def _write(folder: Path, files: dict[str, bytes], force: bool) -> None:
    """Print what has changed since the files were written, and write them."""
    from optimizer.data_files.tables import changes

    existing = [name for name in files if (folder / name).is_file()]
    before = {name: (folder / name).read_bytes() for name in existing}
    for name in (name for name in existing if name.endswith(".csv")):
        lines = changes(before[name].decode("utf-8", "replace"), files[name].decode())
        for line in lines:
            click.echo(f"{name}: {line}")
        if not lines:
            click.echo(f"{name}: no figure has changed")
    if before == files:
        return
    output_files.refuse_existing([folder / name for name in files], force)
    output_files.publish(folder, files, force=force)
    for name in files:
        click.echo(str(folder / name))
    include = next(name for name in files if name.endswith(".yaml"))
    announce("Include it in a scenario in this folder: include: [{file}]", file=include)
