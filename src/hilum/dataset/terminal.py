"""Outcomes on a terminal: one line per file, or a table of all findings of one file."""

from collections import Counter
from typing import Final

from hilum.language import Language, Message
from hilum.outcome import Outcome, Status
from hilum.reading import ModelIdentity
from hilum.wording import anatomy_statements, finding_name, probability_text, score_text

POSITIVE: Final = Message("POSITIVE")

BAR: Final = 20
"""Characters of a score bar; its middle is the operating point."""

SHOWN: Final = 4
"""Positive findings on one line; the rest are counted."""


STATUS: Final = {
    Status.READ: Message("read"),
    Status.REFUSED: Message("refused"),
    Status.FAILED: Message("failed"),
}
"""How the reading of a file ended → its word."""

COUNTED: Final = {
    Status.READ: Message("{count} read", "{count} read"),
    Status.REFUSED: Message("{count} refused", "{count} refused"),
    Status.FAILED: Message("{count} failed", "{count} failed"),
}
"""How many files ended so."""


def model_line(model: ModelIdentity, language: Language) -> str:
    """Return which model reads, and how far its weights can be trusted."""
    say = language.say
    if model.verified:
        trust = say("weights verified")
    else:
        trust = say("weights NOT verified: trusted on first use")
    line = say(
        "model {name} {version}, {trust} (SHA-256 {digest}…)",
        name=model.name,
        version=model.version,
        trust=trust,
        digest=model.sha256[:12],
    )
    if not model.demonstration:
        return line
    stamp = say("DEMONSTRATION: this model was not trained on patients.")
    return f"{line}\n{stamp}"


def one_line(outcome: Outcome, language: Language) -> str:
    """Return the line of one file."""
    status = language.say(STATUS[outcome.status])
    return f"{outcome.path}\t{status}\t{summary(outcome, language)}"


def summary(outcome: Outcome, language: Language) -> str:
    """Return the positive findings, strongest first, or why there is no reading, in one line."""
    reading = outcome.reading
    if reading is None:
        return "; ".join(language.say(reason.text) for reason in outcome.reasons)
    positives, count = reading.positives, len(reading.findings)
    said = language.say("{positive} of {all} findings positive", positive=len(positives), all=count)
    if not positives:
        return said
    named = ", ".join(
        f"{finding_name(f.label, language)} {score_text(f, language)}" for f in positives[:SHOWN]
    )
    more = len(positives) - SHOWN
    if more > 0:
        named = language.say("{named} and {count} more", named=named, count=more)
    return f"{said}: {named}"


def full_table(outcome: Outcome, language: Language) -> str:
    """Return every finding of one file as a table, highest score first."""
    if outcome.reading is None:
        return one_line(outcome, language)
    say = language.say
    finding, raw, point, score = say("finding"), say("raw"), say("op. point"), say("score")
    width = max(6, len(score))
    lines = [
        one_line(outcome, language),
        f"  {finding:<28} {raw:>9} {point:>9} {score:>{width}}  0 {'':-<9}½{'':-<9} 1",
    ]
    for each in outcome.reading.ranked:
        filled = round(each.score * BAR)
        bar = "█" * filled + "·" * (BAR - filled)
        mark = f"  {say(POSITIVE)}" if each.positive else ""
        values = language.notated(f"{each.raw:>9.6f} {each.operating_point:>9.6f}")
        lines.append(
            f"  {finding_name(each.label, language):<28} {values} "
            f"{score_text(each, language):>{width}}  {bar}{mark}"
        )
        if each.probability is not None:
            lines.append(f"    {probability_text(each, language)}")
    if outcome.read is not None and outcome.read.anatomy is not None:
        lines += [f"  {say(each)}" for each in anatomy_statements(outcome.read.anatomy)]
    lines += [say("  note: {text}", text=reason.text) for reason in outcome.reasons]
    decisions = outcome.reading.radiograph.decisions
    lines += [say("  pixels: {text}", text=decision.text) for decision in decisions]
    lines += [say("  wrote {file}", file=output) for output in outcome.outputs]
    return "\n".join(lines)


def counted(counts: Counter[Status], language: Language) -> str:
    """Return how many files ended how."""
    return ", ".join(
        language.say(text.with_values(count=counts[status])) for status, text in COUNTED.items()
    )
