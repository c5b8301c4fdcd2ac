"""The datasets at a glance, one card each."""

from __future__ import annotations

from dsim.report.contents import Glance, Report
from dsim.report.page.pictures import img
from dsim.report.page.text import name, plural, text
from dsim.report.pictures import SIDE


def datasets(report: Report) -> str:
    """Cards with pictures and facts; below them how large the pictures are."""
    cards = "\n".join(_card(glance) for glance in report.glances)
    shown = [picture for glance in report.glances for picture in glance.pictures]
    size = sum(len(picture.uri) for picture in shown)
    told = (
        f"{plural(len(shown), 'image')}, evenly spread over each dataset, each at most {SIDE} pixels wide or high, "
        f"{size / 1e6:.2f} MB in all. Channels and pixels are those of the images shown; deep images are scaled as the "
        "measure saw them; a line around an object is its mask."
        if shown
        else "No image is at hand: facts are those that were recorded."
    )
    return f'<div class="glances">\n{cards}\n</div>\n<p class="small">{told}</p>'


def _card(glance: Glance) -> str:
    pictures = "".join(img(picture) for picture in glance.pictures)
    look = (
        f'<div class="thumbs">{pictures}</div>'
        if pictures
        else f'<p class="missing">No images: {text(glance.missing)}</p>'
    )
    facts = "".join(f"<div><dt>{text(key)}</dt><dd>{text(value)}</dd></div>" for key, value in glance.facts.items())
    role = f'<span class="role {glance.role.partition(" ")[0]}">{glance.role}</span>'
    return f'<article class="card glance"><h3>{name(glance.name)} {role}</h3>{look}<dl>{facts}</dl></article>'
