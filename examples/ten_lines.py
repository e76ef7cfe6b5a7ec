"""The shortest script: check a workspace for drift, run a cycle, read the verdict.

python examples/ten_lines.py WORKSPACE
"""

import sys

from pipeline import Workspace

with Workspace.open(sys.argv[1]) as w:
    print("\n".join(w.check().reasons))
    result = w.run()
    print(f"cycle {result.cycle}: {result.outcome}, version {result.champion.version} serves")
    for each in result.verdict.comparisons if result.verdict else ():
        print(f"{each.task}: {each.difference:+.3f}, at least {each.low:+.3f}")
