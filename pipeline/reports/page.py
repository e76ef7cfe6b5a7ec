"""HTML pages: one self-contained file each, without scripts, all text escaped."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_page(path: Path, template: str, values: Mapping[str, Any]) -> Path:
    """Fill a template of this package and write it beside `path`, then rename it.

    Parameters
    ----------
    path
        Where the page goes.
    template
        File name of the template.
    values
        What the template shows; texts are escaped. Values named `…_chart` are drawings of
        `pipeline.charts`, which are the only markup let through.
    """
    from jinja2 import Environment, FileSystemLoader
    from markupsafe import Markup

    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    drawn = {
        name: Markup(value) if name.endswith("_chart") and value else value
        for name, value in values.items()
    }
    page = templates.get_template(template).render(drawn)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(page, encoding="utf-8")
    partial.replace(path)
    return path
