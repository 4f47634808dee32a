"""A web service whose requests take about so many milliseconds: ``slow_service.py DIRECTORY MILLISECONDS``.

It prints its port, times each request in a directory, and stops when its standard input is closed.
"""

import random
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import historian

directory, milliseconds = sys.argv[1], float(sys.argv[2])
latency = historian.Registry(directory).recorder("request", route="/search")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # so that a response is sent at once

    def do_GET(self):
        with latency.time():
            time.sleep(random.lognormvariate(0, 0.3) * milliseconds / 1000)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
