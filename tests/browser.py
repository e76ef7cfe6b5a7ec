"""A headless Chromium for tests, spoken to through a pipe: keys are pressed, pages photographed."""

import base64
import json
import os
import shutil
import subprocess
import time
from fcntl import F_DUPFD_CLOEXEC, fcntl
from pathlib import Path
from typing import Any, Self

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


class Browser:
    """One page of a headless Chromium (Chrome DevTools protocol); a context manager."""

    def __init__(self, profile: Path) -> None:
        self.profile = profile
        self.number = 0
        self.session = ""
        self.unread = b""

    def __enter__(self) -> Self:
        out, self._say = os.pipe()
        self._hear, back = os.pipe()

        def pipes() -> None:
            os.dup2(out, 3)
            os.dup2(back, 4)

        command = [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--remote-debugging-pipe", f"--user-data-dir={self.profile}", "about:blank",
        ]  # fmt: skip
        # Free numbers far from 3 and 4, which the child gets.
        near, (out, back) = (out, back), (fcntl(each, F_DUPFD_CLOEXEC, 64) for each in (out, back))
        self.process = subprocess.Popen(
            command, pass_fds=(3, 4), preexec_fn=pipes, stderr=subprocess.DEVNULL
        )
        for each in (*near, out, back):
            os.close(each)
        try:
            target = self.call("Target.createTarget", url="about:blank")["targetId"]
            self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)[
                "sessionId"
            ]
            self.call("Page.enable")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._say)
        os.close(self._hear)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the result of a command."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self._say, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self.unread:
                heard = os.read(self._hear, 1 << 20)
                assert heard, "Chromium ended"
                self.unread += heard
            first, _, self.unread = self.unread.partition(b"\0")
            answer = json.loads(first)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def look(self, expression: str) -> Any:
        """Return the value of a JavaScript expression."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)[
            "result"
        ].get("value")

    def wait(self, expression: str) -> None:
        """Wait until a JavaScript expression is true."""
        deadline = time.monotonic() + 20
        while not self.look(f"document.readyState === 'complete' && !!({expression})"):
            assert time.monotonic() < deadline, (expression, self.look("document.body.innerText"))
            time.sleep(0.02)

    def open(self, address: str) -> None:
        self.call("Page.navigate", url=address)
        self.wait("location.href !== 'about:blank'")

    def size(self, width: int, height: int, *, dark: bool = False) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def press(self, key: str) -> None:
        """Press and release a key, as a person does."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, text=key)

    def photograph(self, file: Path) -> None:
        shot = self.call("Page.captureScreenshot", format="png")
        file.write_bytes(base64.b64decode(shot["data"]))
