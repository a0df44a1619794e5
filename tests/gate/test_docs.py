"""docs/gate.md is the table of rules.

After a change of the rules: ``HILUM_WRITE_DOCS=1 pytest tests/gate/test_docs.py``.
"""

import os
import re
from pathlib import Path

import pytest

from hilum.gate.rule import Rule
from hilum.gate.table import REFUSAL_RULES, WARNING_RULES

PAGE = Path(__file__).parents[2] / "docs" / "gate.md"
TABLES = {"objections": REFUSAL_RULES, "warnings": WARNING_RULES}


def table(rules: tuple[Rule, ...]) -> str:
    """Return rules as a Markdown table."""
    lines = ["| code | attributes | what passes | where it stands |", "|---|---|---|---|"]
    for rule in rules:
        attributes = ", ".join(f"`{keyword}`" for keyword in rule.attributes)
        lines.append(f"| `{rule.code}` | {attributes} | {rule.accepted} | {rule.source} |")
    return "\n".join(lines)


@pytest.mark.parametrize("name", TABLES)
def test_page_has_the_table(name: str):
    """Each rule is on the page, word for word, and no other is."""
    section = re.compile(rf"(<!-- {name}: [^>]*-->\n\n)(?:\|.*?\n\n)?(?=## )", re.DOTALL)
    page = PAGE.read_text(encoding="utf-8")
    right = section.sub(lambda found: f"{found[1]}{table(TABLES[name])}\n\n", page, count=1)
    if os.environ.get("HILUM_WRITE_DOCS") == "1":
        PAGE.write_text(right, encoding="utf-8")

    assert section.search(page)
    assert right == PAGE.read_text(encoding="utf-8")
