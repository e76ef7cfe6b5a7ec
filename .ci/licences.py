"""Check the licences of all that an installation with every extra for users brings.

Tools of developers are not handed on to anybody and are not checked.
"""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
NOT_FOR_USERS = {"dev", "test-models"}
ALLOWED = {
    *("0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause"),
    *("BSL-1.0", "CC0-1.0", "CNRI-Python", "MIT", "MIT-0", "MIT-CMU", "PSF-2.0", "Zlib"),
    # Names of the same licences before there were identifiers.
    *("3-Clause BSD License", "Apache 2.0", "Apache 2.0 License", "Apache License, Version 2.0"),
    *("Apache Software License", "BSD License", "ISC License (ISCL)", "MIT License"),
    "Python Software Foundation License",
}
KNOWN = {
    "certifi": "MPL-2.0: only changes of its own files must be published",
    "tqdm": "MPL-2.0 AND MIT: as certifi",
    "psycopg": "LGPL-3.0-only: imported unchanged, and only with the extra postgres",
    "psycopg-binary": "LGPL-3.0-only: as psycopg",
    "huey": "its LICENSE is MIT; its metadata does not say so",
    "skops": "its LICENSE is MIT; its metadata does not say so",
}
"""Package -> why it may be used although its metadata names none of the licences above."""


def users_extras() -> set[str]:
    """Return the extras of this package that are for users."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {*project["optional-dependencies"]} - NOT_FOR_USERS


def brought(package: str, extras: Iterable[str]) -> set[str]:
    """Return the names of all packages that installing one brings on this machine."""
    found: dict[str, frozenset[str]] = {}
    left = [(canonicalize_name(package), frozenset(extras))]
    while left:
        name, asked = left.pop()
        known = found.get(name)
        if known is not None and asked <= known:
            continue
        found[name] = asked | (known or frozenset())
        try:
            needed = [Requirement(each) for each in requires(name) or ()]
        except PackageNotFoundError:
            sys.exit(
                f"{name} is not installed, so that its licence cannot be checked: make install"
            )
        left += [
            (canonicalize_name(each.name), frozenset(each.extras))
            for each in needed
            if each.marker is None
            or any(each.marker.evaluate({"extra": extra}) for extra in ("", *asked))
        ]
    return {*found} - {package}


def refused(licences: Iterable[dict[str, str]]) -> list[str]:
    """Return a sentence for each package with a licence that is neither allowed nor known."""
    return [
        f"{each['Name']} {each['Version']}: {each['License'].strip().splitlines()[0]}"
        for each in licences
        if canonicalize_name(each["Name"]) not in KNOWN
        and not {*re.split(r" AND | OR |; ", each["License"])} <= ALLOWED
    ]


def main() -> None:
    """Print what is wrong and fail, or say how many were checked."""
    names = sorted(brought("anchorhold", users_extras()))
    command = [sys.executable, "-m", "piplicenses", "--from=mixed", "--format=json", "--packages"]
    found = json.loads(subprocess.run([*command, *names], check=True, capture_output=True).stdout)
    wrong = refused(found)
    for each in wrong:
        print(f"licence: {each}")
    if wrong:
        sys.exit("these licences are not allowed; see .ci/licences.py")
    print(f"licences: {len(found)} packages checked")


if __name__ == "__main__":
    main()
