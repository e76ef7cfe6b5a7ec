"""What the processes of `ready_process` are forked with; nothing is computed, no thread begun."""

import os
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"
# It begins a thread, and begins it anew in every process that is forked.
warnings.filterwarnings("ignore", message="lancedb fork support is experimental")

from pipeline.registry.environment import private_import, quiet_environment  # noqa: E402

quiet_environment()
with private_import():
    pass

import importlib  # noqa: E402

for name in (
    "lancedb",
    "lancedb.index",
    "pipeline.commands.cli",
    "pipeline.operations",
    "pipeline.reports.progress",
    "pipeline.reports.terminal",
    "pipeline.search.lance_tables",
    "pipeline.service.loading",
    "pyarrow.parquet",
    "rich.progress",
    "scipy.stats",
    "sentence_transformers",
    "sklearn.cluster",
    "training.acceleration",
    "training.encoding",
    "training.finetuning",
    "transformers.models.bert.modeling_bert",
    "transformers.models.bert.tokenization_bert",
):
    importlib.import_module(name)
