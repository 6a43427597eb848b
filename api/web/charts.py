"""Charts as SVG, made by pygal and laid into the page.

pygal's own style sheet and script are taken out, because the page's policy allows nothing inline: colours come
from the page's style sheet, so a chart follows light and dark like everything else.
"""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

import pygal  # type: ignore[import-untyped]
from markupsafe import Markup

_NAMESPACE = "{http://www.w3.org/2000/svg}"


def _plain(root: Element, label: str) -> Element:
    """Only shapes: no style, no script, no ids; one image with one name to a screen reader."""
    for parent in list(root.iter()):
        for child in list(parent):
            tag = child.tag.removeprefix(_NAMESPACE) if isinstance(child.tag, str) else ""
            if tag in {"defs", "style", "script", "title", "desc"} or not tag:
                parent.remove(child)
    for element in root.iter():
        for name in ("style", "id", "onload", "tabindex"):
            element.attrib.pop(name, None)
    root.set("role", "img")
    root.set("aria-label", label)
    return root


def _draw(chart: pygal.graph.graph.Graph, label: str) -> Markup:
    chart.add_xml_filter(lambda root: _plain(root, label))
    # Names in it come from our own labels and numbers; pygal escapes them as XML.
    return Markup(chart.render(is_unicode=True))  # noqa: S704


_COMMON = {
    "js": [], "css": [], "disable_xml_declaration": True, "no_prefix": True, "show_legend": False, "style": None,
    "no_data_text": "", "explicit_size": False, "tooltip_fancy_mode": False,
}  # fmt: skip


def _options(**more: object) -> dict[str, object]:
    return {name: value for name, value in {**_COMMON, **more}.items() if value is not None}


def bars(values: Sequence[int], label: str) -> Markup:
    """A small bar chart without axes."""
    chart = pygal.Bar(
        **_options(
            width=240, height=56, margin=2, spacing=0, show_x_labels=False, show_y_labels=False,
            show_y_guides=False, range=(0, max(1, *values)), rounded_bars=1,
        )
    )  # fmt: skip
    chart.add("", list(values))
    return _draw(chart, label)


def line(points: Sequence[tuple[float, float]], label: str, *, low: float, high: float) -> Markup:
    """A line through points, drawn as steps: a value holds until the next one."""
    steps: list[tuple[float, float]] = []
    for x, y in points:
        if steps:
            steps.append((x, steps[-1][1]))
        steps.append((x, y))
    chart = pygal.XY(
        **_options(
            width=1000, height=230, margin=14, dots_size=0 if len(points) > 80 else 2, stroke=True,
            show_x_labels=False, show_x_guides=False, range=(low, high), include_x_axis=False,
            value_formatter=lambda value: f"{value:g}", max_scale=6,
        )
    )  # fmt: skip
    chart.add("", steps)
    return _draw(chart, label)
