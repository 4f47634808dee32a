"""A Prometheus server of this machine that scrapes one target: start it, ask it, end it."""

import json
import re
import shutil
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("prometheus")
PATIENCE = 60.0  # seconds until something that must happen has happened


class Prometheus:
    """A server on a port that the system picks.  `native` says whether it reads native histograms."""

    def __init__(self, folder: Path, target: str, *, native: bool) -> None:
        assert PROGRAM is not None
        shown = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)
        self.version = tuple(map(int, re.search(r"version (\d+)\.(\d+)", shown.stdout + shown.stderr).groups()))  # type: ignore[union-attr]
        folder.mkdir()
        config = folder / "prometheus.yml"
        by_config = "    scrape_native_histograms: true\n" if native and self.version >= (3, 8) else ""
        config.write_text(
            "global:\n  scrape_interval: 250ms\n  scrape_timeout: 250ms\n"
            "scrape_configs:\n  - job_name: tested\n"
            f"{by_config}    static_configs:\n      - targets: ['{target}']\n"
        )
        command = [PROGRAM, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
        command += ["--web.listen-address=127.0.0.1:0", "--log.level=info"]
        features = ["exemplar-storage", *(["native-histograms"] if native and self.version < (3, 8) else [])]
        command.append(f"--enable-feature={','.join(features)}")
        self.log: list[str] = []
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self._port = 0
        found = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(found,), daemon=True)
        self._reader.start()
        if not found.wait(PATIENCE) or not self._port:
            self.end()
            raise AssertionError(f"Prometheus did not start: {self.log}")

    def _read(self, found: threading.Event) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.log.append(line.rstrip())
            match = re.search(r"Listening on.*address=127\.0\.0\.1:(\d+)", line)
            if match:
                self._port = int(match[1])
                found.set()
        found.set()

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self._process.stderr.close()

    def ask(self, query: str) -> list[dict[str, Any]]:
        """Return the result of a query at this moment."""
        url = f"http://127.0.0.1:{self._port}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return result

    def exemplars(self, query: str) -> dict[float, dict[str, Any]]:
        """Return the exemplars of the series of a query, by value: with their labels, times, and the series' labels."""
        now = time.time()
        given = urllib.parse.urlencode({"query": query, "start": now - 3600, "end": now + 60})
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/api/v1/query_exemplars?{given}") as answer:
            data = json.load(answer)["data"]
        return {
            float(one["value"]): {**one, "series": found["seriesLabels"]}
            for found in data
            for one in found["exemplars"]
        }

    def number(self, query: str) -> float | None:
        """Return the only number of a query; None if there is none."""
        found = self.ask(query)
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else None

    def wait(self, query: str, wanted: float | None) -> None:
        """Wait until a query has this result."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                found = self.number(query)
            except OSError:  # it is about to start
                found = float("nan")
            if found == wanted:
                return
            time.sleep(0.1)
        raise AssertionError(f"{query} is {self.ask(query)}, not {wanted}; {self.log[-5:]}")
