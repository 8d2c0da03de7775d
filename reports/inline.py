"""A drawing as an element of a page: its own ids, colours as variables of the page's theme, no address of anything."""

from __future__ import annotations

import re
from html import escape

COLOURS = {
    "ink": "#1c2127",
    "muted": "#5d6875",
    "grid": "#d8dde3",
    "ash": "#b9c1cb",
    "blue": "#0072b2",
    "orange": "#e69f00",
    "green": "#009e73",
    "red": "#d55e00",
    "pink": "#cc79a7",
}
"""What a drawing is drawn in, by the name of the CSS variable that replaces it. Lines and areas are of the Okabe-Ito
palette, which the colour-blind can tell apart."""


def element(svg: str, *, name: str, title: str) -> str:
    """Return an SVG file as an inline element: every id begins with `name`, coordinates keep two decimals."""
    text = svg[svg.index("<svg") :].strip()
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<[^>]+>", lambda tag: _own(tag[0], name), text)  # what is written between tags stays as it is
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(title)}"', 1)


def _own(tag: str, name: str) -> str:
    tag = re.sub(r' xmlns(:xlink)?="[^"]*"| (width|height)="[\d.]+pt"', "", tag).replace("xlink:href=", "href=")
    tag = re.sub(r'(?<= id=")|(?<=href="#)|(?<=url\(#)', f"{name}-", tag)
    tag = re.sub(r"(\d\.\d\d)\d+", r"\1", tag)
    for variable, colour in COLOURS.items():
        tag = tag.replace(colour, f"var(--{variable})")
    return tag
