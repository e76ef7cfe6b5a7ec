"""A receiver of webhooks on loopback that answers as it is told: fails, hangs, redirects."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@contextmanager
def receiving(
    status: Callable[[int], int] = lambda _: 204, *, hang: float = 0.0, location: str = ""
) -> Iterator[tuple[str, list[dict]]]:
    """Yield the URL and the requests received; `status` gets the number of each, from 0.

    The names of headers are in small letters.
    """
    received: list[dict] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            received.append({"headers": headers, "raw": raw, "body": json.loads(raw)})
            answer = status(len(received) - 1)
            time.sleep(hang)
            self.send_response(answer)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def handle(self):
            with suppress(BrokenPipeError, ConnectionResetError):  # whoever asked did not wait
                super().handle()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/hooks/s3cret-path", received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
