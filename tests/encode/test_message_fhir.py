"""FHIR transactions, validated by two FHIR libraries."""

import json
from dataclasses import replace
from typing import Any

import fhirkit
import pytest
from fhir.resources.R4B.bundle import Bundle

from hilum.encode.messages.fhir_transaction import message
from hilum.settings.deliveries import FhirReceiver
from told import analyzed, refused

SERVER = FhirReceiver(name="F", url="https://fhir.example.org/r4", patient_system="urn:oid:1.2")


def entries(outcome: Any, kind: str = "") -> list[dict[str, Any]]:
    """Return the entries of one type, or all."""
    bundle = json.loads(message(outcome, SERVER))
    return [each for each in bundle["entry"] if kind in {"", each["resource"]["resourceType"]}]


def test_two_fhir_libraries_find_it_valid(source):
    """Every kind of header, first told, corrected, and not analyzed."""
    first = analyzed(source)
    for outcome in (first, replace(first, corrects=True), replace(refused(), corrects=True)):
        told = message(outcome, SERVER)
        assert "transaction" == Bundle.model_validate_json(told).type
        assert [] == fhirkit.validate(told.decode())


def test_everything_is_created_only_where_it_is_not_there():
    """Each resource has a condition by its own identifier, and none an id of ours."""
    for entry in entries(analyzed()):
        resource, request = entry["resource"], entry["request"]
        assert ("POST", resource["resourceType"]) == (request["method"], request["url"])
        assert "id" not in resource
        if resource["resourceType"] == "Provenance":
            tag = resource["meta"]["tag"][0]
            assert f"_tag={tag['system']}|{tag['code']}" == request["ifNoneExist"]
        else:
            named = resource["identifier"][0]
            assert f"identifier={named['system']}|{named['value']}" == request["ifNoneExist"]


def test_same_outcome_is_the_same_transaction():
    """Byte by byte, so that a second post finds everything there."""
    outcome = analyzed()
    assert message(outcome, SERVER) == message(outcome, SERVER)


def test_correction_takes_the_place_of_what_was_told():
    """Report and observations, as amended, under their identifiers; nothing else."""
    outcome = analyzed()
    first, second = entries(outcome), entries(replace(outcome, corrects=True))

    names = [
        [e["resource"]["identifier"] for e in each if "identifier" in e["resource"]]
        for each in (first, second)
    ]
    assert names[0] == names[1]
    for entry in second:
        ours = entry["resource"]["resourceType"] in {"DiagnosticReport", "Observation"}
        assert ("PUT" if ours else "POST") == entry["request"]["method"]
        assert not ours or "amended" == entry["resource"]["status"]


def test_observations_have_site_device_and_number():
    """And the report's provenance names who made them, of what."""
    observations = entries(analyzed(), "Observation")
    (provenance,) = entries(analyzed(), "Provenance")

    assert 18 == len(observations)
    assert all("bodySite" in e["resource"] for e in observations if "Pneumothorax" in str(e))
    assert all("device" in e["resource"] for e in observations)
    assert 18 == len({e["resource"]["identifier"][0]["value"] for e in observations})
    assert 19 == len(provenance["resource"]["target"])


def test_references_lead_to_entries():
    """Each is the address of an entry of the same transaction."""
    found = entries(analyzed())
    text = json.dumps(found)
    addresses = {each["fullUrl"] for each in found}
    referred = {part.split('"')[0] for part in text.split('"reference": "')[1:]}

    assert referred <= addresses


def test_patient_is_of_the_system_of_the_site():
    """Else no server could tell whose Patient ID it is."""
    for kind in ("Observation", "DiagnosticReport", "ImagingStudy"):
        (first, *_) = entries(analyzed(PatientID="P-1"), kind)
        assert ("urn:oid:1.2", "P-1") == tuple(
            first["resource"]["subject"]["identifier"][name] for name in ("system", "value")
        )


@pytest.mark.parametrize("corrects", [False, True])
def test_refusal_is_a_cancelled_report(corrects):
    """It has no observation, and says why."""
    (only,) = entries(replace(refused(), corrects=corrects))

    assert "cancelled" == only["resource"]["status"]
    assert "lateral" in only["resource"]["conclusion"]
    assert ("PUT" if corrects else "POST") == only["request"]["method"]
