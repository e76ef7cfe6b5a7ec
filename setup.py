"""The one part of the package that is computed: what its index shows of the README.

An index shows the README without the files beside it: a relative picture would be broken there, and
a relative link would lead nowhere. So pictures are left out, and of such links the text is kept.
Everything else about the package is in pyproject.toml.
"""

import re
from pathlib import Path

_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?![a-z]+:|#)[^)]*\)")


def readme_for_an_index(text: str) -> str:
    r"""Return a README without relative pictures and links.

    Examples
    --------
    >>> readme_for_an_index("See [how](docs/how.md), [it](https://host/).\n\n![A cat.](cat.png)\n")
    'See how, [it](https://host/).\n'
    """
    kept = _LINK.sub(lambda found: "" if found[1] else found[2], text)
    return re.sub(r"\n{3,}", "\n\n", kept).rstrip() + "\n"


if __name__ == "__main__":
    from setuptools import setup

    readme = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
    setup(
        long_description=readme_for_an_index(readme),
        long_description_content_type="text/markdown",
    )
