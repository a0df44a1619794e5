"""Print docs/settings.md from the settings themselves: ``python scripts/settings_page.py``."""

import ast
import inspect
from collections.abc import Collection, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from hilum.settings import Settings

HEAD = """# Settings

Written by `scripts/settings_page.py`; a test holds it to the code.

hilum reads, the later the stronger: the defaults below, what was set on the page Settings, the file
`hilum.toml`, environment variables. The file is `~/.config/hilum/hilum.toml`, or the one that
`HILUM_SETTINGS` names.
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
    if field.default_factory is not None or field.is_required():
        return "needed" if field.is_required() else "in the user's data folder"
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


def meanings(section: type[BaseModel]) -> dict[str, str]:
    """Return what each field means: the text below it in the source."""
    (definition,) = ast.parse(inspect.getsource(section)).body
    above = section.__base__
    found = meanings(above) if above and above.__module__ == section.__module__ else {}
    for line, following in pairwise(definition.body):
        match line, following:
            case ast.AnnAssign(target=ast.Name(name)), ast.Expr(ast.Constant(str(text))):
                found[name] = " ".join(text.split())
    return found


def rows(section: type[BaseModel], leave_out: Collection[str] = ()) -> Iterator[str]:
    """Yield the lines of one table."""
    yield "| name | default | meaning |"
    yield "| --- | --- | --- |"
    meaning = meanings(section)
    for name, field in section.model_fields.items():
        if name not in leave_out:
            yield f"| `{name}` | {shown(field)} | {meaning[name]} |"


def page() -> str:
    """Return the whole page."""
    sections = {
        name: field.annotation
        for name, field in Settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }
    parts = [HEAD, "## At the top\n", *rows(Settings, leave_out=sections)]
    for name, section in sections.items():
        parts += [f"\n## `[{name}]`\n", (section.__doc__ or "") + "\n", *rows(section)]
        for inner, field in section.model_fields.items():
            (kind, *_) = [*get_args(field.annotation), None]
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                parts += [f"\n### `[[{name}.{inner}]]`\n", (kind.__doc__ or "") + "\n", *rows(kind)]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    Path("docs/settings.md").write_text(page(), encoding="utf-8")
