"""Load on a web server, from a process of its own: ``python web_load.py PORT THREADS REQUESTS``.

Each thread sends so many requests, one after the other.  When half of all are answered, a line says which processes
answered them; one of those is going to be killed.  Every thread goes on until it has met a process that was not among
them, too.  The last line says how many requests were answered, and how many were not.
"""

import json
import sys
import threading
import time
from http.client import HTTPConnection, HTTPException

LIMIT = 60  # seconds for everything


def main(port, threads, requests):
    lock, answered, failed, early = threading.Lock(), [], 0, set()
    half = threads * requests // 2
    end = time.monotonic() + LIMIT

    def ask(path):
        connection = HTTPConnection("127.0.0.1", port, timeout=LIMIT)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return int(answer.read()) if answer.status == 200 else None
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()

    def work(number):
        nonlocal failed
        sent = 0
        while time.monotonic() < end:
            with lock:
                if sent >= requests and set(answered) - early and early:
                    return
            sent += 1
            process = ask(f"/{number % 2}")
            with lock:
                if process is None:
                    failed += 1
                    continue
                answered.append(process)
                if len(answered) == half:
                    early.update(answered)
                    print(json.dumps(sorted(early)), flush=True)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(json.dumps({"answered": len(answered), "failed": failed, "processes": sorted(set(answered))}), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
