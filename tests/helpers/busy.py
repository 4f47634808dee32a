"""A service under load: ``python busy.py DIR RECORDERS`` records into a directory until it is killed."""

import random
import sys
import time

from historian import Registry

HOSTILE = "<img src=x onerror=\"document.body.dataset.broken='yes'\">"


def main(directory, number):
    draw = random.Random(1)
    registry = Registry(directory)
    recorders = [registry.recorder("request", method="GET", route=f"/{k}") for k in range(number)]
    sizes = registry.recorder("answer", unit="bytes")
    registry.recorder(HOSTILE, **{"</script><script>": '"><b>&amp;'}).record(0.5)
    turn = 0
    while True:
        for k, recorder in enumerate(recorders):
            recorder.record_many([draw.lognormvariate(-6 + k % 3, 0.7) for _ in range(30 if k else 400)])
        sizes.record_many([2.0 ** (turn % 20)] * 3)
        if turn == 0:
            print("busy", flush=True)
        turn += 1
        time.sleep(0.1)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
