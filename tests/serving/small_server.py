"""A server of which every habit is known, for whatever measures servers."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Does one request at a time, refuses who finds so many inside, and keeps what it is told to keep.
_SERVER = """
import sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

kept, inside, one_at_a_time = [], 0, threading.Lock()

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        global inside
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(503 if inside >= int(sys.argv[4]) else None)

    def answer(self, status):
        global inside
        if status is None:
            inside += 1
            with one_at_a_time:
                time.sleep(float(sys.argv[1]))
                kept.append(b"x" * int(sys.argv[2]))
            inside -= 1
        self.send_response(status or int(sys.argv[3]))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

ThreadingHTTPServer.request_queue_size = 128  # else the sixth that connects at once is turned away
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


@contextmanager
def small_server(
    seconds: float = 0.01, kept: int = 0, status: int = 200, most: int = 5
) -> Iterator[tuple[str, int]]:
    """One that takes so long, keeps so many bytes, answers so and admits so many.

    Yields:
        Its address and its process id.
    """
    words = [sys.executable, "-c", _SERVER, str(seconds), *map(str, (kept, status, most))]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/infer", process.pid
        finally:
            process.kill()
