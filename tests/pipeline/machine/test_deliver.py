"""Delivering one message: a signed webhook and a command, each bounded in time and size."""

import base64
import hashlib
import hmac
import json
import socket
import sys
import threading
import time
from pathlib import Path

import pytest
from receiving import receiving

from pipeline.machine.deliver import LARGEST_BODY, NotDelivered, Receiver

BODY = json.dumps({"type": "test", "data": {"text": "für – 𝒳"}}).encode()
ID = "msg_1"


def told(receiver, way="webhook", body=BODY, variables=None, root=Path()):
    receiver.deliver(way, ID, body, variables or {}, root)


def failing(receiver, way="webhook", **more):
    with pytest.raises(NotDelivered) as fault:
        told(receiver, way, **more)
    return str(fault.value)


@pytest.mark.parametrize(
    ("key", "secret"),
    [("plain key", b"plain key"), ("whsec_" + base64.b64encode(b"k" * 24).decode(), b"k" * 24)],
)
def test_a_webhook_is_posted_as_it_is_and_its_signature_can_be_verified(monkeypatch, key, secret):
    monkeypatch.setenv("HOOK_KEY", key)
    with receiving() as (url, received):
        told(Receiver(webhook=url, key_variable="HOOK_KEY"))
    (got,) = received
    headers = got["headers"]
    assert got["raw"] == BODY
    assert headers["webhook-id"] == ID
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    signed = f"{ID}.{headers['webhook-timestamp']}.".encode() + got["raw"]
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_without_a_key_variable_nothing_is_signed():
    with receiving() as (url, received):
        told(Receiver(webhook=url))
    assert not any("signature" in name for name in received[0]["headers"])


def test_a_named_key_that_is_missing_or_broken_sends_nothing(monkeypatch):
    with receiving() as (url, received):
        monkeypatch.delenv("HOOK_KEY", raising=False)
        assert "HOOK_KEY" in failing(Receiver(webhook=url, key_variable="HOOK_KEY"))
        monkeypatch.setenv("HOOK_KEY", "whsec_%%%")
        message = failing(Receiver(webhook=url, key_variable="HOOK_KEY"))
    assert "not base64" in message
    assert "%%%" not in message
    assert received == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirection_is_not_followed(status):
    with (
        receiving() as (other, elsewhere),
        receiving(lambda _: status, location=other) as (url, received),
    ):
        message = failing(Receiver(webhook=url))
    assert f"answered {status}" in message
    assert "not followed" in message
    assert (len(received), len(elsewhere)) == (1, 0)


def test_a_refusal_is_told_without_the_path_that_may_be_secret():
    with receiving(lambda _: 500) as (url, _):
        message = failing(Receiver(webhook=url))
    assert "500" in message
    assert "s3cret" not in message


def test_nobody_there_is_told_without_the_path_and_the_password():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    message = failing(Receiver(webhook=f"http://user:pass@127.0.0.1:{port}/s3cret?token=t0ken"))
    assert f"127.0.0.1:{port}" in message
    for secret in ("s3cret", "t0ken", "pass", "user"):
        assert secret not in message


def test_a_receiver_that_hangs_costs_its_time_and_no_more():
    began = time.monotonic()
    with receiving(hang=5) as (url, _):
        assert "within 0.3 s" in failing(Receiver(webhook=url, seconds=0.3))
    assert time.monotonic() - began < 3


def test_a_receiver_that_drips_costs_its_time_and_no_more():
    listening = socket.create_server(("127.0.0.1", 0))

    def drip():
        connection, _ = listening.accept()
        with connection:
            for letter in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20:
                try:
                    connection.sendall(bytes([letter]))
                except OSError:
                    return
                time.sleep(0.1)

    threading.Thread(target=drip, daemon=True).start()
    began = time.monotonic()
    port = listening.getsockname()[1]
    message = failing(Receiver(webhook=f"http://127.0.0.1:{port}/", seconds=0.4))
    listening.close()
    assert "within 0.4 s" in message
    assert time.monotonic() - began < 2


def test_a_message_that_is_too_large_is_not_sent():
    with receiving() as (url, received):
        assert "at most" in failing(Receiver(webhook=url), body=b"x" * (LARGEST_BODY + 1))
    assert received == []


def python(code):
    return (sys.executable, "-c", code)


def test_a_command_gets_the_message_and_the_variables_without_a_shell(tmp_path):
    code = "import os, sys; open('told', 'wb').write(sys.stdin.buffer.read() + os.environb[b'N'])"
    receiver = Receiver(command=(*python(code), "$(touch shell)", "; touch shell"))
    told(receiver, "command", variables={"N": "a 'b' $c"}, root=tmp_path)
    assert (tmp_path / "told").read_bytes() == BODY + b"a 'b' $c"
    assert not (tmp_path / "shell").exists()


def test_a_command_that_reads_nothing_and_writes_much_is_fine():
    code = "import sys; sys.stdout.write('x' * 10_000_000); sys.stderr.write('y' * 10_000_000)"
    told(Receiver(command=python(code)), "command", body=b"z" * 200_000)


def test_a_command_that_fails_is_told_with_the_end_of_its_errors():
    code = "import sys; print('x' * 100_000, file=sys.stderr); sys.exit('no such index')"
    message = failing(Receiver(command=python(code)), "command")
    assert message.endswith("ended with status 1: no such index")


def test_a_command_that_is_not_there_is_named():
    assert "./no-such" in failing(Receiver(command=("./no-such",)), "command")


def test_a_command_that_hangs_is_stopped_with_all_that_it_started(tmp_path):
    code = (
        "import subprocess, sys, time\n"
        'child = \'import time; time.sleep(1.5); open("late", "w")\'\n'
        "subprocess.Popen([sys.executable, '-c', child])\n"
        "time.sleep(60)"
    )
    began = time.monotonic()
    receiver = Receiver(command=python(code), seconds=0.7)
    assert "within 0.7 s" in failing(receiver, "command", root=tmp_path)
    assert time.monotonic() - began < 3
    time.sleep(1.5)
    assert not (tmp_path / "late").exists()
