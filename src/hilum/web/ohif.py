"""OHIF's settings: where the viewer finds the PACS that it shows."""

import json
from collections.abc import Mapping
from typing import Any, Final

DICOMWEB_PATH: Final = "/dicom-web"
"""Where the page's own server forwards to Orthanc's DICOMweb: one origin, one login."""

PREAMBLE: Final = "window.__filename = document.baseURI;\n"
"""Without it OHIF 3.12 shows an empty page as soon as the browser has cached its scripts.

A library in it (the web build of ONNX Runtime) asks for the script that is running. A
cached script runs later than that is known, and the library falls back to ``__filename``,
which browsers do not have.
"""

VIEWER: Final[Mapping[str, Any]] = {
    "extensions": [],
    "modes": [],
    "customizationService": [
        {
            # A link to one result is no occasion for a tour of the viewer's tools.
            "ohif.tours": {"$set": []},
            # Modality OT is that of our picture; a film player would cover its headline.
            "autoCineModalities": {"$set": ["US"]},
        }
    ],
    "showStudyList": True,
    "showLoadingIndicator": True,
    "showWarningMessageForCrossOrigin": True,
    "showCPUFallbackMessage": True,
    "strictZSpacingForVolumeViewport": True,
    "maxNumberOfWebWorkers": 3,
    "defaultDataSourceName": "pacs",
}
"""What every OHIF needs to be told, as its own default configuration says it."""

ORTHANC: Final[Mapping[str, Any]] = {
    "name": "pacs",
    "qidoSupportsIncludeField": False,
    "supportsReject": False,
    "supportsFuzzyMatching": False,
    "supportsWildcard": True,
    "imageRendering": "wadors",
    "thumbnailRendering": "wadors",
    "enableStudyLazyLoad": True,
    # Orthanc does not understand quotation marks in the type of a multipart request
    "omitQuotationForMultipartRequest": True,
}
"""What Orthanc's DICOMweb can do."""


BACK: Final = """window.config.whiteLabeling = {{
  createLogoComponentFn: (React) =>
    React.createElement("a", {{ href: "/", id: "hilum-back", className: "text-primary" }}, {text}),
}};
"""
"""A link in the place of OHIF's own name."""


LABEL: Final = b"getTextBoxCoordsCanvas(adaptedCanvasCoordinates)"
LABEL_INSIDE: Final = (
    LABEL
    + b""";
    {
      const { element } = viewport;
      const frame = document.timeline.currentTime;
      if (element.labelled?.frame !== frame) element.labelled = { frame, places: new Map() };
      const width = 8 * Math.max(...textLines.map((line) => line.length)) + 40;
      const height = 18 * textLines.length + 6;
      const x = Math.max(0, Math.min(canvasTextBoxCoords[0], element.clientWidth - width));
      const lowest = element.clientHeight - height - 25;
      let y = Math.max(0, Math.min(canvasTextBoxCoords[1] - 30, lowest));
      const own = annotation.annotationUID;
      const others = [...element.labelled.places].filter(([uid]) => uid !== own);
      for (const [, place] of others.sort(([, one], [, other]) => one.y - other.y))
        if (x < place.x + place.width && place.x < x + width && Math.abs(y - place.y) < height)
          y = place.y + height;
      element.labelled.places.set(own, { x, y, width });
      canvasTextBoxCoords[0] = x;
      canvasTextBoxCoords[1] = y;
      annotation.data.handles.textBox.worldPosition = null;
    }"""
)


def labels_inside(script: bytes) -> bytes:
    """Return one of OHIF's scripts, in which the labels of a report's regions can be read.

    Each is beside its region, not cut off at the right, and below the one that it would lie on.
    OHIF's own way moves them far away, even into the regions of other findings.
    """
    return script.replace(LABEL, LABEL_INSIDE)


def app_config(
    *, dicomweb: str = DICOMWEB_PATH, base: str = "/", title: str = "PACS", back: str = ""
) -> str:
    """Return the text of OHIF's ``app-config.js``.

    Parameters
    ----------
    dicomweb
        Path of the archive's DICOMweb on OHIF's own origin: QIDO-RS and WADO-RS.
    base
        Path below which OHIF is served.
    back
        Text of a link to the page's worklist, which then stands for OHIF's own list.

    Returns
    -------
    str
        JavaScript that sets ``window.config``.
    """
    roots = dict.fromkeys(("qidoRoot", "wadoRoot", "wadoUriRoot"), dicomweb)
    source = {
        "namespace": "@ohif/extension-default.dataSourcesModule.dicomweb",
        "sourceName": VIEWER["defaultDataSourceName"],
        "configuration": {**ORTHANC, "friendlyName": title, **roots},
    }
    settings = {**VIEWER, "routerBasename": base, "dataSources": [source]}
    link = BACK.format(text=json.dumps(f"← {back}")) if back else ""
    if back:
        settings["showStudyList"] = False
    return f"{PREAMBLE}window.config = {json.dumps(settings, indent=2)};\n{link}"
