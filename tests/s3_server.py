"""A small S3-compatible server for tests: objects of one bucket in memory, signatures of version 4 verified."""

from __future__ import annotations

import hashlib
import hmac
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from tests.serving import serving

ACCESS, SECRET, REGION, BUCKET = "test-access", "test-secret-key", "eu-central-1", "kept"
XML = '<?xml version="1.0" encoding="UTF-8"?>'


class Store(ThreadingHTTPServer):
    """What was put, by key; `refuse` makes every write fail with its status."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.objects: dict[str, bytes] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.puts: list[str] = []
        self.refuse = 0
        self.secret = SECRET

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Store

    def log_message(self, *args: object) -> None:
        """Says nothing."""

    def answer(self, status: int, body: bytes | str = b"", **headers: str) -> None:
        content = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def fail(self, status: int, code: str) -> None:
        self.answer(status, f"{XML}<Error><Code>{code}</Code><Message>{code}</Message></Error>")

    def handle_any(self) -> None:
        body = self.read_body()
        parts = urlsplit(self.path)
        bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        if not self.signed_well():
            self.fail(403, "SignatureDoesNotMatch")
        elif bucket != BUCKET:
            self.fail(404, "NoSuchBucket")
        elif self.command in {"PUT", "POST"} and self.server.refuse:
            self.fail(self.server.refuse, "AccessDenied")
        else:
            getattr(self, f"on_{self.command.lower()}")(key, query, body)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any  # noqa: N815

    def read_body(self) -> bytes:
        """The content, out of the chunks of HTTP and, within them, those of S3 with their checksum."""
        if self.headers.get("Transfer-Encoding") == "chunked":
            raw = b"".join(iter(self.next_chunk, b""))
        else:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "aws-chunked" not in self.headers.get("Content-Encoding", ""):
            return raw
        body, rest = b"", raw
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            length = int(size.partition(b";")[0], 16)
            if not length:
                break
            body, rest = body + rest[:length], rest[length + 2 :]
        return body

    def next_chunk(self) -> bytes:
        length = int(self.rfile.readline().partition(b";")[0], 16)
        chunk = self.rfile.read(length)
        self.rfile.readline()
        return chunk

    def on_put(self, key: str, query: dict[str, str], body: bytes) -> None:
        if "partNumber" in query:
            self.server.parts[query["uploadId"]][int(query["partNumber"])] = body
        else:
            self.server.objects[key] = body
            self.server.puts.append(key)
        self.answer(200, ETag=f'"{hashlib.md5(body).hexdigest()}"')

    def on_post(self, key: str, query: dict[str, str], body: bytes) -> None:
        if "uploads" in query:
            upload = uuid.uuid4().hex
            self.server.parts[upload] = {}
            told = f"<Bucket>{BUCKET}</Bucket><Key>{escape(key)}</Key><UploadId>{upload}</UploadId>"
            self.answer(200, f"{XML}<InitiateMultipartUploadResult>{told}</InitiateMultipartUploadResult>")
        elif "uploadId" in query:
            parts = self.server.parts.pop(query["uploadId"])
            self.server.objects[key] = b"".join(parts[number] for number in sorted(parts))
            self.server.puts.append(key)
            told = f'<Bucket>{BUCKET}</Bucket><Key>{escape(key)}</Key><ETag>"x"</ETag>'
            self.answer(200, f"{XML}<CompleteMultipartUploadResult>{told}</CompleteMultipartUploadResult>")
        elif "delete" in query:
            for node in ElementTree.fromstring(body).iter():
                if node.tag.rpartition("}")[2] == "Key":
                    self.server.objects.pop(node.text or "", None)
            self.answer(200, f"{XML}<DeleteResult/>")
        else:
            self.fail(400, "InvalidRequest")

    def on_get(self, key: str, query: dict[str, str], body: bytes) -> None:
        if not key:
            self.list(query)
        elif key not in self.server.objects:
            self.fail(404, "NoSuchKey")
        else:
            content = self.server.objects[key]
            wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            if wanted:
                first, last = int(wanted[1]), int(wanted[2] or len(content) - 1)
                told = f"bytes {first}-{min(last, len(content) - 1)}/{len(content)}"
                self.answer(206, content[first : last + 1], Content_Range=told)
            else:
                self.answer(200, content)

    def list(self, query: dict[str, str]) -> None:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        keys, folders = [], set()
        for key in sorted(self.server.objects):
            rest = key.removeprefix(prefix) if key.startswith(prefix) else ""
            if delimiter and delimiter in rest:
                folders.add(prefix + rest.partition(delimiter)[0] + delimiter)
            elif key.startswith(prefix):
                keys.append(key)
        told = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<Size>{len(self.server.objects[key])}</Size></Contents>"
            for key in keys
        ) + "".join(f"<CommonPrefixes><Prefix>{escape(one)}</Prefix></CommonPrefixes>" for one in sorted(folders))
        self.answer(200, f"{XML}<ListBucketResult><IsTruncated>false</IsTruncated>{told}</ListBucketResult>")

    def on_head(self, key: str, query: dict[str, str], body: bytes) -> None:
        if key and key not in self.server.objects:
            self.answer(404)
        else:
            size = len(self.server.objects.get(key, b""))
            self.answer(200, Content_Length=str(size), Last_Modified="Thu, 01 Jan 2026 00:00:00 GMT", ETag='"x"')

    def on_delete(self, key: str, query: dict[str, str], body: bytes) -> None:
        self.server.objects.pop(key, None)
        self.answer(204)

    def signed_well(self) -> bool:
        """Signature version 4 of this request, with the server's own copy of the secret."""
        told = re.fullmatch(
            rf"AWS4-HMAC-SHA256 Credential={ACCESS}/(\d+)/{REGION}/s3/aws4_request, ?"
            r"SignedHeaders=([\w;-]+), ?Signature=(\w+)",
            self.headers.get("Authorization", ""),
        )
        if not told:
            return False
        day, names, signature = told.groups()
        parts = urlsplit(self.path)
        pairs = sorted(parse_qsl(parts.query, keep_blank_values=True))
        request = "\n".join([
            self.command, quote(unquote(parts.path), safe="/-_.~"),
            "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs),
            "".join(f"{name}:{' '.join(self.headers.get(name, '').split())}\n" for name in names.split(";")),
            names, self.headers.get("x-amz-content-sha256", ""),
        ])  # fmt: skip
        scope = f"{day}/{REGION}/s3/aws4_request"
        digest = hashlib.sha256(request.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{self.headers.get('x-amz-date')}\n{scope}\n{digest}"
        key = f"AWS4{self.server.secret}".encode()
        for part in (day, REGION, "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.compare_digest(hmac.new(key, text.encode(), "sha256").hexdigest(), signature)


@contextmanager
def s3_server() -> Iterator[Store]:
    """A running server, with an empty bucket."""
    store = Store()
    with serving(store):
        yield store
