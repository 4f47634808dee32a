"""The pictures of the live page: ``python docs/screenshots.py`` writes live-light.png and live-dark.png here.

It runs a service whose latencies are drawn at random, ``historian serve``, and Chromium.  It needs Pillow, which comes
with matplotlib.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

from historian import Registry

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests" / "helpers"))
import browser  # noqa: E402

SECONDS = 130  # that the page has watched
WIDTH = 1180  # pixels
COLOURS = 160
ROUTES = ("/", "/users", "/users/{id}", "/carts", "/carts/{id}", "/orders", "/search", "/login")
STEP = 0.1  # seconds between records


def record(directory: Path, stop: threading.Event) -> None:
    """Record as a shop would, whose cache is lost once a minute."""
    draw = np.random.default_rng(7)
    registry = Registry(directory)
    calls = [("http.request", {"method": "GET", "route": route}, 0.004 * (k % 3 + 1), 60 - 6 * k)
             for k, route in enumerate(ROUTES)]  # fmt: skip
    calls += [("sql.query", {"table": table}, 0.0009, 90) for table in ("users", "carts", "orders")]
    calls += [("cache.get", {}, 0.0002, 300)]
    recorders = [(registry.recorder(name, labels=labels), typical, rate) for name, labels, typical, rate in calls]
    sizes = registry.recorder("http.response", unit="bytes")
    began = time.monotonic()
    while not stop.wait(STEP):
        is_cold = (time.monotonic() - began) % 60 > 48
        for recorder, typical, rate in recorders:
            values = typical * draw.lognormal(0, 0.35, rate)
            missed = draw.random(rate) < (0.25 if is_cold else 0.03)
            recorder.record_many(np.where(missed, 12 * values * draw.lognormal(0, 0.3, rate), values))
        sizes.record_many(draw.lognormal(9, 1.2, 60))


def main() -> None:
    """Take both pictures."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        directory, stop = Path(folder, "shop"), threading.Event()
        thread = threading.Thread(target=record, args=(directory, stop))
        thread.start()
        time.sleep(1)
        command = [sys.executable, "-m", "historian", "serve", str(directory), "--port", "0"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            assert process.stderr is not None
            while " is ready" not in (line := process.stderr.readline()):
                assert line, "historian serve has ended"
            look(line.split()[2])
        finally:
            process.kill()
            process.communicate()
            stop.set()
            thread.join()


def look(url: str) -> None:
    """Watch for a while, and write the pictures."""
    with browser.Browser() as found:
        found.look(url, WIDTH)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            found.evaluate("new Promise(done => setTimeout(done, 1000)).then(() => 1)")
        for theme in ("light", "dark"):
            found.look(url, WIDTH, dark=theme == "dark")
            found.wait_until("/ values, /.test(document.getElementById('counted').textContent)")
            found.evaluate("document.getElementById('title').textContent = '/dev/shm/shop'; 1")
            with Image.open(io.BytesIO(found.screenshot_of_all(WIDTH))) as image:
                small = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
                small.save(HERE / f"live-{theme}.png", optimize=True)


if __name__ == "__main__":
    main()
