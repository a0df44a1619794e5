"""A contact sheet as one HTML file, for whoever has no page to look at images on."""

import base64
from collections.abc import Iterable, Iterator
from html import escape
from typing import Final

from hilum import RESEARCH_USE_ONLY
from hilum.language import Language, Message

TITLE: Final = Message("Images to be released for research")

ASKED: Final = (
    Message(
        "Look at each image for names, numbers and dates in the picture. Shades are spread evenly, "
        "and windows and shutters are not applied, so that faint text is seen."
    ),
    Message("This file shows identifiable images: it stays on the site."),
)

STYLE: Final = (
    "body{font:16px sans-serif;background:#111;color:#eee;margin:1rem}"
    "main{display:grid;grid-template-columns:repeat(auto-fill,minmax(30rem,1fr));gap:1rem}"
    "figure{margin:0}img{width:100%}code{font-size:1.1rem}"
)


def sheet(tiles: Iterable[tuple[str, bytes]], language: Language) -> Iterator[str]:
    """Yield the parts of the file.

    Parameters
    ----------
    tiles
        What each image is called in the export, and its picture as JPEG.
    """
    title = escape(language.say(TITLE))
    yield f'<!doctype html><html lang="{language}"><meta charset="utf-8"><title>{title}</title>'
    yield f"<style>{STYLE}</style><h1>{title}</h1>"
    for each in (*ASKED, Message(RESEARCH_USE_ONLY)):
        yield f"<p>{escape(language.say(each))}</p>"
    yield "<main>"
    for image, picture in tiles:
        data = base64.b64encode(picture).decode()
        yield f'<figure><img src="data:image/jpeg;base64,{data}" alt="{image}">'
        yield f"<figcaption><code>{image}</code></figcaption></figure>\n"
    yield "</main></html>\n"
