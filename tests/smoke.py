"""Use the compiled core once: what a wheel is tested with, where the test extra would be too much to install."""

import historian

recorder = historian.Recorder("smoke", unit="ms")
recorder.record_many([1.0, 2.0, 3.0])
with recorder.time():
    pass
histogram = recorder.snapshot()
assert histogram.count == 4, histogram.count
assert histogram.max == 3.0, histogram.max
