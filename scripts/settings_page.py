"""Print docs/settings.md from the settings themselves: ``python scripts/settings_page.py``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from hilum.settings import Settings

HEAD = """# Settings

Written by `scripts/settings_page.py`; a test holds it to the code.

hilum reads, the later the stronger: the defaults below, the file `hilum.toml`, environment
variables. The file is `~/.config/hilum/hilum.toml`, or the one that `HILUM_SETTINGS` names.
The environment variable of a setting is its name in capitals: `[pacs] url` is `HILUM_PACS__URL`.
A misspelt name is an error, not a silence.

```toml
# hilum.toml
[pacs]
url = "http://127.0.0.1:8042"
username = "hilum"
password = "…"

[model]
name = "densenet121-res224-all"
```
"""


def shown(field: FieldInfo) -> str:
    """Return the default as it would be written in the settings file."""
    if field.default_factory is not None:
        return "in the user's data folder"
    value: Any = field.default
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, dict):
        return "`{ " + ", ".join(f'"{key}" = {item}' for key, item in value.items()) + " }`"
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{item}"' for item in value) + "]`"
    return f'`"{value}"`' if isinstance(value, str | Path) else f"`{value}`"


def rows(fields: dict[str, FieldInfo]) -> Iterator[str]:
    """Yield the lines of one table."""
    yield "| name | default | meaning |"
    yield "| --- | --- | --- |"
    for name, field in fields.items():
        yield f"| `{name}` | {shown(field)} | {field.description} |"


def page() -> str:
    """Return the whole page."""
    sections = {
        name: field.annotation
        for name, field in Settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }
    plain = {name: f for name, f in Settings.model_fields.items() if name not in sections}
    parts = [HEAD, "## At the top\n", *rows(plain)]
    for name, section in sections.items():
        parts += [f"\n## `[{name}]`\n", (section.__doc__ or "") + "\n", *rows(section.model_fields)]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    Path("docs/settings.md").write_text(page(), encoding="utf-8")
