"""Key Object Selection: a flag on images with positive findings.

Sources
-------
PS3.3 A.35.4 (IOD); PS3.16 TID 2010, CID 7010.
"""

from collections.abc import Sequence

from pydicom import Dataset

from hilum.encode.common_modules import begin, conclude
from hilum.encode.content import Container, Item, Text, codes, reference
from hilum.encode.kinds import KEY_OBJECTS
from hilum.encode.provenance import observer, statements
from hilum.encode.report_document import as_written, referenced_requests, references, write_content
from hilum.encode.result_context import ResultContext
from hilum.wording import AI, POSITIVE_OF_ALL, finding_name


def key_objects(context: ResultContext, pictures: Sequence[Dataset]) -> Dataset:
    """Return a selection "Of Interest" of an image with positive findings, and of its pictures."""
    reading, source, language = context.reading, context.source, context.language
    evidence = [source, *pictures]
    positives = ", ".join(finding_name(finding.label, language) for finding in reading.positives)
    count = len(reading.positives)
    said = language.say(POSITIVE_OF_ALL, positive=count, all=len(reading.findings))
    described = f"{language.say(AI)}: {said}: {positives}."
    described = " ".join([described, *statements(reading.model, language)])
    image = context.codes.concept("source")
    root = Item(codes.DCM.OfInterest, Container("2010"), None).having(
        *observer(reading.model, identified=True),
        Item(codes.DCM.KeyObjectDescription, Text(described)),
        *(Item(image, reference(instance)) for instance in evidence),
    )
    result = begin(KEY_OBJECTS, context)
    del result.BodyPartExamined  # the series of a selection has none (PS3.3 C.17.6.1)
    result.ReferencedPerformedProcedureStepSequence = []
    result.CurrentRequestedProcedureEvidenceSequence = list(references(evidence))
    if requests := list(referenced_requests(source)):
        result.ReferencedRequestSequence = requests
    description = language.say_ascii(
        "AI key images: {positive} findings, research only", positive=count
    )
    conclude(result, context, description=description, texts=root.strings())
    write_content(result, as_written(root, source))
    return result
