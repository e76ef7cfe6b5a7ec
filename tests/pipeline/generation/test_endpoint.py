import time

import pytest
from answering import answering, completion

from pipeline.generation.endpoint import Endpoint, EndpointFault

ASKED = [{"role": "user", "content": "hello"}]


def test_it_sends_model_messages_and_key_and_returns_the_text():
    with answering(lambda body: completion(body["messages"][0]["content"].upper())) as (url, got):
        assert Endpoint(url, "local", "secret").ask(ASKED, tokens=7) == "HELLO"
    assert got[0]["path"] == "/v1/chat/completions"
    assert (got[0]["model"], got[0]["max_tokens"]) == ("local", 7)
    assert got[0]["headers"]["Authorization"] == "Bearer secret"


def test_without_a_key_none_is_sent():
    with answering(lambda _: completion("x")) as (url, got):
        Endpoint(url, "local").ask(ASKED, tokens=7)
    assert "Authorization" not in got[0]["headers"]


def test_the_key_is_not_shown():
    assert "secret" not in repr(Endpoint("http://127.0.0.1:1/v1", "local", "secret"))


def test_a_busy_server_is_asked_again():
    replies = iter([(503, "busy"), (429, "slow down"), completion("here")])
    with answering(lambda _: next(replies)) as (url, got):
        assert Endpoint(url, "local").ask(ASKED, tokens=7) == "here"
    assert len(got) == 3


def test_a_server_that_is_not_there_is_named_within_seconds():
    started = time.monotonic()
    with pytest.raises(EndpointFault, match=r"http://127\.0\.0\.1:1/v1/chat/completions cannot"):
        Endpoint("http://127.0.0.1:1/v1", "local").ask(ASKED, tokens=7)
    assert time.monotonic() - started < 15


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ((401, "no such key"), "401 .*key is read from the environment.*: no such key"),
        ((404, "no such model"), "404 .*: no such model"),
        ((200, "<html>hello</html>"), "format of chat completions"),
        ((200, "[1, 2]"), "format of chat completions"),
        ((200, '{"choices": [{"message": {"content": null}}]}'), "format of chat completions"),
    ],
)
def test_what_it_refuses_is_told_in_one_sentence(reply, told):
    with answering(lambda _: reply) as (url, _), pytest.raises(EndpointFault, match=told) as fault:
        Endpoint(url, "local").ask(ASKED, tokens=7)
    assert "\n" not in str(fault.value)


def test_a_redirection_is_not_followed():
    with answering(lambda _: completion("elsewhere")) as (other, got):
        target = f"{other}/chat/completions"
        with (
            answering(lambda _: (307, target)) as (url, _),
            pytest.raises(EndpointFault, match="307"),
        ):
            Endpoint(url, "local", "secret").ask(ASKED, tokens=7)
    assert got == []
