"""FHIR R4: a DiagnosticReport, an Observation for each finding, the image and the device.

They come as one Bundle of the type *collection*. Nothing in it claims a person's word:
report and observations are *preliminary*, the observations are a device's. As in the
structured report, an Observation's code is the finding, and its value Present or Absent.

Sources
-------
HL7 FHIR R4 (4.0.1): DiagnosticReport, Observation, ImagingStudy, Device, Bundle. HL7
terminology: URIs of code systems; ``urn:dicom:uid`` for Study Instance UIDs.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from hilum import MANUFACTURER, PRODUCT, __version__
from hilum.encode.codes import CodeTable
from hilum.encode.equipment import algorithm_name, device_uid, serial_number
from hilum.encode.forms.form import Form, FormSource
from hilum.encode.forms.plain_text import REPORT_TITLE, text
from hilum.encode.provenance import SCORE_UNIT, cautions, parameters, statements
from hilum.encode.result_context import ResultContext
from hilum.reading import DECIMALS, OPERATING_POINT_SCORE, Finding, Reading
from hilum.settings import ReportSettings
from hilum.values.dates import read_day
from hilum.wording import POSITIVE_OF_ALL, finding_name, shown_score

SYSTEMS: Final = {
    "SCT": "http://snomed.info/sct",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "LN": "http://loinc.org",
    "UCUM": "http://unitsofmeasure.org",
    "UMLS": "http://terminology.hl7.org/CodeSystem/umls",
}
"""DICOM's coding scheme designator → FHIR's URI; private schemes go by their UID."""

TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem"
"""Where HL7's own code systems are."""

DICOM_UID: Final = "urn:dicom:uid"
"""System of identifiers that are DICOM UIDs."""

UID_ROOT: Final = "2.25."
"""Root of our UIDs: what follows is a UUID as a number (PS3.5 B.2)."""

Resource = dict[str, Any]
"""A FHIR resource or a part of one, as JSON."""


def fhir(reading: Reading, *, when: datetime, settings: ReportSettings) -> Resource:
    """Return one reading as a FHIR R4 Bundle, ready for `json.dumps`.

    Returns
    -------
    dict
        The Bundle. Same input, same content, same identifiers. The patient is referred to
        by the Patient ID alone, the study and the image by their UIDs.

    Raises
    ------
    SettingInvalid
        The site's codes file cannot be used.
    ValueError
        The radiograph has no header, or `when` no UTC offset.
    """
    if when.utcoffset() is None:
        raise ValueError("the time of the analysis needs a UTC offset")
    return _BundleWriter(ResultContext.of(reading, when=when, settings=settings)).bundle()


