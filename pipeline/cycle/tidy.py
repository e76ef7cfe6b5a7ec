"""What a finished cycle leaves: reports stay, what the registry holds too is removed."""

import shutil

from pipeline.cycle.indexing import Indexing
from pipeline.cycle.stages import STAGED
from pipeline.workspace import OpenWorkspace
from training.encoding import prune_cache


def tidy(opened: OpenWorkspace) -> None:
    """Remove what the registry holds now, after kills too; the reports stay.

    Vectors stay of the versions that are asked for every day; others would be encoded again.
    """
    origin = opened.versions.origin()
    versions = [each for each in opened.registry.versions() if each.aliases]
    versions += [origin] if origin else []
    known = [each.tags.get("anchorhold.fingerprint", "") for each in versions]
    prune_cache(opened.encoders.cache, [each for each in known if each])
    Indexing(opened).tidy()
    shutil.rmtree(opened.settings.state / STAGED, ignore_errors=True)
    for left in (opened.settings.state / "cycles").glob("*/*"):
        if left.name in ("base", "attempts", "version") or left.name.endswith(".partial"):
            shutil.rmtree(left, ignore_errors=True)
