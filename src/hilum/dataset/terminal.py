"""Outcomes on a terminal: one line per file, or a table of all findings of one file."""

from collections import Counter
from typing import Final

from hilum.language import ENGLISH
from hilum.outcome import Outcome, Status
from hilum.reading import Finding, ModelIdentity
from hilum.wording import finding_name, score_text

BAR: Final = 20
"""Characters of a score bar; its middle is the operating point."""

SHOWN: Final = 4
"""Positive findings on one line; the rest are counted."""


def model_line(model: ModelIdentity) -> str:
    """Return which model reads, and how far its weights can be trusted."""
    trust = "weights verified" if model.verified else "weights NOT verified: trusted on first use"
    line = f"model {model.name} {model.version}, {trust} (SHA-256 {model.sha256[:12]}…)"
    if model.demonstration:
        line += "\nDEMONSTRATION: this model has learned nothing about patients."
    return line


def one_line(outcome: Outcome) -> str:
    """Return the line of one file."""
    return f"{outcome.path}\t{outcome.status}\t{summary(outcome)}"


def summary(outcome: Outcome) -> str:
    """Return the positive findings, strongest first, or why there is no reading, in one line."""
    reading = outcome.reading
    if reading is None:
        return "; ".join(reason.text for reason in outcome.reasons)
    positives = reading.positives
    said = f"{len(positives)} of {len(reading.findings)} findings positive"
    if positives:
        named = [f"{_name(f)} {_score(f)}" for f in positives[:SHOWN]]
        more = len(positives) - SHOWN
        said += ": " + ", ".join(named) + (f" and {more} more" if more > 0 else "")
    return said


def full_table(outcome: Outcome) -> str:
    """Return every finding of one file as a table, highest score first."""
    if outcome.reading is None:
        return one_line(outcome)
    lines = [
        one_line(outcome),
        f"  {'finding':<28} {'raw':>9} {'op. point':>9} {'score':>6}  0 {'':-<9}½{'':-<9} 1",
    ]
    for finding in outcome.reading.ranked:
        filled = round(finding.score * BAR)
        bar = "█" * filled + "·" * (BAR - filled)
        mark = "  POSITIVE" if finding.positive else ""
        lines.append(
            f"  {_name(finding):<28} {finding.raw:>9.6f} {finding.operating_point:>9.6f} "
            f"{_score(finding):>6}  {bar}{mark}"
        )
    lines += [f"  note: {reason.text}" for reason in outcome.reasons]
    lines += [f"  pixels: {decision.text}" for decision in outcome.reading.radiograph.decisions]
    lines += [f"  wrote {output}" for output in outcome.outputs]
    return "\n".join(lines)


def counted(counts: Counter[Status]) -> str:
    """Return how many files ended how."""
    return ", ".join(f"{counts[status]} {status}" for status in Status)


def _name(finding: Finding) -> str:
    return finding_name(finding.label, ENGLISH)


def _score(finding: Finding) -> str:
    return score_text(finding, ENGLISH)
