"""Spark and a registered version: the vectors of a table are those of the champion."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import Workspace

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_spark_encodes_a_table_as_the_champion_does(turned, tmp_path):
    pytest.importorskip("pyspark", reason="pyspark is not installed")
    if not shutil.which("java"):
        pytest.skip("Java is not installed")
    texts = [f"where is my card {number}" for number in range(40)]
    pq.write_table(pa.table({"text": texts}), tmp_path / "texts.parquet")
    with Workspace.open(turned) as workspace:
        tracking = workspace.settings.tracking_uri
        expected = workspace.encoder("champion").encode(texts)
    places = [f"file://{tmp_path}/{name}.parquet" for name in ("texts", "vectors")]
    script = ROOT / "examples" / "spark_encode.py"
    subprocess.run(
        [sys.executable, script, tracking, "models:/tiny-search@champion", *places],
        env={**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"},
        check=True,
    )
    made = pq.read_table(tmp_path / "vectors.parquet").to_pydict()
    rows = [texts.index(text) for text in made["text"]]
    np.testing.assert_allclose(np.array(made["vector"]), expected[rows], atol=1e-5)
