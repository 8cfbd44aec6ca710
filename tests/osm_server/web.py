"""The server's HTTP: which request does what."""

from __future__ import annotations

import json
import re
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.osm_server import answers, oauth
from tests.osm_server.apply import MAX_ELEMENTS, MAX_WAY_NODES, Diff, RefusedError, check_open, parse, tags_of
from tests.osm_server.faults import Faults, Rule
from tests.osm_server.store import Store, written

XML, TEXT, JSON, HTML = "application/xml; charset=utf-8", "text/plain", "application/json", "text/html; charset=utf-8"
Answer = tuple[int, str, bytes, dict[str, str]]


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, path: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.store, self.faults, self.requests = Store(path), Faults(), []  # type: ignore[var-annotated]


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, *args: Any) -> None:
        return

    def _serve(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.asked = urlsplit(self.path)
        if self.asked.path.startswith("/_control/"):
            self._send(200, JSON, json.dumps(self._control(json.loads(self.body or b"{}"))).encode(), {})
            return
        self.server.requests.append(f"{self.command} {self.asked.path}")
        rule = self.server.faults.rule_for(self.command, self.asked.path)
        try:
            self._by_rule(rule)
        finally:
            if rule is not None:
                rule.over.set()

    def _by_rule(self, rule: Rule | None) -> None:
        if rule is not None and rule.when == "answer":
            self._send(rule.status, TEXT, rule.text.encode(), rule.headers)
            return
        if rule is not None and rule.when == "before":
            rule.held.set()
            rule.released.wait(300)
            if rule.then == "drop":
                self.close_connection = True
                return
        answer = self._answer()
        if rule is not None and rule.when == "after":
            rule.held.set()
            rule.released.wait(300)
            self.close_connection = True
            return
        self._send(*answer)

    def _send(self, status: int, kind: str, body: bytes, headers: dict[str, str]) -> None:
        try:
            self.send_response(status)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _answer(self) -> Answer:
        try:
            for method, path, name in ROUTES:
                match = re.fullmatch(path, self.asked.path)
                if match and method == self.command:
                    return getattr(self, f"_{name}")(*match.groups())
            raise RefusedError(404, "no such route")
        except RefusedError as error:
            said = error.text if error.text.startswith("{") else error.text.replace("\n", " ")
            return error.status, TEXT, said.encode(), {"Error": said, **error.headers}

    def _person(self, scope: str) -> int:
        kind, _, token = (self.headers.get("Authorization") or "").partition(" ")
        row = self.server.store.one("SELECT * FROM tokens WHERE token = ?", token)
        if row is None or kind != "Bearer":
            raise RefusedError(401, "Couldn't authenticate you")
        if scope not in row["scopes"].split():
            raise RefusedError(403, "The access token does not have the scope that is needed")
        return int(row["user"])

    # the API

    def _capabilities(self) -> Answer:
        return 200, XML, answers.capabilities(MAX_ELEMENTS, MAX_WAY_NODES), {}

    def _details(self) -> Answer:
        number = self._person("read_prefs")
        row = self.server.store.one("SELECT * FROM users WHERE id = ?", number)
        told = answers.root()
        answers.SubElement(told, "user", id=str(number), display_name=row["name"] if row else "")
        return 200, XML, answers.text_of(told), {}

    def _create(self) -> Answer:
        user = self._person("write_api")
        changeset = parse(self.body, "osm").find("changeset")
        if changeset is None:
            raise RefusedError(400, "XML doesn't contain an osm/changeset element.")
        return 200, TEXT, str(self.server.store.open_changeset(user, tags_of(changeset))).encode(), {}

    def _changesets(self) -> Answer:
        query = parse_qs(self.asked.query)
        rows = self.server.store.all("SELECT * FROM changesets ORDER BY id DESC")
        if "user" in query:
            rows = [row for row in rows if str(row["user"]) == query["user"][0]]
        if query.get("open") == ["true"]:
            rows = [row for row in rows if row["closes"] > time.time()]
        since, _, until = query.get("time", [""])[0].partition(",")
        rows = [row for row in rows if not since or written(row["closes"]) >= since]
        rows = [row for row in rows if not until or written(row["created"]) < until]
        told = answers.root()
        for row in rows[:100]:
            answers.add_changeset(told, self.server.store, row)
        return 200, XML, answers.text_of(told), {}

    def _changeset(self, number: str) -> Answer:
        row = self.server.store.changeset(int(number))
        if row is None:
            raise RefusedError(404, f"Changeset {number} not found")
        told = answers.root()
        answers.add_changeset(told, self.server.store, row)
        if "include_discussion" in parse_qs(self.asked.query):
            answers.add_discussion(told[0], self.server.store, int(number))
        return 200, XML, answers.text_of(told), {}

    def _upload(self, number: str) -> Answer:
        user, store = self._person("write_api"), self.server.store
        with store.transaction():
            changeset = check_open(store, int(number), user, time.time())
            diff = Diff(store, int(number))
            result = diff.apply(self.body)
            if changeset["changes"] + diff.changes > MAX_ELEMENTS:
                raise RefusedError(409, f"The changeset {number} was closed at {answers.written(changeset['closes'])}")
            store.touch(int(number), diff.changes)
        return 200, XML, result, {}

    def _download(self, number: str) -> Answer:
        if self.server.store.changeset(int(number)) is None:
            raise RefusedError(404, f"Changeset {number} not found")
        rows = self.server.store.all("SELECT * FROM elements WHERE changeset = ? ORDER BY seq", int(number))
        return 200, XML, answers.osm_change(rows), {}

    def _close(self, number: str) -> Answer:
        user = self._person("write_api")
        with self.server.store.transaction():
            check_open(self.server.store, int(number), user, time.time())
            self.server.store.close(int(number))
        return 200, TEXT, b"", {}

    def _element(self, kind: str, number: str) -> Answer:
        row = self.server.store.element(kind, int(number))
        if row is None or not row["visible"]:
            raise RefusedError(404 if row is None else 410, "")
        told = answers.root()
        answers.add_element(told, row)
        return 200, XML, answers.text_of(told), {}

    def _elements(self, kind: str) -> Answer:
        """Several at once, deleted ones too, each as it is now or, as `12v3`, as it was; one that never was: 404."""
        told = answers.root()
        for wanted in parse_qs(self.asked.query)[f"{kind}s"][0].split(","):
            number, _, version = wanted.partition("v")
            row = self.server.store.element(kind, int(number), int(version) if version else None)
            if row is None:
                raise RefusedError(404, "")
            answers.add_element(told, row)
        return 200, XML, answers.text_of(told), {}

    def _full(self, kind: str, number: str) -> Answer:
        """A way with its nodes; a relation with its members, one level deep, and the nodes of its ways."""
        row = self.server.store.element(kind, int(number))
        if row is None or not row["visible"]:
            raise RefusedError(404 if row is None else 410, "")
        told = answers.root()
        for one in [*self._parts_of(row), row]:
            answers.add_element(told, one)
        return 200, XML, answers.text_of(told), {}

    def _parts_of(self, row: Any) -> list[Any]:
        """Nodes, then ways, then relations, each once."""
        body = json.loads(row["body"])
        members = [["node", ref] for ref in body] if row["kind"] == "way" else [one[:2] for one in body]
        found = {(kind, ref): self.server.store.element(kind, ref) for kind, ref in members}
        ways = [one for (kind, _), one in found.items() if kind == "way" and one is not None]
        refs = [ref for way in ways for ref in json.loads(way["body"])]
        found |= {("node", ref): self.server.store.element("node", ref) for ref in refs}
        order = {"node": 0, "way": 1, "relation": 2}
        return sorted((one for one in found.values() if one is not None), key=lambda one: order[one["kind"]])

    # OAuth2

    def _authorize(self) -> Answer:
        return 200, HTML, oauth.page(self.asked.query, "mapper"), {}

    def _decide(self) -> Answer:
        return 302, TEXT, b"", {"Location": oauth.decide(self.server.store, self.body)}

    def _token(self) -> Answer:
        return 200, JSON, oauth.token(self.server.store, self.body), {}

    def _revoke(self) -> Answer:
        oauth.revoke(self.server.store, self.body)
        return 200, JSON, b"{}", {}

    def _website(self, number: str) -> Answer:
        return 200, HTML, f"<!doctype html><title>Changeset {number}</title>".encode(), {}

    # what a test says

    def _control(self, told: dict[str, Any]) -> Any:
        what, store, faults = self.asked.path.removeprefix("/_control/"), self.server.store, self.server.faults
        if what == "rule":
            return faults.add(Rule(**told))
        if what == "wait":
            return faults.rules[told["rule"]].held.wait(told["seconds"])
        if what == "release":
            rule = faults.rules[told["rule"]]
            rule.released.set()
            return rule.held.is_set() and rule.over.wait(120)  # one that is still to come is not waited for
        if what == "requests":
            return list(self.server.requests)
        if what == "person":
            user = store.person(told["name"])
            store.run("INSERT OR REPLACE INTO tokens VALUES (?, ?, ?)", told["token"], user, told["scopes"])
            return user
        if what == "put":
            for kind, number, version, element in told["elements"]:
                store.write(kind, number, version, 0, element)
            return None
        if what == "comment":
            return store.run("INSERT INTO comments (changeset, name, text, at) VALUES (?, ?, ?, ?)",
                             told["changeset"], told["name"], told["text"], time.time())  # fmt: skip
        if what == "close":
            return store.close(told["changeset"])
        if what == "rows":
            return [dict(row) for row in store.all(told["sql"])]
        raise KeyError(what)


ROUTES = [
    ("GET", r"/api/(?:0\.6/)?capabilities", "capabilities"),
    ("GET", r"/api/0\.6/user/details", "details"),
    ("PUT", r"/api/0\.6/changeset/create", "create"),
    ("GET", r"/api/0\.6/changesets", "changesets"),
    ("GET", r"/api/0\.6/changeset/(\d+)", "changeset"),
    ("POST", r"/api/0\.6/changeset/(\d+)/upload", "upload"),
    ("GET", r"/api/0\.6/changeset/(\d+)/download", "download"),
    ("PUT", r"/api/0\.6/changeset/(\d+)/close", "close"),
    ("GET", r"/api/0\.6/(node|way|relation)/(\d+)", "element"),
    ("GET", r"/api/0\.6/(node|way|relation)s", "elements"),
    ("GET", r"/api/0\.6/(way|relation)/(\d+)/full", "full"),
    ("GET", r"/oauth2/authorize", "authorize"),
    ("POST", r"/oauth2/authorize", "decide"),
    ("POST", r"/oauth2/token", "token"),
    ("POST", r"/oauth2/revoke", "revoke"),
    ("GET", r"/changeset/(\d+)", "website"),
]
