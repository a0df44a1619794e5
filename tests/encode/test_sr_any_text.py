"""Whatever text gets into a reading, it is written as highdicom writes it and reads back."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.eligibility import Reason
from hilum.radiograph import PixelDecision
from hilum.settings import ReportSettings
from sr_cases import both_ways, generated, read
from sr_reader import parse, texts

text = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30).filter(
    lambda drawn: drawn == drawn.strip()
)
"""Any letters but control characters: TEXT may hold those too, no gate writes them."""

score = st.floats(0, 1)

NOW = datetime(2024, 1, 2, 12, tzinfo=UTC)


@settings(max_examples=25, deadline=None)
@given(label=text, said=text, value=score, declared=st.sampled_from([None, "ISO_IR 100"]))
def test_any_reading_is_written_as_highdicom_writes_it(label, said, value, declared):
    """Fast and plain agree on any label, score, decision and warning, which all read back."""
    reading = read(
        generated(SpecificCharacterSet=declared, PatientName="Silva^Ana"),
        {label: value},
        labels=["Effusion", label] if label != "Effusion" else [label],
        warnings=(Reason("doubt", said),),
        decisions=(PixelDecision("decision", said),),
    )
    for file, by_highdicom in both_ways(reading, (), NOW, ReportSettings()):
        assert by_highdicom == file
        assert f"pixel_decision=decision: {said}" in texts(parse(file), "111002")
