"""The guard: who is let in, how much, how long."""

import shutil
import socket
import time

import httpx
import psutil
import pytest
from serving import serving, wait_until_ready

from pipeline import Workspace
from pipeline.service.guard import host_of
from pipeline.workspace import Serve
from training.faults import DataFault

TOKEN = "a-long-random-token"
SEARCH = {"query": "my card"}


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil:80",
        "[::2]",
        "",
        "a b",
        "localhost:x",
    ],
)
def test_another_host_is_refused(url, host):
    answer = httpx.get(f"{url}/health", headers={"Host": host})
    assert answer.status_code in ((400, 403) if host in ("", "a b") else (403,))


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1:99", "[::1]:8080", "[::1]"]
)
def test_names_of_this_machine_are_let_in_with_any_port(url, host):
    assert httpx.get(f"{url}/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "text", ["[", "]", "[]", ":", "[]:", "::", "[[::1]]", "\x00:1", "é:é", "a:٣"]
)
def test_no_text_in_a_host_header_is_a_name_of_this_machine_by_accident(text):
    assert host_of(text) not in Serve().hosts


def test_a_token_is_asked_for_where_one_is_set(indexed, monkeypatch):
    monkeypatch.setenv("ANCHORHOLD_TOKEN", TOKEN)
    with serving(indexed) as url, httpx.Client(base_url=url) as http:
        wait_until_ready(url)  # without a token, as a probe
        good = [{"Authorization": f"Bearer {TOKEN}"}, {"x-api-key": TOKEN}]
        bad = [{}, {"Authorization": "Bearer no"}, {"x-api-key": "é".encode()}, {"x-api-key": ""}]
        bad.append({"Authorization": TOKEN})
        for headers in good:
            assert http.post("/search", json=SEARCH, headers=headers).status_code == 200
        for headers in bad:
            refused = http.post("/search", json=SEARCH, headers=headers)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"] == "Bearer"
            assert refused.headers["x-anchorhold-version"] == "2"
        assert http.get("/metrics").status_code == 401


def test_an_address_that_others_reach_needs_a_token(indexed):
    with (
        Workspace.open(indexed) as workspace,
        pytest.raises(DataFault, match=r"no token is set.*ANCHORHOLD_TOKEN"),
    ):
        workspace.serve(host="0.0.0.0", port=0)


def test_a_port_that_is_in_use_is_named(indexed):
    with socket.socket() as taken, Workspace.open(indexed) as workspace:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(DataFault, match="cannot listen on"):
            workspace.serve(port=taken.getsockname()[1])


def test_too_much_is_refused_and_memory_stays_flat(url):
    process = psutil.Process()
    json = {"Content-Type": "application/json"}
    large = b'{"input": "' + b"x" * 10_000_000 + b'"}'

    def chunks():
        for _ in range(100):
            yield b"x" * 100_000

    with httpx.Client(base_url=url, timeout=30) as http:
        assert http.post("/v1/embeddings", content=large, headers=json).status_code == 413
        before = process.memory_info().rss
        for _ in range(10):
            assert http.post("/v1/embeddings", content=large, headers=json).status_code == 413
            assert http.post("/v1/embeddings", content=chunks(), headers=json).status_code == 413
        many = http.post("/v1/embeddings", json={"input": ["a"] * 10_000})
        long = http.post("/v1/embeddings", json={"input": "a" * 50_000})
        assert (many.status_code, long.status_code) == (422, 422)
        assert "10000 texts" in many.json()["error"]["message"]
    assert process.memory_info().rss - before < 30_000_000


def test_what_is_no_json_is_refused_so_that_no_page_can_send_it_unasked(url):
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = httpx.post(f"{url}/feedback", content=b"{}", headers={"Content-Type": kind})
        assert answer.status_code == 415
    options = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = httpx.options(f"{url}/search", headers=options)
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_faults_quote_no_text_of_the_user(url):
    secret = "my-secret-7431"
    bodies = [{"query": [secret]}, {"query": secret, "k": secret}, {"query": secret, "k": 0}]
    bodies += [{"query": secret * 5000}, {secret: secret}]
    for body in bodies:
        answer = httpx.post(f"{url}/search", json=body)
        assert answer.status_code == 422
        assert secret not in answer.text
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


@pytest.fixture(scope="module")
def impatient(tmp_path_factory, indexed_once):
    space = shutil.copytree(indexed_once, tmp_path_factory.mktemp("impatient") / "space")
    settings = space / "anchorhold.toml"
    settings.write_text(settings.read_text() + "timeout_seconds = 0.4\n")
    with serving(space) as url:
        wait_until_ready(url)
        yield url


def raw(url, *parts, pause=0.0):
    """Send bytes part by part; return what comes back until the connection is closed."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        found = b""
        try:
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
            while part := connection.recv(65536):
                found += part
        except ConnectionError:
            pass
    return found


def test_a_body_that_does_not_arrive_ends_with_408(impatient):
    head = b"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    began = time.monotonic()
    found = raw(impatient, head + b"Content-Length: 100\r\n\r\n{")
    assert found.startswith(b"HTTP/1.1 408")
    assert time.monotonic() - began < 5


def test_headers_that_do_not_arrive_end_the_connection(impatient):
    began = time.monotonic()
    assert raw(impatient, b"GET /health HT", b"TP/1.1\r\n", b"Host: loc", pause=0.2) == b""
    assert time.monotonic() - began < 5


def test_two_hosts_or_a_senseless_length_are_refused(url):
    twice = raw(
        url, b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\nConnection: close\r\n\r\n"
    )
    assert twice.split()[1] in (b"400", b"403")
    length = b"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n"
    assert raw(url, length).split()[1] in (b"400", b"413")
