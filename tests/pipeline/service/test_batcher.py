"""The batcher: many requests, few passes, each answered with its own vectors."""

import asyncio
import threading

import numpy as np
import pytest

from pipeline.service.batcher import Batcher
from pipeline.service.faults import Refused
from pipeline.service.metrics import Metrics
from pipeline.service.pair import Served
from training.encoding import Encoder


class Watched(Encoder):
    """A real encoder that notes its passes, and can be held up."""

    def encode_pass(self, texts, *, kind="query"):
        self.passes.append(list(texts))
        self.begun.set()
        assert self.free.wait(30)
        return super().encode_pass(texts, kind=kind)


@pytest.fixture
def watched(tiny_model):
    encoder = Watched.load(tiny_model, max_length=32)
    encoder.passes, encoder.begun, encoder.free = [], threading.Event(), threading.Event()
    encoder.free.set()
    return encoder


def together(encoder, requests, *, hold=False, **options):
    """Answer requests, each a list of texts, at once; return their vectors or faults."""
    batcher = Batcher(Metrics(), **options)
    served = Served(1, encoder)

    async def ask(texts):
        counts = encoder.token_counts(texts)
        return (await batcher.encode(served, texts, "query", counts)).vectors

    async def ask_all():
        if hold:
            # The first request keeps the model busy until all others wait.
            encoder.free.clear()
            first = asyncio.create_task(ask(["the first"]))
            await asyncio.to_thread(encoder.begun.wait, 30)
            asyncio.get_running_loop().call_later(0.1, encoder.free.set)
        found = await asyncio.gather(*map(ask, requests), return_exceptions=True)
        if hold:
            await first
        return found

    batcher.start()
    try:
        return asyncio.run(ask_all())
    finally:
        encoder.free.set()
        batcher.close()


def test_requests_that_wait_share_a_pass_and_get_their_own_vectors(watched):
    requests = [[f"my card {number}", "where is it"] for number in range(12)]
    found = together(watched, requests, hold=True)
    assert len(watched.passes) <= 3
    for texts, vectors in zip(requests, found, strict=True):
        np.testing.assert_allclose(vectors, watched.encode(texts), atol=1e-6)


def test_equal_texts_in_flight_are_encoded_once(watched):
    found = together(watched, [["my card", "my card"]] * 5, hold=True)
    assert sum(each.count("my card") for each in watched.passes) == 1
    assert all((vectors == found[0][0]).all() for vectors in found)


def test_a_request_with_many_texts_does_not_hold_up_a_short_one(watched):
    many = [f"text number {number}" for number in range(400)]
    together(watched, [many, ["a short one"]], hold=True, batch_tokens=256)
    place = next(row for row, each in enumerate(watched.passes) if "a short one" in each)
    assert place <= 3
    assert len(watched.passes) > 10


def test_more_than_may_wait_is_refused_with_503(watched):
    found = together(watched, [["my card"], ["some other text"] * 3], hold=True, waiting_tokens=8)
    refused = [each for each in found if isinstance(each, Refused)]
    assert refused
    assert {each.status_code for each in refused} == {503}
    assert refused[0].headers["retry-after"] == "1"


def test_a_text_that_fails_fails_alone(watched, monkeypatch):
    sound = watched.encode(["my card"])
    whole = Encoder.encode_pass

    def broken(self, texts, *, kind="query"):
        if "poison" in texts:
            raise RuntimeError("poison")
        return whole(self, texts, kind=kind)

    monkeypatch.setattr(Encoder, "encode_pass", broken)
    found = together(watched, [["my card"], ["poison"]], hold=True)
    np.testing.assert_allclose(found[0], sound, atol=1e-6)
    assert isinstance(found[1], RuntimeError)
