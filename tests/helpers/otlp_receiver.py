"""Receivers of OTLP on a port of loopback, over HTTP and over gRPC, that keep the requests they decode."""

from __future__ import annotations

import gzip
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Receiver:
    """What has arrived.  The next `refused` requests get an error."""

    def __init__(self) -> None:
        self.requests: list[ExportMetricsServiceRequest] = []
        self.endpoint = ""
        self.refused = 0
        self.has_refused = 0

    def take(self, request: ExportMetricsServiceRequest) -> bool:
        if self.refused:
            self.refused -= 1
            self.has_refused += 1
            return False
        self.requests.append(request)
        return True


@contextmanager
def over_http() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            is_taken = receiver.take(ExportMetricsServiceRequest.FromString(body))
            self.send_response(200 if is_taken else 400)  # 400: the exporter does not try again by itself
            self.send_header("Content-Type", "application/x-protobuf")
            self.end_headers()
            self.wfile.write(ExportMetricsServiceResponse().SerializeToString() if is_taken else b"")

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.endpoint = f"http://127.0.0.1:{server.server_port}/v1/metrics"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def over_grpc() -> Iterator[Receiver]:
    import grpc
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc

    receiver = Receiver()

    class Service(metrics_service_pb2_grpc.MetricsServiceServicer):
        def Export(self, request: ExportMetricsServiceRequest, context: grpc.ServicerContext) -> object:
            if not receiver.take(request):
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, "refused")
            return ExportMetricsServiceResponse()

    server = grpc.server(ThreadPoolExecutor(2))
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(Service(), server)
    receiver.endpoint = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield receiver
    finally:
        server.stop(None).wait()
