"""The report as an Encapsulated PDF: what a PACS shows that shows no structured report.

Sources
-------
PS3.3 A.45.1 (Encapsulated PDF IOD), C.24.1 (Encapsulated Document Series), C.24.2
(Encapsulated Document), C.8.6.1 (SC Equipment).
"""

from typing import Final

from pydicom import Dataset
from pydicom.encaps import generate_frames

from hilum.encode.common_modules import begin, conclude, reference
from hilum.encode.equipment import code_item
from hilum.encode.forms.pdf import pdf
from hilum.encode.forms.plain_text import REPORT_TITLE
from hilum.encode.kinds import ENCAPSULATED_PDF
from hilum.encode.result_context import ResultContext
from hilum.encode.source import write_quietly

MIME_TYPE: Final = "application/pdf"


def encapsulated_pdf(context: ResultContext, picture: Dataset | None = None) -> Dataset:
    """Write the report of one reading down as a document.

    Parameters
    ----------
    picture
        The overlay, which becomes the last page.

    Raises
    ------
    ValueError
        `when` has no UTC offset.
    """
    jpeg = None
    if picture is not None:
        jpeg = next(generate_frames(picture.PixelData, number_of_frames=1))
    document = pdf(context.reading, when=context.when, language=context.language, picture=jpeg)
    title = context.stamp + context.language.say(REPORT_TITLE)
    named = "demonstration_title" if context.reading.model.demonstration else "title"
    result = begin(ENCAPSULATED_PDF, context)
    del result.BodyPartExamined  # of an image's series (C.7.3.1), not of a document's
    write_quietly(
        result,
        ConversionType="WSD",
        AcquisitionDateTime=None,
        BurnedInAnnotation="YES",  # it names the patient
        RecognizableVisualFeatures="NO",
        SourceInstanceSequence=[reference(context.source)],
        DocumentTitle=title,
        ConceptNameCodeSequence=[code_item(context.codes.concept(named))],
        VerificationFlag="UNVERIFIED",
        MIMETypeOfEncapsulatedDocument=MIME_TYPE,
        EncapsulatedDocumentLength=len(document),
        EncapsulatedDocument=document + b"\0" * (len(document) % 2),
    )
    conclude(
        result,
        context,
        description=context.language.say_ascii("AI document, research only"),
        texts=[title],
    )
    return result
