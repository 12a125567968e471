"""Common style of charts, and their output as SVG and PNG.

Colors are those of Okabe and Ito (2008), which people with any color vision can distinguish; each
has a pattern or a label as well.
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

# Names for annotations: Matplotlib itself is imported only when a chart is drawn.
Axes: TypeAlias = "matplotlib.axes.Axes"
Figure: TypeAlias = "matplotlib.figure.Figure"

Floats = Sequence[float]
OptionalFloats = Sequence[float | None]
"""Figures, with None where there is none."""
Range = tuple[float, float, float]
"""Low end, value and high end."""

WIDTH = 6.9
"""Width of text on A4 with margins of 17 mm, in inches."""

INK, FAINT_INK = "#1a1a1a", "#595959"
BLUE, ORANGE, GREEN, RED = "#0072b2", "#e69f00", "#009e73", "#d55e00"
PINK, SKY, YELLOW, GREY = "#cc79a7", "#56b4e9", "#f0e442", "#b3b3b3"
HATCH_PATTERN = "////"
COLORS = (BLUE, ORANGE, GREEN, SKY, PINK, YELLOW, RED, GREY)
HATCH_PATTERNS = ("", HATCH_PATTERN, "\\\\\\\\", "||||", "xxxx", "----", "++++", "")
SERIES_STYLES = tuple(zip(COLORS, HATCH_PATTERNS, strict=True))
"""Color and pattern of the first, second, ... series."""

FONTS = "'Segoe UI', 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif"
"""Fonts of texts in pages and SVG files; narrower than DejaVu Sans, with which the layout is
computed."""

_SVG_NAMESPACE = "http://www.w3.org/2000/svg"
_XLINK_NAMESPACE = "{http://www.w3.org/1999/xlink}href"


@dataclass(frozen=True)
class Chart:
    """A chart: its name in files and ids, its title and description, and the function that draws
    it."""

    name: str
    """Lowercase letters and hyphens; unique within a report."""
    title: str
    """What the chart shows, in one line."""
    description: str
    """Text for readers who cannot see the chart."""
    draw: Callable[[], Figure]

    def svg(self, with_tooltips: bool = False) -> str:
        """Return the chart as an SVG element for a page, without styles that the page's security
        policy forbids.

        ``with_tooltips`` adds to each shape the text that the script of the page shows as a
        tooltip.
        """
        options: dict[str, Any] = {"prepare": set_bar_tooltips} if with_tooltips else {}
        svg_bytes = self._render_bytes("svg", metadata={"Date": None, "Creator": None}, **options)
        return _page_svg(
            svg_bytes.decode(), f"chart-{self.name}", self.title, self.description, with_tooltips
        )

    def svg_file(self) -> bytes:
        """Return the chart as an SVG file in natural size, for a word processor or a browser."""
        text = self.svg()
        width, height = re.findall(r"[\d.]+", text[: text.index(">")])[2:4]
        attributes = f'xmlns="{_SVG_NAMESPACE}" width="{width}pt" height="{height}pt"'
        root = text.replace("<svg ", f"<svg {attributes} ", 1)
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{root}\n'.encode()

    def png_file(self) -> bytes:
        """Return the chart as a PNG file with 300 dots per inch."""
        return self._render_bytes("png", dpi=300, metadata={"Software": None})

    def _render_bytes(
        self, file_format: str, prepare: Callable[[Figure], None] = lambda _: None, **options: Any
    ) -> bytes:
        import_isolated("matplotlib")
        import matplotlib as mpl

        with mpl.rc_context(fname=str(files("optimizer.report.charts") / "report.mplstyle")):
            buffer, figure = io.BytesIO(), self.draw()
            prepare(figure)
            figure.savefig(buffer, format=file_format, **options)
        return buffer.getvalue()


def new_figure(
    height: float, rows: int = 1, columns: int = 1, gap: float = 0.03, **options: Any
) -> tuple[Figure, Any]:
    """Return an empty figure and its axes.

    The figure is as wide as a page and ``height`` inches high.
    """
    from matplotlib.figure import Figure as MatplotlibFigure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.03, h_pad=gap)
    figure = MatplotlibFigure(figsize=(WIDTH, height), layout=layout)
    return figure, figure.subplots(rows, columns, **options)


def set_year_axis(axes: Axes, years: Sequence[int]) -> None:
    """Label the horizontal axis with as many calendar years as fit."""
    from matplotlib.ticker import FuncFormatter, Locator

    class YearLocator(Locator):
        def __call__(self) -> list[int]:
            tick_count = max(1, self.axis.get_tick_space())  # type: ignore[union-attr]
            return list(years[:: max(1, -(-len(years) // tick_count))])

    axes.xaxis.set_major_locator(YearLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda year, _: f"{year:.0f}"))


def set_number_axis(axes: Axes, axis_name: str = "y") -> None:
    """Label an axis with numbers in the format of the current language, and draw grid lines.

    All labels have the same number of decimals.
    """
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    class ColumnFormatter(StrMethodFormatter):
        def format_ticks(self, values: Sequence[float]) -> list[str]:
            return format_column([round(value, 9) for value in values])

    axis = axes.yaxis if axis_name == "y" else axes.xaxis
    axis.set_major_locator(MaxNLocator(6))
    axis.set_major_formatter(ColumnFormatter("{x}"))
    axes.grid(axis=axis_name)  # type: ignore[arg-type]


def horizontal_bars(
    axes: Axes, positions: Sequence[float], lengths: Sequence[float], thickness: float, color: str,
    hatch: str = "", edge: str = "white", **options: Any,
) -> Any:  # fmt: skip
    """Draw horizontal bars in one style and return them.

    Bars start at zero, or at the positions in the option ``left``.
    """
    return axes.barh(
        positions, lengths, thickness, color=color, hatch=hatch, edgecolor=edge, **options
    )


def set_row_labels(
    axes: Axes, names: Sequence[str], unit: str | None = None,
    bottom_margin: float = 0.4, top_margin: float = 0.6, font_size: float = 7.5,
) -> None:  # fmt: skip
    """Label rows from top to bottom, and the horizontal axis with a unit if there is one.

    ``bottom_margin`` and ``top_margin`` are the space beyond the last and the first row, in rows.
    """
    axes.set_yticks(range(len(names)), list(names))
    axes.set_ylim(len(names) - bottom_margin, -top_margin)
    axes.tick_params(axis="y", length=0, labelsize=font_size)
    if unit is not None:
        axes.set_xlabel(unit)
        set_number_axis(axes, "x")


def annotate_point(
    axes: Axes, text: str, point: tuple[float, float], offset_x: float = 3,
    offset_y: float = 0, font_size: float = 6.5, **options: Any,
) -> None:  # fmt: skip
    """Write a text at an offset, in points (1/72 inch), to the right of and above a position."""
    options = {"textcoords": "offset points", "va": "center"} | options
    axes.annotate(text, point, (offset_x, offset_y), fontsize=font_size, **options)


def label_bar_ends(
    axes: Axes, texts: Sequence[str], bar_ends: Sequence[float], shift: float = 0, **options: Any
) -> None:
    """Write a text to the right of the end of each bar; ``shift`` moves them down, in rows."""
    for position, (text, end) in enumerate(zip(texts, bar_ends, strict=True)):
        annotate_point(axes, text, (end, position + shift), **options)


def draw_error_bars(
    axes: Axes, positions: Floats, ranges: Sequence[Range], cap: float = 1.6, width: float = 0.7
) -> None:
    """Draw thin error bars for ranges (low, value, high) that optimality gaps or sampling leave
    open."""
    open_ranges = [
        (position, *ends)
        for position, ends in zip(positions, ranges, strict=True)
        if ends[2] > ends[0]
    ]
    if open_ranges:
        y_positions, low, value, high = (list(values) for values in zip(*open_ranges, strict=True))
        distances = [
            [max(b - a, 0.0) for a, b in zip(*pair, strict=True)]
            for pair in ((low, value), (value, high))
        ]
        style: dict[str, Any] = {"fmt": "none", "ecolor": INK, "elinewidth": width, "capsize": cap}
        axes.errorbar(value, y_positions, xerr=distances, **style)


TOOLTIP_PREFIX = "tooltip:"
"""Prefix of the id of a shape that has a tooltip."""


def set_tooltip(shape: Any, text: str) -> None:
    """Store the tooltip of a shape in its id, from which ``Chart.svg`` makes an attribute."""
    shape.set_gid(f"{TOOLTIP_PREFIX}{text}")


def set_bar_tooltips(figure: Figure) -> None:
    """Give each bar without a tooltip one that states its axis label, series and value."""
    from matplotlib.container import BarContainer

    for axes in figure.axes:
        ticks = zip(axes.get_yticks(), axes.get_yticklabels(), strict=False)
        row_names = {position: text.get_text() for position, text in ticks}
        for container in axes.containers:
            if not isinstance(container, BarContainer):
                continue
            is_horizontal, series = container.orientation == "horizontal", _series_label(container)
            for bar in container.patches:
                position = (
                    bar.get_y() + bar.get_height() / 2
                    if is_horizontal
                    else bar.get_x() + bar.get_width() / 2
                )
                length = bar.get_width() if is_horizontal else bar.get_height()
                name = row_names.get(round(position), "") if is_horizontal else f"{position:.0f}"
                if length and not bar.get_gid():
                    label = ", ".join(part for part in (name, series) if part)
                    set_tooltip(
                        bar, f"{label}: {format_number(length)}" if label else format_number(length)
                    )


def _series_label(container: Any) -> str:
    label = str(container.get_label())
    return "" if label.startswith("_") else label


def _page_svg(text: str, name: str, title: str, description: str, with_tooltips: bool) -> str:
    """Return an SVG document as an element that can be embedded in a page.

    Namespaces are removed, ids are made unique, styles become attributes, and a title and a
    description are added.
    """
    root = ET.fromstring(text)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.rpartition("}")[2] in ("metadata", "style", "title"):
                parent.remove(child)
    svg_text = ET.tostring(root, encoding="unicode")
    used_ids = set(re.findall(r'(?:url\(|href=")#([^)"]+)', svg_text))
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        attributes = list(element.attrib.items())
        element.attrib.clear()
        for key, value in attributes:
            if key == "style":
                element.attrib.update(
                    _presentation_attributes(value.replace("url(#", f"url(#{name}-"))
                )
            elif key == _XLINK_NAMESPACE:
                element.set("href", f"#{name}-{value.removeprefix('#')}")
            elif key == "id" and value.startswith(TOOLTIP_PREFIX):
                if with_tooltips:
                    element.set("data-tooltip", value.removeprefix(TOOLTIP_PREFIX))
            elif key != "id":
                element.set(key, value.replace("url(#", f"url(#{name}-"))
            elif value in used_ids:
                element.set("id", f"{name}-{value}")
    for attribute in ("width", "height", "version"):
        root.attrib.pop(attribute, None)
    for position, (tag, content) in enumerate((("title", title), ("desc", description))):
        root.insert(position, ET.Element(tag, {"id": f"{name}-{tag}"}))
        root[position].text = content
    role = {"role": "img", "aria-labelledby": f"{name}-title {name}-desc"}
    root.attrib.update({**role, "stroke-linejoin": "round", "stroke-linecap": "butt"})
    return re.sub(r"\s*\n\s*", "\n", ET.tostring(root, encoding="unicode"))


def _presentation_attributes(style: str) -> Iterator[tuple[str, str]]:
    """Yield each declaration of a CSS style as an SVG presentation attribute (name, value)."""
    for key, value in re.findall(r"([\w-]+):\s*([^;]+)", style):
        if key == "font":
            weight, size = re.findall(r"^(?:(bold|\d+) )?([\d.]+px) ", value)[0]
            yield from (("font-family", FONTS), ("font-size", size))
            yield from [("font-weight", weight)] if weight else []
        elif key == "font-family":
            yield key, FONTS
        elif key not in ("stroke-linejoin", "stroke-linecap"):
            yield key, value.strip()
