"""Pairs from documentation: real text, the same on every run, nothing imported."""

import subprocess
import sys

from pipeline.demo.docstrings import documentation_pairs


def test_pairs_are_sentences_with_their_passages():
    pairs = documentation_pairs(["numpy"], most=50)
    assert len(pairs) == 50
    for pair in pairs:
        assert pair.source == "numpy"
        assert 20 <= len(pair.query) <= 200
        assert "\n" not in pair.query + pair.positive
        assert len(pair.positive) <= 300
    assert len({pair.query for pair in pairs}) == 50
    assert len({pair.id for pair in pairs}) == 50


def test_the_same_installation_gives_the_same_pairs():
    assert documentation_pairs(["rich"], most=30) == documentation_pairs(["rich"], most=30)


def test_packages_get_equal_shares_and_a_missing_one_is_passed_over():
    pairs = documentation_pairs(["rich", "no_such_package", "typer"], most=60)
    sources = [pair.source for pair in pairs]
    assert sources.count("rich") == 20
    assert 0 < sources.count("typer") <= 20
    assert "no_such_package" not in sources


def test_nothing_is_imported():
    code = (
        "import sys\n"
        "from pipeline.demo.docstrings import documentation_pairs\n"
        "documentation_pairs(['matplotlib'], most=5)\n"
        "assert 'matplotlib' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
