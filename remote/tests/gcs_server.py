"""Google Cloud Storage as far as the trainer asks for it, on loopback: its JSON API's lists, metadata and ranges of bytes, with the headers that its documentation gives them.

No emulator is used: the one that can be installed tells no generation beside bytes. Buckets of S3 are a real moto (bucket_servers.py).
"""

import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "the token of this host"


class GcsServer:
    def __init__(self) -> None:
        self.buckets: dict[str, dict[str, tuple[int, bytes]]] = {}
        self.forbidden: set[str] = set()
        """Buckets that the token does not open."""
        self.asked: list[tuple[str, str, str]] = []
        """Of each request for an object: its name, what of it (media or json), and the range."""
        self.before: Callable[[str, str], None] = lambda name, range_: None
        """Called before bytes are given."""
        self._generation = 1_700_000_000_000_000
        gcs = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                gcs.answer(self)

            def log_message(self, *_: Any) -> None: ...

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def end(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def put(self, bucket: str, name: str, content: bytes) -> None:
        self._generation += 1
        self.buckets.setdefault(bucket, {})[name] = (self._generation, content)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        where = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(where.query).items()}
        found = re.fullmatch(r"/storage/v1/b/([^/]+)/o(?:/([^/]+))?", where.path)
        bucket = self.buckets.get(found[1]) if found else None
        if request.headers["Authorization"] != f"Bearer {TOKEN}":
            return self._refuse(request, 401, "Anonymous caller does not have storage.objects.get access.")
        if found and found[1] in self.forbidden:
            return self._refuse(request, 403, "ada@example.iam.gserviceaccount.com does not have storage.objects.get access.")
        if bucket is None:
            return self._refuse(request, 404, "The specified bucket does not exist.")
        if found[2] is None:
            names = sorted(name for name in bucket if name.startswith(query.get("prefix", "")))
            return self._json(request, {"kind": "storage#objects", "items": [self._facts(name, *bucket[name]) for name in names]})
        name, what, range_ = unquote(found[2]), query.get("alt", "json"), request.headers.get("Range", "")
        self.asked.append((name, what, range_))
        if what == "media":
            self.before(name, range_)
        if name not in bucket:
            return self._refuse(request, 404, f"No such object: {found[1]}/{name}")
        generation, content = bucket[name]
        if what == "json":
            return self._json(request, self._facts(name, generation, content))
        bounds = re.fullmatch(r"bytes=(\d+)-(\d*)", range_)
        if not bounds:
            return self._bytes(request, 200, content, {"X-Goog-Generation": generation})
        first, last = int(bounds[1]), min(int(bounds[2] or len(content)), len(content) - 1)
        if first >= len(content):
            return self._bytes(request, 416, b"The requested range cannot be satisfied.", {"Content-Range": f"bytes */{len(content)}"})
        self._bytes(request, 206, content[first:last + 1], {"X-Goog-Generation": generation, "Content-Range": f"bytes {first}-{last}/{len(content)}"})

    @staticmethod
    def _facts(name: str, generation: int, content: bytes) -> dict[str, str]:
        return {"kind": "storage#object", "name": name, "generation": str(generation), "metageneration": "1", "size": str(len(content)),
                "timeCreated": "2026-01-01T00:00:00.000Z", "updated": "2026-01-01T00:00:00.000Z"}

    def _refuse(self, request: BaseHTTPRequestHandler, status: int, message: str) -> None:
        self._json(request, {"error": {"code": status, "message": message}}, status)

    def _json(self, request: BaseHTTPRequestHandler, value: Any, status: int = 200) -> None:
        self._bytes(request, status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    @staticmethod
    def _bytes(request: BaseHTTPRequestHandler, status: int, content: bytes, headers: dict[str, Any]) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, str(value))
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)
