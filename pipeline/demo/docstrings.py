"""Question and passage pairs from the documentation of installed Python packages.

Every installation has this text, it is real, and each package is a topic of its own: so it serves
the demonstration. Source files are read with `ast`; nothing is imported and nothing is executed.
"""

import ast
import hashlib
import importlib.util
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from training.pairs import Pair, normalised

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z`(\[])|\n\s*\n")
_MARKUP = re.compile(r":\w+:`~?([^`]*)`|`{1,2}([^`]*)`{1,2}")


def documentation_pairs(
    packages: Sequence[str], *, most: int, passage_characters: int = 300
) -> list[Pair]:
    """Return pairs from the docstrings of packages, the same ones on every run.

    The query is the first sentence of a docstring, the positive its signature and the rest, cut
    to `passage_characters`. Packages get equal shares; files are taken in the order of a hash of
    their path, so that the pairs are spread over a package of which only a part is parsed.

    Parameters
    ----------
    packages
        Top-level names of installed packages; one that is not installed is passed over.
    most
        Pairs to return over all packages.
    passage_characters
        Length of the positive.

    Returns
    -------
    list of Pair
        Source is the package; ids are `package:digest`.
    """
    share = -(-most // len(packages))
    found: dict[str, Pair] = {}
    for package in packages:
        enough = len(found) + share
        for query, positive in _package_docstrings(package, passage_characters):
            key = normalised(query)
            if key not in found:
                digest = hashlib.sha256(key.encode()).hexdigest()[:12]
                found[key] = Pair(
                    id=f"{package}:{digest}", query=query, positive=positive, source=package
                )
            if len(found) >= enough:
                break
    return list(found.values())[:most]


def _package_docstrings(package: str, passage_characters: int) -> Iterator[tuple[str, str]]:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return
    for location in spec.submodule_search_locations:
        paths = {
            path.relative_to(location).as_posix(): path for path in Path(location).rglob("*.py")
        }
        for name in sorted(paths, key=lambda name: hashlib.sha256(name.encode()).digest()):
            if not {"tests", "test", "testing", "_vendor"} & set(name.split("/")):
                yield from _file_docstrings(paths[name], passage_characters)


def _file_docstrings(path: Path, passage_characters: int) -> Iterator[tuple[str, str]]:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # templates and samples that are not Python
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        text = ast.get_docstring(node)
        if text is None or node.name.startswith("_"):
            continue
        first, _, rest = _plain(text).partition("\n")
        body = f"{_signature(node)} {rest}"[:passage_characters].strip()
        if 20 <= len(first) <= 200 and len(rest) >= 60:
            yield first, body


def _plain(docstring: str) -> str:
    """First sentence, a line break, then the rest on one line without markup."""
    head, *tail = _SENTENCE_END.split(docstring.strip(), maxsplit=1)
    rest = tail[0] if tail else ""
    plain = [_MARKUP.sub(lambda match: match[1] or match[2] or "", part) for part in (head, rest)]
    return "\n".join(" ".join(part.replace("----", "").split()) for part in plain)


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> str:
    if isinstance(node, ast.ClassDef):
        return f"class {node.name}"
    arguments = [argument.arg for argument in node.args.posonlyargs + node.args.args]
    return f"{node.name}({', '.join(name for name in arguments if name not in ('self', 'cls'))})"
