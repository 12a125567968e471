"""How all charts look, and how they become SVG and PNG.

Colours are those of Okabe and Ito (2008), which people with any colour vision can tell apart; a
pattern or a label stands beside each.
"""

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeAlias

from optimizer.isolated_imports import import_isolated
from optimizer.report.number_format import format_column, format_number

if TYPE_CHECKING:
    import matplotlib.axes
    import matplotlib.figure

# Names for annotations: Matplotlib itself is loaded where something is drawn.
Axes: TypeAlias = "matplotlib.axes.Axes"
Figure: TypeAlias = "matplotlib.figure.Figure"

Floats = Sequence[float]
OptionalFloats = Sequence[float | None]
"""Figures, with None where there is none."""
Range = tuple[float, float, float]
"""Low end, value and high end."""

WIDTH = 6.9
"""Inches: the width of text on A4 with margins of 17 mm."""

INK, FAINT_INK = "#1a1a1a", "#595959"
BLUE, ORANGE, GREEN, RED = "#0072b2", "#e69f00", "#009e73", "#d55e00"
PINK, SKY, YELLOW, GREY = "#cc79a7", "#56b4e9", "#f0e442", "#b3b3b3"
HATCH_PATTERN = "////"
COLORS = (BLUE, ORANGE, GREEN, SKY, PINK, YELLOW, RED, GREY)
HATCH_PATTERNS = ("", HATCH_PATTERN, "\\\\\\\\", "||||", "xxxx", "----", "++++", "")
SERIES_STYLES = tuple(zip(COLORS, HATCH_PATTERNS, strict=True))
"""Colour and pattern of the first, second, ... series."""

FONTS = "'Segoe UI', 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif"
"""What pages and SVG files show texts in; narrower than DejaVu Sans, which charts are set in."""

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "{http://www.w3.org/1999/xlink}href"


@dataclass(frozen=True)
class Chart:
    """A chart: its name in files and ids, what it shows, and how it is drawn."""

    name: str
    """A word of small letters and hyphens; unique within a report."""
    title: str
    """What it shows, in a line."""
    description: str
    """What there is to see in it, for those who cannot."""
    draw: Callable[[], Figure]

    def svg(self, with_tooltips: bool = False) -> str:
        """The chart as an SVG element for a page, without styles that a policy would refuse;
        ``told`` marks each shape with what it shows, for a page whose script tells it."""
        how: dict[str, Any] = {"prepare": set_bar_tooltips} if with_tooltips else {}
        raw = self._render_bytes("svg", metadata={"Date": None, "Creator": None}, **how)
        return _page_svg(
            raw.decode(), f"chart-{self.name}", self.title, self.description, with_tooltips
        )

    def svg_file(self) -> bytes:
        """The chart as a file for a text processor or a browser, in its natural size."""
        text = self.svg()
        width, height = re.findall(r"[\d.]+", text[: text.index(">")])[2:4]
        about = f'xmlns="{_SVG}" width="{width}pt" height="{height}pt"'
        root = text.replace("<svg ", f"<svg {about} ", 1)
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{root}\n'.encode()

    def png_file(self) -> bytes:
        """The chart as a picture of 300 dots an inch."""
        return self._render_bytes("png", dpi=300, metadata={"Software": None})

    def _render_bytes(
        self, file_format: str, prepare: Callable[[Figure], None] = lambda _: None, **options: Any
    ) -> bytes:
        import_isolated("matplotlib")
        import matplotlib as mpl

        with mpl.rc_context(fname=str(files("optimizer.report.charts") / "report.mplstyle")):
            buffer, drawn = io.BytesIO(), self.draw()
            prepare(drawn)
            drawn.savefig(buffer, format=file_format, **options)
        return buffer.getvalue()


def new_figure(
    height: float, rows: int = 1, columns: int = 1, gap: float = 0.03, **options: Any
) -> tuple[Figure, Any]:
    """An empty figure of the width of a page, in inches, and its axes."""
    from matplotlib.figure import Figure as Empty
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    drawn = Empty(figsize=(WIDTH, height), layout=ConstrainedLayoutEngine(w_pad=0.03, h_pad=gap))
    return drawn, drawn.subplots(rows, columns, **options)


