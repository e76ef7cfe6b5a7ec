"""HTML pages: one self-contained file each, without scripts, all text escaped."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.reports.palette import DARK, LIGHT
from pipeline.reports.words import task_name, trigger_name
from pipeline.results import metric_name
from training.whole_files import written

if TYPE_CHECKING:
    from jinja2 import Environment


def write_page(path: Path, template: str, values: Mapping[str, object]) -> Path:
    """Fill a template of this package and write it to `path`, which appears whole or not at all.

    Parameters
    ----------
    path
        Where the page goes.
    template, values
        As for `filled`.
    """
    page = filled(template, values)
    with written(path) as partial:
        partial.write_text(page, encoding="utf-8")
    return path


def filled(template: str, values: Mapping[str, object]) -> str:
    """Return a template of this package, filled.

    Parameters
    ----------
    template
        File name of the template.
    values
        What the template shows; texts are escaped. Values whose name ends in `_chart` are drawings
        of `pipeline.reports.charts`, the only markup that is not escaped.
    """
    from markupsafe import Markup

    drawn = {
        name: Markup(value) if name.endswith("_chart") and value else value
        for name, value in values.items()
    }
    return _templates().get_template(template).render(drawn)


@cache
def _templates() -> "Environment":
    from jinja2 import Environment, FileSystemLoader

    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals |= {"light": LIGHT, "dark": DARK}
    names = {"task_name": task_name, "trigger_name": trigger_name, "metric_name": metric_name}
    templates.filters |= names
    return templates
