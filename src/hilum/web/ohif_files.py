"""OHIF's own build, served below ``/ohif/`` on the page's origin.

The build believes that it lies at the root: its page and its scripts are rewritten as
they are sent.
"""

import base64
import gzip
import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from starlette.responses import FileResponse, RedirectResponse, Response

from hilum.errors import NotInPacs, PacsError
from hilum.files.dicom import REGIONS_TITLE
from hilum.language import Message
from hilum.records.images import ImageRecord
from hilum.settings import Settings
from hilum.web.context import WebContext
from hilum.web.ohif import app_config, labels_inside
from hilum.web.pictures import Where, image_of, stored_as
from hilum.web.security import OHIF_POLICY
from hilum.web.sessions import Context, Viewer, Visitor

router: Final = APIRouter(include_in_schema=False)

BASE: Final = "/ohif"

BUILT_HERE: Final = Path("viewer/node_modules/@ohif/app/dist")
"""Where scripts/ohif.sh puts it in a clone."""

INSTALLED: Final = "ohif"
"""Where ``hilum viewer install`` puts it in the data folder."""

INDEX: Final = "index.html"

NAMED_BY_CONTENT: Final = re.compile(r"\.bundle\.[0-9a-f]+\.js$|^[0-9a-f]{20}\.")
"""Parts of OHIF that have another name after any change: browsers may keep them."""

WORKLIST: Final = Message("Worklist")

NAME: Final = re.compile(r"[A-Za-z0-9_./@+~-]{1,255}")
"""Of a file of OHIF's."""

AT_ROOT: Final = b'__webpack_require__.p = "/"'
BELOW: Final = f'__webpack_require__.p = "{BASE}/"'.encode()
"""Where webpack's scripts look for the others."""

TEXTS: Final = {".js": "text/javascript", ".css": "text/css"}

PACK_LEVEL: Final = 5
"""Of gzip: the largest script goes from 15 MB to a sixth in a third of a second, once."""

KEEP: Final = "private, max-age=604800, immutable"
ASK_AGAIN: Final = "private, no-cache"

HOW_TO_GET_IT: Final = Message(
    "Run hilum viewer install, or set page.ohif_folder to the dist of @ohif/app."
)


@dataclass(frozen=True, slots=True)
class Index:
    """OHIF's page, as it is sent."""

    html: str
    """The page, with its addresses below `BASE`."""
    policy: str
    """Content Security Policy that names the page's own inline scripts by their hashes."""


def folder(settings: Settings) -> Path | None:
    """Return where OHIF is, None when it is not installed."""
    chosen = settings.page.ohif_folder
    installed = settings.data_folder / INSTALLED, Path(__file__).parents[3] / BUILT_HERE
    places = installed if chosen is None else (chosen,)
    return next((place for place in places if (place / INDEX).is_file()), None)


def study_address(study_instance_uid: str, series_instance_uid: str = "") -> str:
    """Return where OHIF shows a study, and a series of it first."""
    series = f"&initialSeriesInstanceUID={series_instance_uid}" if series_instance_uid else ""
    return f"{BASE}/viewer?StudyInstanceUIDs={study_instance_uid}{series}"


def regions_series(context: WebContext, image: ImageRecord) -> str:
    """Return the series of the report whose regions OHIF draws, empty where there is none."""
    for result in reversed(image.results):
        with suppress(PacsError):  # then the study opens as any other
            reference = stored_as(context, image, result)
            tags = context.pacs.attributes(reference) if reference else {}
            titles = tags.get("ConceptNameCodeSequence") or [{}]
            if titles[0].get("CodeValue") == REGIONS_TITLE:
                return str(tags.get("SeriesInstanceUID", ""))
    return ""


@lru_cache(maxsize=2)
def index(path: Path, changed: float) -> Index:
    """Read and rewrite OHIF's page; `changed` as of `packed_text`."""
    del changed
    html = path.read_text(encoding="utf-8")
    html = re.sub(r'\b(href|src|content)="/(?!/)', rf'\1="{BASE}/', html)
    html = html.replace("PUBLIC_URL = '/'", f"PUBLIC_URL = '{BASE}/'")
    # it only asks browsers to forget what an older OHIF made them keep, and calls elsewhere
    html = re.sub(r"<script[^>]*init-service-worker\.js[^>]*></script>", "", html)
    inline = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    hashes = " ".join(f"'sha256-{_sha256(each)}'" for each in inline)
    policy = OHIF_POLICY.replace("script-src 'self'", f"script-src 'self' {hashes}".rstrip(), 1)
    return Index(html, policy)


@lru_cache(maxsize=128)
def packed_text(path: Path, changed: float) -> bytes:
    """Return a script or style that looks for other files below `BASE`, packed with gzip.

    Parameters
    ----------
    changed
        When it was changed: another build may lie at the same place.
    """
    del changed
    text = labels_inside(path.read_bytes().replace(AT_ROOT, BELOW))
    if path.suffix == ".css":
        text = text.replace(b"url(/", f"url({BASE}/".encode())
    return gzip.compress(text, PACK_LEVEL, mtime=0)


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@router.get(BASE)
def to_base(_: Viewer) -> Response:
    """Add the slash."""
    return RedirectResponse(f"{BASE}/")


@router.get(BASE + "/{path:path}")
def serve(path: str, who: Viewer, context: Context) -> Response:
    """Return one of OHIF's files; any other path is one of its pages."""
    root = folder(context.settings)
    if root is None:
        raise NotInPacs("OHIF is not installed.", HOW_TO_GET_IT)
    if path == "app-config.js":
        return _config(context, who)
    named = path if NAME.fullmatch(path) else INDEX
    wanted = (root / named).resolve()
    if wanted.is_relative_to(root.resolve()) and wanted.is_file() and named != INDEX:
        headers = {"Cache-Control": KEEP if NAMED_BY_CONTENT.search(path) else ASK_AGAIN}
        if wanted.suffix not in TEXTS:
            return FileResponse(wanted, headers=headers)
        packed = packed_text(wanted, wanted.stat().st_mtime)
        headers["Content-Encoding"] = "gzip"
        return Response(packed, media_type=TEXTS[wanted.suffix], headers=headers)
    page = index(root / INDEX, (root / INDEX).stat().st_mtime)
    return Response(
        page.html, media_type="text/html", headers={"Content-Security-Policy": page.policy}
    )


@router.get("/studies/{study}/images/{image}/ohif")
def open_study(where: Where, _: Viewer, context: Context) -> Response:
    """Go to OHIF, with the regions of an image's findings over it."""
    image = image_of(context, where)
    return RedirectResponse(study_address(where.study, regions_series(context, image)))


def _config(context: WebContext, who: Visitor) -> Response:
    back = who.language.say(WORKLIST)
    text = app_config(base=BASE, title=context.address.aet, back=back)
    return Response(text, media_type="text/javascript", headers={"Cache-Control": ASK_AGAIN})
