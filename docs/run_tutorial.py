"""Run every command of a tutorial in an empty folder and rewrite the outputs on the page.

    python docs/run_tutorial.py                # tutorial.md: four minutes on two busy cores
    python docs/run_tutorial.py own-data.md    # another page of docs
    python docs/run_tutorial.py --check        # run the commands, leave the page as it is

In a block marked `console`, a line that begins with "$ " is a command and the lines below it are
its output. A block whose first line names a file, such as "```python ask.py", is that file.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def main() -> None:
    """Run the page and write it back."""
    names = [name for name in sys.argv[1:] if name != "--check"] or ["tutorial.md"]
    file = ROOT / "docs" / names[0]
    page = file.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        told = run_page(page, Path(folder))
        print(f"all commands took {time.monotonic() - began:.0f} s", file=sys.stderr)
    if "--check" not in sys.argv[1:]:
        file.write_text(told, encoding="utf-8")


def run_page(page: str, folder: Path) -> str:
    """Run the commands of a page in a folder and return the page with their outputs.

    Raises
    ------
    subprocess.CalledProcessError
        A command failed.
    """
    environment = _environment(folder)
    (folder / "examples").symlink_to(ROOT / "examples")

    def block(found: re.Match[str]) -> str:
        language, file, content = found.groups()
        if file:
            (folder / file).write_text(content, encoding="utf-8")
        if language != "console":
            return found[0]
        return f"```console\n{''.join(_outputs(content, folder, environment))}```"

    return _BLOCK.sub(block, page)


def _outputs(content: str, folder: Path, environment: dict[str, str]) -> Iterator[str]:
    commands = [line.removeprefix("$ ") for line in content.splitlines() if line.startswith("$ ")]
    for command in commands:
        print(f"$ {command}", file=sys.stderr)
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        yield f"$ {command}\n{done.stdout.replace(f'{folder}{os.sep}', '')}"


def _environment(folder: Path) -> dict[str, str]:
    """Return an environment whose `anchorhold` and `python` are this checkout and interpreter."""
    programs = folder / ".programs"
    programs.mkdir()
    python = shlex.quote(sys.executable)
    for name, arguments in (("python", ""), ("anchorhold", "-m pipeline")):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec {python} {arguments} "$@"\n', encoding="utf-8")
        program.chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HF_HUB_OFFLINE": "1",
    }


if __name__ == "__main__":
    main()
