"""Feeds of a saved filter: what newly fits it, as RSS 2.0, Atom (RFC 4287) and JSON Feed 1.1."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from xml.etree import ElementTree

from django.db.models import F

from annotation.changes.models import Change

ATOM = "http://www.w3.org/2005/Atom"
GEORSS = "http://www.georss.org/georss"
KINDS = {
    "add": "Missing from the map",
    "remove": "Gone from the ground",
    "modify": "Different shape",
    "shifted": "Drawn in the wrong place",
}


@dataclass(frozen=True)
class Entry:
    """One change in a feed; `lon`, `lat` is its middle, degrees."""

    title: str
    text: str
    url: str
    at: datetime
    lon: float
    lat: float


@dataclass(frozen=True)
class Feed:
    title: str
    page: str
    url: str
    at: datetime
    entries: list[Entry]


def entries_of(items: list[int], address: Callable[[Change], str]) -> list[Entry]:
    """Changes of these items in a feed's words, in the order of the items."""
    rows = (
        Change.objects.filter(item__in=items).select_related("object", "scan").annotate(found_at=F("item__created_at"))
    )
    by_item = {row.item_id: row for row in rows}
    return [_entry(by_item[pk], address) for pk in items if pk in by_item]


def _entry(change: Change, address: Callable[[Change], str]) -> Entry:
    middle = change.geometry.centroid
    about = change.object
    which = f"{about.osm_type}/{about.osm_id}" if about is not None and about.osm_id is not None else "a new building"
    which = "a building without an id" if about is not None and about.osm_id is None else which
    text = f"{which}, {change.square_m:.0f} m², confidence {change.confidence:.0%}, at {middle.y:.5f}, {middle.x:.5f}"
    found_at: datetime = change.found_at  # type: ignore[attr-defined]
    return Entry(KINDS[change.kind], text, address(change), found_at, middle.x, middle.y)


def as_rss(feed: Feed) -> bytes:
    ElementTree.register_namespace("atom", ATOM)
    ElementTree.register_namespace("georss", GEORSS)
    root = ElementTree.Element("rss", version="2.0")
    channel = ElementTree.SubElement(root, "channel")
    for name, value in (("title", feed.title), ("link", feed.page), ("description", feed.title)):
        ElementTree.SubElement(channel, name).text = value
    ElementTree.SubElement(channel, "lastBuildDate").text = format_datetime(feed.at)
    ElementTree.SubElement(channel, f"{{{ATOM}}}link", href=feed.url, rel="self", type="application/rss+xml")
    for one in feed.entries:
        item = ElementTree.SubElement(channel, "item")
        told = {"title": one.title, "link": one.url, "guid": one.url, "description": one.text}
        for name, value in {**told, "pubDate": format_datetime(one.at)}.items():
            ElementTree.SubElement(item, name).text = value
        ElementTree.SubElement(item, f"{{{GEORSS}}}point").text = f"{one.lat:.6f} {one.lon:.6f}"
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def as_atom(feed: Feed) -> bytes:
    ElementTree.register_namespace("", ATOM)
    ElementTree.register_namespace("georss", GEORSS)
    root = ElementTree.Element(f"{{{ATOM}}}feed")
    for name, value in (("id", feed.url), ("title", feed.title), ("updated", feed.at.isoformat())):
        ElementTree.SubElement(root, f"{{{ATOM}}}{name}").text = value
    author = ElementTree.SubElement(root, f"{{{ATOM}}}author")
    ElementTree.SubElement(author, f"{{{ATOM}}}name").text = "Mapwright"
    ElementTree.SubElement(root, f"{{{ATOM}}}link", href=feed.url, rel="self")
    ElementTree.SubElement(root, f"{{{ATOM}}}link", href=feed.page)
    for one in feed.entries:
        entry = ElementTree.SubElement(root, f"{{{ATOM}}}entry")
        told = {"id": one.url, "title": one.title, "updated": one.at.isoformat(), "summary": one.text}
        for name, value in told.items():
            ElementTree.SubElement(entry, f"{{{ATOM}}}{name}").text = value
        ElementTree.SubElement(entry, f"{{{ATOM}}}link", href=one.url)
        ElementTree.SubElement(entry, f"{{{GEORSS}}}point").text = f"{one.lat:.6f} {one.lon:.6f}"
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def as_json(feed: Feed) -> bytes:
    items = [
        {
            "id": one.url, "url": one.url, "title": one.title, "content_text": one.text,
            "date_published": one.at.isoformat(),
            "_geo": {"type": "Point", "coordinates": [round(one.lon, 6), round(one.lat, 6)]},
        }
        for one in feed.entries
    ]  # fmt: skip
    told = {"version": "https://jsonfeed.org/version/1.1", "title": feed.title, "home_page_url": feed.page}
    return json.dumps({**told, "feed_url": feed.url, "items": items}).encode()


FEEDS: dict[str, tuple[str, Callable[[Feed], bytes]]] = {
    "rss": ("application/rss+xml; charset=utf-8", as_rss),
    "atom": ("application/atom+xml; charset=utf-8", as_atom),
    "json": ("application/feed+json; charset=utf-8", as_json),
}
