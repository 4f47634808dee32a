"""Headless Chromium, driven over a pipe by the DevTools protocol: what a page logs, what it misses, its width."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from typing import Any

#: Answers with each text of less contrast to its background than `least`: WCAG's ratio, and the text.
CONTRAST = """
(least => {
  const parsed = text => {
    const [r, g, b, alpha = 1] = (text.match(/[\\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
    return text.startsWith('color(srgb') ? [255 * r, 255 * g, 255 * b, alpha] : [r, g, b, alpha];
  };
  const over = (above, below) => [0, 1, 2].map(k => above[k] * above[3] + below[k] * (1 - above[3])).concat(1);
  const light = colour => {
    const [r, g, b] = colour.map(x => x / 255 <= 0.03928 ? x / 255 / 12.92 : ((x / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement, style = getComputedStyle(element), range = new Range();
    range.selectNodeContents(walk.currentNode);
    const isShown = range.getBoundingClientRect().width && style.visibility !== 'hidden';
    if (!walk.currentNode.data.trim() || !isShown) continue;
    let below = [], alpha = 1, ground = [255, 255, 255, 1];
    for (let outer = element; outer; outer = outer.parentElement) {
      below.unshift(parsed(getComputedStyle(outer).backgroundColor));
      alpha *= getComputedStyle(outer).opacity;
    }
    for (const one of below) ground = over(one, ground);
    const ink = parsed(element instanceof SVGElement ? style.fill : style.color);
    const lights = [light(over([ink[0], ink[1], ink[2], ink[3] * alpha], ground)), light(ground)];
    const ratio = (Math.max(...lights) + 0.05) / (Math.min(...lights) + 0.05);
    if (ratio < least && alpha) found.push(`${ratio.toFixed(2)} ${walk.currentNode.data.trim().slice(0, 60)}`);
  }
  return found;
})"""

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
LIMIT = 60  # seconds for one page


def find() -> str | None:
    """Return the path of Chromium, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


@dataclass
class Page:
    """What a browser says of a page."""

    errors: list[str] = field(default_factory=list)  # of the console, of scripts, of requests
    missing: list[str] = field(default_factory=list)  # images that have no pixels
    width: int = 0  # of the window, in CSS pixels
    needed: int = 0  # of what is in the page
    background: str = ""
    screenshot: bytes = b""


class Browser:
    """A Chromium process; use it in a ``with`` block."""

    def __enter__(self) -> Browser:
        path = find()
        if path is None:
            raise FileNotFoundError(f"no Chromium: none of {', '.join(NAMES)} is on PATH")
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()

        def place() -> None:
            first, second = (fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (to_read, to_write))  # neither is 3 or 4
            os.dup2(first, 3)
            os.dup2(second, 4)

        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
        self._process = subprocess.Popen(
            [path, *options, "--remote-debugging-pipe", f"--user-data-dir={self._folder.name}", "about:blank"],
            preexec_fn=place,
            close_fds=False,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._number, self._buffer, self._events = 0, b"", list[dict[str, Any]]()
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")
        return self

    _session: str | None = None

    def __exit__(self, *exception: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)  # with its helpers
        self._process.wait()
        os.close(self._read)
        os.close(self._write)
        self._folder.cleanup()

    def look(self, url: str, width: int, *, dark: bool = False, full: bool = False, top: int = 0) -> Page:
        """Load a page at a width, and return what there is to say of it.  `full`: the screenshot shows all of it."""
        height = 844 if width < 600 else 900
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        theme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self._call("Emulation.setEmulatedMedia", features=theme)
        self._call("Page.navigate", url="about:blank")
        self._events.clear()
        self._call("Page.navigate", url=url)
        self._wait_for("Page.loadEventFired")
        self.evaluate("Promise.all([document.fonts.ready, new Promise(done => setTimeout(done, 200))]).then(() => 1)")
        if top:
            self.evaluate(f"window.scrollTo(0, {top}); new Promise(done => setTimeout(done, 300)).then(() => 1)")
        page = Page(errors=self.errors(), width=width)
        page.missing = self.evaluate(
            "[...document.images].filter(i => i.offsetParent !== null && !i.naturalWidth).map(i => i.src)"
        )
        page.needed = self.evaluate("document.documentElement.scrollWidth")
        page.background = self.evaluate("getComputedStyle(document.body).backgroundColor")
        page.screenshot = self._screenshot(width, full)
        return page

    def screenshot_of_all(self, width: int) -> bytes:
        """Return the page as it is now, as PNG."""
        return self._screenshot(width, True)

    def _screenshot(self, width: int, full: bool) -> bytes:
        shot = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=full, **self._clip(width, full))
        return base64.b64decode(shot["data"])

    def _clip(self, width: int, full: bool) -> dict[str, Any]:
        if not full:
            return {}
        height = self.evaluate("document.documentElement.scrollHeight")
        return {"clip": {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}}

    def errors(self) -> list[str]:
        """Return what the browser has complained about since the page was loaded."""
        return [text for event in self._events if (text := complaint(event))]

    def wait_until(self, expression: str) -> Any:
        """Return the value of an expression in the page once it is true."""
        end = time.monotonic() + LIMIT
        while not (found := self.evaluate(expression)):
            if time.monotonic() > end:
                raise TimeoutError(f"not true in {LIMIT} s: {expression}")
            self.evaluate("new Promise(done => setTimeout(done, 50)).then(() => 1)")
        return found

    def point(self, x: float, y: float) -> None:
        """Move the pointer to a place of the window, in CSS pixels."""
        self._call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def press(self, key: str) -> None:
        """Press and release a key that has a name, such as Tab."""
        code = {"Tab": 9, "Enter": 13, "End": 35, "Home": 36, "ArrowRight": 39, "ArrowUp": 38, "ArrowDown": 40}[key]
        more = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self._call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **more)

    def faint(self, least: float) -> list[str]:
        """Return the texts of the page whose contrast is below `least`, as WCAG 2 defines it."""
        found: list[str] = self.evaluate(f"{CONTRAST}({least})")
        return found

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression of JavaScript in the page."""
        found = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return found["result"].get("value")

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + LIMIT
        while True:
            answer = self._next(end)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result
            self._events.append(answer)

    def _wait_for(self, method: str) -> None:
        end = time.monotonic() + LIMIT
        while not any(event.get("method") == method for event in self._events):
            self._events.append(self._next(end))

    def _next(self, end: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            part = os.read(self._read, 1 << 20) if ready else b""
            if not part:
                raise TimeoutError(f"Chromium did not answer in {LIMIT} s" if not ready else "Chromium has ended")
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


def complaint(event: dict[str, Any]) -> str | None:
    """Return what an event complains about, or None."""
    found = event.get("params", {})
    match event.get("method"):
        case "Runtime.exceptionThrown":
            return str(found["exceptionDetails"].get("exception", {}).get("description", found["exceptionDetails"]))
        case "Runtime.consoleAPICalled" if found["type"] in ("error", "assert"):
            return " ".join(str(one.get("value", one.get("description"))) for one in found["args"])
        case "Log.entryAdded" if found["entry"]["level"] == "error":
            return f"{found['entry']['text']} {found['entry'].get('url', '')}"
        case "Network.loadingFailed" if not found.get("canceled"):
            return f"{found['type']}: {found['errorText']}"
    return None
