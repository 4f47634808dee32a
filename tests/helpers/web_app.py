"""A web application as a service has it: it says nothing of processes or directories.  Answers name their process."""

import os
import time

import historian

requests = historian.recorder("request")


def application(environ, start_response):
    path = environ["PATH_INFO"]
    with requests.time():
        time.sleep(0.001)
    historian.recorder("answer", unit="bytes", path=path).record(64)  # made in whichever process comes first
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "64")])
    return [f"{os.getpid():<64}".encode()]
