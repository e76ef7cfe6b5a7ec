"""Search and feedback over HTTP."""

import httpx

from pipeline import Workspace


def test_search_finds_what_the_index_of_the_version_finds(url, indexed_once):
    answer = httpx.post(f"{url}/search", json={"query": "where is my card", "k": 5})
    found = answer.json()
    with Workspace.open(indexed_once) as workspace:
        expected = workspace.search("where is my card", as_of=2, k=5)
    assert [each["id"] for each in found["results"]] == [each.id for each in expected.found]
    assert found["results"][0]["title"].startswith("title ")
    assert found["version"] == 2
    assert answer.headers["x-anchorhold-version"] == "2"
    assert len(found["query_id"]) == 32


def test_a_search_may_not_ask_for_too_much(url):
    refused = httpx.post(f"{url}/search", json={"query": "a", "k": 101})
    assert refused.status_code == 422
    assert "at most 100" in refused.json()["error"]["message"]
