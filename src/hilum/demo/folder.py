"""What the demonstration leaves behind: pictures, reports, the JSON document, a page."""

import html
import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

from pydicom import Dataset
from pydicom.encaps import generate_frames

from hilum import encode
from hilum.dataset.terminal import STATUS, summary
from hilum.demo.run import Shown
from hilum.encode import result_name
from hilum.encode.provenance import NO_PROBABILITY, statements
from hilum.errors import SourceUnreadable
from hilum.language import Language, of_environment
from hilum.language.system import system_error
from hilum.outcome import Status
from hilum.radiograph import PixelPipeline
from hilum.reading import ModelIdentity

MARK: Final = "readings.json"
"""A folder with this file, or an empty one, may be replaced."""

PAGE: Final = Template("""<!doctype html>
<html lang="$lang">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
 body { background: #14171a; color: #e6e9ec; font: 16px/1.5 system-ui, sans-serif;
        max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
 a { color: #8fc7ff } img { width: 100%; border: 1px solid #333a40 }
 .notice { border-left: 4px solid #e0a84a; padding: .2rem 1rem; background: #1d2226 }
 article { margin: 2.5rem 0 } h2 { margin-bottom: .2rem }
 .refused, .failed { color: #e0a84a }
</style>
<h1>$title</h1>
<p class="notice">$notice</p>
<p>$every: <a href="readings.json">readings.json</a>.</p>
$articles
</html>
""")


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """Writes what came of the demonstration into one folder.

    Raises
    ------
    SourceUnreadable
        The folder holds something else, or cannot be written to.
    """

    folder: Path
    """Made anew; an earlier demonstration in it is replaced."""
    model: ModelIdentity
    """What read the images."""
    pipeline: PixelPipeline
    """How their pixels were read."""

    def __post_init__(self) -> None:
        folder = self.folder
        if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
            raise SourceUnreadable(
                "The folder {folder} holds something other than a demonstration.",
                "Choose another one with --out, or empty it.",
                folder=folder,
            )
        try:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        except OSError as exc:
            raise SourceUnreadable(
                "The folder {folder} cannot be written to: {strerror}.",
                "Choose another one with --out.",
                folder=folder,
                strerror=system_error(exc),
            ) from exc

    def write(self, shown: Sequence[Shown]) -> list[Path]:
        """Write everything and return what a person looks at first, best first."""
        files = {one.image.name: list(self._results(one)) for one in shown}
        self._document(shown, files)
        page = self.folder / "index.html"
        page.write_text(self._page(shown, files), encoding="utf-8")
        pictures = [path for paths in files.values() for path in paths if path.suffix == ".jpg"]
        return [page, *pictures, self.folder / MARK]

    def _results(self, one: Shown) -> Iterator[Path]:
        """Write the results of one image as the PACS gave them back."""
        for result in one.results:
            path = self.folder / f"{one.image.name}.{result_name(result)}.dcm"
            path.write_bytes(encode.to_bytes(result))
            yield path
            yield from _legible(result, path)

    def _document(self, shown: Sequence[Shown], files: dict[str, list[Path]]) -> None:
        document = encode.document_head(self.model, self.pipeline)
        document["readings"] = [
            {**one.row, "outputs": [str(path) for path in files[one.image.name]]} for one in shown
        ]
        text = json.dumps(document, indent=1, ensure_ascii=False)
        (self.folder / MARK).write_text(text + "\n", encoding="utf-8")

    def _page(self, shown: Sequence[Shown], files: dict[str, list[Path]]) -> str:
        language = of_environment()
        said = [*statements(self.model, language), language.say(NO_PROBABILITY)]
        articles = (_article(one, files[one.image.name], language) for one in shown)
        return PAGE.substitute(
            lang=language,
            title=language.say("hilum: results of the demonstration"),
            every=language.say("All findings of all images"),
            notice=html.escape(" ".join(said)),
            articles="\n".join(articles),
        )


def _legible(result: Dataset, path: Path) -> Iterator[Path]:
    """Write a result as something that any program shows: a JPEG, or text."""
    if "PixelData" in result:
        picture = path.with_suffix(".jpg")
        picture.write_bytes(next(generate_frames(result.PixelData, number_of_frames=1)))
        yield picture
    elif shutil.which("dsrdump"):
        text = path.with_suffix(".txt")
        dumped = subprocess.run(
            ["dsrdump", "--convert-to-utf8", "--print-long-values", str(path)],
            capture_output=True,
            check=False,
        )
        text.write_bytes(dumped.stdout.replace(rb"\r\n", b"\n"))
        yield text


def _article(one: Shown, paths: Sequence[Path], language: Language) -> str:
    """Return the part of the page that is about one image."""
    said = summary(one.outcome, language)
    links = " · ".join(
        f'<a href="{html.escape(path.name)}">{html.escape(path.name)}</a>' for path in paths
    )
    pictures = "".join(
        f'<img src="{html.escape(path.name)}" alt="{html.escape(said)}">'
        for path in paths
        if path.suffix == ".jpg"
    )
    status = one.outcome.status
    title = language.say(one.image.title)
    told = []
    if one.image.truth:
        told.append(language.say("truth: {truth}", truth=one.image.truth))
    if status is Status.READ:
        told += [language.say("warning: {why}", why=each.text) for each in one.outcome.reasons]
    below = "".join(f"<p>{html.escape(each)}</p>" for each in told)
    return (
        f"<article><h2>{html.escape(title)}</h2>{below}"
        f'<p class="{status}">{language.say(STATUS[status])}: {html.escape(said)}</p>'
        f"<p>{links}</p>{pictures}</article>"
    )
