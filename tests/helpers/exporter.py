"""A program that is scraped: it records what standard input says, and serves it until it is killed.

``python exporter.py PORT [DIRECTORY]``.  Each line of input is a JSON object: ``name``, ``labels``, and the ``values``
to record, or ``remove``; with ``exemplars``, labels for each value.  Each is answered by a line, after the first one,
which is the URL.
"""

import json
import sys
import threading

from prometheus_client import CollectorRegistry, Counter

from historian import Key, Registry
from historian.formats.prometheus import Collector
from historian.web.serve import serve


def main(port: str, directory: str | None = None) -> None:
    registry, client = Registry(directory), CollectorRegistry()
    total = Counter("recorded", "What has been recorded.", ["name"], registry=client)

    def obey() -> None:
        for line in sys.stdin:
            order = json.loads(line)
            name, labels = order["name"], order.get("labels", {})
            if "remove" in order:
                registry.remove(Key(name, **labels))
            else:
                if "exemplars" in order:
                    for value, exemplar in zip(order["values"], order["exemplars"]):
                        registry.recorder(name, **labels).record(value, exemplar=exemplar)
                else:
                    registry.recorder(name, **labels).record_many(order["values"])
                total.labels(name).inc(len(order["values"]))
            print("done", flush=True)

    def ready(url: str) -> None:
        print(url, flush=True)
        threading.Thread(target=obey, daemon=True).start()

    serve(Collector(registry), client, port=int(port), ready=ready)


if __name__ == "__main__":
    main(*sys.argv[1:])
