"""Look up known vulnerabilities of the pinned packages, and never pass for checked what was not.

pip-audit counts a package that its service does not know as skipped and ends well, which is also
what happens where a mirror answers instead of the service.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SECONDS = 300


def told(answer: dict[str, Any] | None) -> tuple[list[str], list[str], int]:
    """Return what is vulnerable, what was not checked, and the number of packages that were.

    Parameters
    ----------
    answer
        The JSON of pip-audit; None where it gave none.
    """
    packages = answer["dependencies"] if answer else []
    checked = [each for each in packages if "skip_reason" not in each]
    vulnerable = [
        f"{each['name']} {each['version']}: {fault['id']}, fixed in "
        f"{', '.join(fault['fix_versions']) or 'no version'}"
        for each in checked
        for fault in each["vulns"]
    ]
    return vulnerable, [each["name"] for each in packages if "skip_reason" in each], len(checked)


def asked() -> dict[str, Any] | None:
    """Return the answer of pip-audit; None where the service cannot be reached."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(ROOT / "constraints.txt")]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "answer.json")
        options = ["--no-deps", "--disable-pip", "--timeout=10", "--progress-spinner=off"]
        try:
            subprocess.run(
                [*command, *options, "--format=json", f"--output={file}"],
                check=False,
                capture_output=True,
                timeout=SECONDS,
            )
            answer: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        except (subprocess.TimeoutExpired, OSError, ValueError):
            return None
    return answer


def main() -> None:
    """Print the result; fail where something is vulnerable or, with --all, was not checked."""
    vulnerable, unchecked, count = told(asked())
    for each in vulnerable:
        print(f"vulnerable: {each}")
    if not count:
        print(
            "vulnerabilities: NOT CHECKED, as no service with advisories can be reached from here"
        )
    else:
        print(f"vulnerabilities: {count} packages checked, {len(vulnerable)} found")
        for each in unchecked:
            print(f"NOT CHECKED: {each}, which the service does not know")
    if vulnerable or ("--all" in sys.argv[1:] and (unchecked or not count)):
        sys.exit(1)


if __name__ == "__main__":
    main()
