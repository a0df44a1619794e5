"""Messages to other systems about the outcome of one image: HL7 v2, FHIR, CloudEvents."""