@dataclass(frozen=True, slots=True, eq=False)
class _BundleWriter:
    """Writes the resources of one reading, which all refer to each other."""

    context: ResultContext

    def bundle(self) -> Resource:
        observations = [self._observation(finding) for finding in self.context.reading.findings]
        resources = [self._report(), *observations, self._imaging_study(), self._device()]
        return {
            "resourceType": "Bundle",
            "id": self._id("bundle"),
            "meta": self._meta(),
            "type": "collection",
            "timestamp": self.context.when.isoformat(timespec="seconds"),
            "entry": [
                {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource}
                for resource in resources
            ],
        }

    def _report(self) -> Resource:
        title = "demonstration_title" if self.context.reading.model.demonstration else "title"
        reading, say = self.context.reading, self.context.language.say
        positive, every = len(reading.positives), len(reading.findings)
        count = say(POSITIVE_OF_ALL, positive=positive, all=every)
        written = text(
            self.context.reading, when=self.context.when, language=self.context.language
        ).encode()
        return {
            "resourceType": "DiagnosticReport",
            "id": self._id("report"),
            **self._common(),
            "category": [_concept("v2-0074", "RAD", "Radiology")],
            "code": self._coded(self.context.codes.concept(title)),
            "imagingStudy": [self._reference("imaging study")],
            "result": [self._reference(finding.label) for finding in self.context.reading.findings],
            "conclusion": " ".join([f"{count}.", *self._notes()]),
            "presentedForm": [
                {
                    "contentType": "text/plain; charset=utf-8",
                    "language": self.context.language.code,
                    "data": base64.b64encode(written).decode("ascii"),
                    "title": self.context.language.say(REPORT_TITLE),
                }
            ],
        }

    def _observation(self, finding: Finding) -> Resource:
        name = finding_name(finding.label, self.context.language)
        model = self.context.reading.model
        state = codes.SCT.Present if finding.positive else codes.SCT.Absent
        sign = ("POS", "Positive") if finding.positive else ("NEG", "Negative")
        site = self.context.codes.site(finding.label)
        return {
            "resourceType": "Observation",
            "id": self._id(finding.label),
            **self._common(),
            "category": [_concept("observation-category", "imaging", "Imaging")],
            "code": {**self._coded(self.context.codes.finding(finding.label)), "text": name},
            "valueCodeableConcept": self._coded(state),
            "interpretation": [_concept("v3-ObservationInterpretation", *sign)],
            "note": [{"text": note} for note in self._notes()],
            **({} if site is None else {"bodySite": self._coded(site)}),
            "method": {"text": f"{algorithm_name(model)} {model.version}"},
            "device": self._reference("device"),
            "derivedFrom": [self._reference("imaging study")],
            "component": list(self._components(finding)),
        }

    def _components(self, finding: Finding) -> Iterator[Resource]:
        """Yield the numbers: on a scale from 0 to 1, and no score is a probability."""
        demonstration = self.context.reading.model.demonstration
        score = self.context.codes.score(finding.label, demonstration=demonstration)
        shown = shown_score(finding.score, positive=finding.positive)
        one = codes.UCUM.NoUnits
        site = finding.probability
        named = self.context.codes.site_probability(demonstration=demonstration)
        for concept, value, unit in (
            (score, shown, SCORE_UNIT),
            (self.context.codes.concept("operating_point"), OPERATING_POINT_SCORE, SCORE_UNIT),
            (self.context.codes.concept("model_output"), finding.raw, one),
            (
                self.context.codes.concept("model_output_operating_point"),
                finding.operating_point,
                one,
            ),
            *(() if site is None else ((named, site.value, one),)),
        ):
            yield {
                "code": self._coded(concept),
                "valueQuantity": {
                    "value": round(value, DECIMALS),
                    "system": SYSTEMS["UCUM"],
                    "code": unit.value,
                },
            }

    def _imaging_study(self) -> Resource:
        """Return which image was read: its study, series and instance."""
        source = self.context.source
        instance = {
            "uid": str(source.SOPInstanceUID),
            "sopClass": {"system": "urn:ietf:rfc:3986", "code": f"urn:oid:{source.SOPClassUID}"},
        }
        modality = {"system": SYSTEMS["DCM"], "code": str(source.get("Modality") or "OT")}
        series = {
            "uid": str(source.SeriesInstanceUID),
            "modality": modality,
            "instance": [instance],
        }
        accession = str(source.AccessionNumber or "")
        identifiers: list[Resource] = [
            {"system": DICOM_UID, "value": f"urn:oid:{source.StudyInstanceUID}"}
        ]
        if accession:
            kind = _concept("v2-0203", "ACSN", "Accession ID")
            identifiers.append({"type": kind, "value": accession})
        return {
            "resourceType": "ImagingStudy",
            "id": self._id("imaging study"),
            "meta": self._meta(),
            "identifier": identifiers,
            "status": "available",
            "subject": self._subject() or {"display": "unknown"},
            "series": [series],
        }

    def _device(self) -> Resource:
        model = self.context.reading.model
        return {
            "resourceType": "Device",
            "id": self._id("device"),
            "meta": self._meta(),
            "identifier": [{"system": DICOM_UID, "value": f"urn:oid:{device_uid(model)}"}],
            "status": "active",
            "manufacturer": MANUFACTURER,
            "serialNumber": serial_number(model),
            "deviceName": [
                {"name": PRODUCT, "type": "manufacturer-name"},
                {"name": algorithm_name(model), "type": "model-name"},
            ],
            "type": self._coded(codes.DCM.ArtificialIntelligence),
            "version": [
                {"type": {"text": PRODUCT}, "value": __version__},
                {"type": {"text": algorithm_name(model)}, "value": model.version},
            ],
            "note": [{"text": parameter} for parameter in parameters(self.context.reading)],
        }

    def _common(self) -> Resource:
        """Return what report and observations share."""
        subject, day = self._subject(), fhir_date(self.context.source.get("StudyDate"))
        return {
            "meta": self._meta(),
            "status": "preliminary",
            **({"subject": subject} if subject else {}),
            **({"effectiveDateTime": day} if day else {}),
            "issued": self.context.when.isoformat(timespec="seconds"),
        }

    def _meta(self) -> Resource:
        """Return the mark of a demonstration: test data, which no system may act upon."""
        if not self.context.reading.model.demonstration:
            return {"tag": [{"display": "AI result, research use only"}]}
        test = _concept("v3-ActReason", "HTEST", "test health data")
        return {"security": test["coding"], "tag": [{"display": "DEMONSTRATION"}]}

    def _subject(self) -> Resource | None:
        patient = str(self.context.source.PatientID or "")
        if not patient:
            return None
        identifier: Resource = {"value": patient}
        if issuer := str(self.context.source.get("IssuerOfPatientID") or ""):
            identifier["assigner"] = {"display": issuer}
        return {"type": "Patient", "identifier": identifier}

    def _notes(self) -> list[str]:
        return [
            *statements(self.context.reading.model, self.context.language),
            *cautions(self.context.reading, self.context.language),
        ]

    def _coded(self, code: Code) -> Resource:
        return coded(code, self.context.codes)

    def _reference(self, kind: str) -> Resource:
        return {"reference": f"urn:uuid:{self._id(kind)}"}

    def _id(self, kind: str) -> str:
        """Return the identifier of a resource: the UUID within its derived UID."""
        return str(UUID(int=int(self.context.identity.uid(f"fhir {kind}").removeprefix(UID_ROOT))))


def coded(code: Code, table: CodeTable) -> Resource:
    """Return a DICOM code as a CodeableConcept."""
    scheme = table.schemes.get(code.scheme_designator)
    system = f"urn:oid:{scheme.uid}" if scheme else SYSTEMS.get(code.scheme_designator)
    coding: Resource = {"code": code.value, "display": code.meaning}
    return {"coding": [{"system": system, **coding} if system else coding]}


def fhir_date(stored: object) -> str | None:
    """Return a DICOM date as FHIR writes it, None when it is none, or not one day."""
    day = read_day(str(stored or ""))
    return None if day is None else day.isoformat()


def _concept(system: str, code: str, display: str) -> Resource:
    """Return a concept of one of HL7's own code systems."""
    return {"coding": [{"system": f"{TERMINOLOGY}/{system}", "code": code, "display": display}]}


def _written(source: FormSource) -> bytes:
    bundle = fhir(source.reading, when=source.when, settings=source.settings)
    return json.dumps(bundle, indent=1, ensure_ascii=False).encode()


FORM: Final = Form(
    "fhir", "FHIR R4", "fhir.json", "application/fhir+json", _written, needs_image=True
)