def set_year_axis(axes: Axes, years: Sequence[int]) -> None:
    """Calendar years as the labels of a horizontal axis, as many as fit beside each other."""
    from matplotlib.ticker import FuncFormatter, Locator

    class Fitting(Locator):
        def __call__(self) -> list[int]:
            fit = max(1, self.axis.get_tick_space())  # type: ignore[union-attr]
            return list(years[:: max(1, -(-len(years) // fit))])

    axes.xaxis.set_major_locator(Fitting())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda year, _: f"{year:.0f}"))


def set_number_axis(axes: Axes, axis_name: str = "y") -> None:
    """Numbers of an axis as the language writes them, all alike, with lines across."""
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    class Alike(StrMethodFormatter):
        def format_ticks(self, values: Sequence[float]) -> list[str]:
            return format_column([round(value, 9) for value in values])

    axis = axes.yaxis if axis_name == "y" else axes.xaxis
    axis.set_major_locator(MaxNLocator(6))
    axis.set_major_formatter(Alike("{x}"))
    axes.grid(axis=axis_name)  # type: ignore[arg-type]


def horizontal_bars(
    axes: Axes, positions: Sequence[float], lengths: Sequence[float], thickness: float, color: str,
    hatch: str = "", edge: str = "white", **options: Any,
) -> Any:  # fmt: skip
    """Lying bars of one look, which begin at ``left`` or at zero; they come back as drawn."""
    return axes.barh(
        positions, lengths, thickness, color=color, hatch=hatch, edgecolor=edge, **options
    )


def set_row_labels(
    axes: Axes, names: Sequence[str], unit: str | None = None,
    bottom_margin: float = 0.4, top_margin: float = 0.6, font_size: float = 7.5,
) -> None:  # fmt: skip
    """Names of rows from top to bottom, with numbers of a unit below where one is given.

    ``below`` and ``above`` are the room for the last and the first row, in rows.
    """
    axes.set_yticks(range(len(names)), list(names))
    axes.set_ylim(len(names) - bottom_margin, -top_margin)
    axes.tick_params(axis="y", length=0, labelsize=font_size)
    if unit is not None:
        axes.set_xlabel(unit)
        set_number_axis(axes, "x")


def annotate_point(
    axes: Axes, text: str, point: tuple[float, float], right: float = 3, up: float = 0,
    font_size: float = 6.5, **options: Any,
) -> None:  # fmt: skip
    """A text beside a point, ``right`` and ``up`` of it by points of print."""
    options = {"textcoords": "offset points", "va": "center"} | options
    axes.annotate(text, point, (right, up), fontsize=font_size, **options)


def label_bar_ends(
    axes: Axes, texts: Sequence[str], ends: Sequence[float], shift: float = 0, **options: Any
) -> None:
    """A text to the right of the end of each bar; ``shift`` moves them down by so many rows."""
    for place, (text, end) in enumerate(zip(texts, ends, strict=True)):
        annotate_point(axes, text, (end, place + shift), **options)


def draw_error_bars(
    axes: Axes, positions: Floats, ranges: Sequence[Range], cap: float = 1.6, width: float = 0.7
) -> None:
    """Thin lines over what proofs or samples leave open."""
    known = [(y, *ends) for y, ends in zip(positions, ranges, strict=True) if ends[2] > ends[0]]
    if known:
        at, low, value, high = (list(part) for part in zip(*known, strict=True))
        reach = [
            [max(b - a, 0.0) for a, b in zip(*pair, strict=True)]
            for pair in ((low, value), (value, high))
        ]
        axes.errorbar(value, at, xerr=reach, fmt="none", ecolor=INK, elinewidth=width, capsize=cap)


TOOLTIP_PREFIX = "told:"
"""Begins the name of a shape that says what it shows."""


def set_tooltip(shape: Any, text: str) -> None:
    """Say what a shape shows."""
    shape.set_gid(f"{TOOLTIP_PREFIX}{text}")


def set_bar_tooltips(drawn: Figure) -> None:
    """Say of each bar what it shows that was not told: its name on the axis, its series, and its
    value."""
    from matplotlib.container import BarContainer

    for axes in drawn.axes:
        ticks = zip(axes.get_yticks(), axes.get_yticklabels(), strict=False)
        names = {at: text.get_text() for at, text in ticks}
        for bars_ in axes.containers:
            if not isinstance(bars_, BarContainer):
                continue
            lies, series = bars_.orientation == "horizontal", _series_label(bars_)
            for bar in bars_.patches:
                at = (
                    bar.get_y() + bar.get_height() / 2
                    if lies
                    else bar.get_x() + bar.get_width() / 2
                )
                long = bar.get_width() if lies else bar.get_height()
                name = names.get(round(at), "") if lies else f"{at:.0f}"
                if long and not bar.get_gid():
                    said = ", ".join(part for part in (name, series) if part)
                    set_tooltip(
                        bar, f"{said}: {format_number(long)}" if said else format_number(long)
                    )


def _series_label(container: Any) -> str:
    label = str(container.get_label())
    return "" if label.startswith("_") else label


def _page_svg(text: str, name: str, title: str, description: str, with_tooltips: bool) -> str:
    """An SVG document as an element: no namespaces, ids of its own, attributes for styles, a title
    and a text."""
    root = ET.fromstring(text)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.rpartition("}")[2] in ("metadata", "style", "title"):
                parent.remove(child)
    kept = ET.tostring(root, encoding="unicode")
    used = set(re.findall(r'(?:url\(|href=")#([^)"]+)', kept))
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        about = list(element.attrib.items())
        element.attrib.clear()
        for key, value in about:
            if key == "style":
                element.attrib.update(
                    _presentation_attributes(value.replace("url(#", f"url(#{name}-"))
                )
            elif key == _XLINK:
                element.set("href", f"#{name}-{value.removeprefix('#')}")
            elif key == "id" and value.startswith(TOOLTIP_PREFIX):
                if with_tooltips:
                    element.set("data-told", value.removeprefix(TOOLTIP_PREFIX))
            elif key != "id":
                element.set(key, value.replace("url(#", f"url(#{name}-"))
            elif value in used:
                element.set("id", f"{name}-{value}")
    for attribute in ("width", "height", "version"):
        root.attrib.pop(attribute, None)
    for position, (tag, words) in enumerate((("title", title), ("desc", description))):
        root.insert(position, ET.Element(tag, {"id": f"{name}-{tag}"}))
        root[position].text = words
    role = {"role": "img", "aria-labelledby": f"{name}-title {name}-desc"}
    root.attrib.update({**role, "stroke-linejoin": "round", "stroke-linecap": "butt"})
    return re.sub(r"\s*\n\s*", "\n", ET.tostring(root, encoding="unicode"))


def _presentation_attributes(style: str) -> Iterator[tuple[str, str]]:
    """The declarations of a style as presentation attributes."""
    for key, value in re.findall(r"([\w-]+):\s*([^;]+)", style):
        if key == "font":
            weight, size = re.findall(r"^(?:(bold|\d+) )?([\d.]+px) ", value)[0]
            yield from (("font-family", FONTS), ("font-size", size))
            yield from [("font-weight", weight)] if weight else []
        elif key == "font-family":
            yield key, FONTS
        elif key not in ("stroke-linejoin", "stroke-linecap"):
            yield key, value.strip()
