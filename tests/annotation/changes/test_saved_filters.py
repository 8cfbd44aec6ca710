"""Filters by name, their feeds and alerts: what their owner may see no more, nobody sees by them."""

from __future__ import annotations

import datetime as dt
import json
from xml.etree import ElementTree

import pytest
from django.core import mail
from django.utils import timezone

from annotation.changes.models import SavedFilter
from annotation.changes.services import alerts, saved_filters
from annotation.common.logs import JsonLines
from annotation.review.models import QueueItem
from annotation.sources.models import RegionMember
from tests.factories import RegionFactory, UserFactory, square
from tests.factories_changes import ChangeFactory, ModelVersionFactory, SavedFilterFactory, ScanFactory, save_decision

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana():
    return UserFactory(email="ana@example.org")


@pytest.fixture
def scan(ana):
    return ScanFactory(model=ModelVersionFactory(region=RegionFactory(members=[ana])))


def path_of(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def saved(client, scan, **more):
    body = {"name": "Removals", "query": "kind=remove", **more}
    return client.post(f"/api/regions/{scan.region_id}/changes/filters/", body, format="json")


def with_feed(client, scan, **more) -> dict:
    kept = saved(client, scan, **more).json()
    return client.post(f"/api/change-filters/{kept['id']}/feed/").json()


def test_a_filter_is_kept_by_name_and_shared_only_where_its_owner_says_so(client_of, ana, scan):
    ben = UserFactory()
    RegionMember.objects.create(region=scan.region, user=ben)
    kept = saved(client_of(ana), scan, query="kind=remove&nonsense=1&state=open&page_size=7").json()
    assert kept["query"] == "kind=remove"
    url = f"/api/regions/{scan.region_id}/changes/filters/"
    assert client_of(ben).get(url).json() == []
    changed = {"name": "Removals", "query": "kind=remove&tag=building%3Dschool", "shared": True}
    assert client_of(ana).put(f"/api/change-filters/{kept['id']}/", changed, format="json").status_code == 200
    (seen,) = client_of(ben).get(url).json()
    assert (seen["name"], seen["owner"], seen["mine"], seen["feeds"]) == ("Removals", ana.username, False, None)
    assert client_of(ben).delete(f"/api/change-filters/{kept['id']}/").status_code == 404
    assert saved(client_of(ana), scan).json()["code"] == "invalid", "a name stands for one filter"
    assert client_of(ana).delete(f"/api/change-filters/{kept['id']}/").status_code == 204


def test_a_feed_tells_what_is_open_and_fits_the_newest_first_in_three_forms(client_of, client, ana, scan):
    fits = [ChangeFactory(scan=scan, kind="remove", geometry=square(n / 4, 0.5, 0.1)) for n in (1, 2, 3)]
    ChangeFactory(scan=scan)
    save_decision(ana, fits[0], "reject", reason="still_there")
    feeds = with_feed(client_of(ana), scan)["feeds"]
    told = json.loads(client.get(path_of(feeds["json"])).content)
    assert [one["url"].rsplit("/", 2)[1] for one in told["items"]] == [str(fits[2].pk), str(fits[1].pk)]
    assert told["version"] == "https://jsonfeed.org/version/1.1"
    rss = client.get(path_of(feeds["rss"]))
    assert rss["Content-Type"].startswith("application/rss+xml")
    assert [one.text for one in ElementTree.fromstring(rss.content).iterfind("channel/item/title")] == [
        "Gone from the ground"
    ] * 2
    atom = ElementTree.fromstring(client.get(path_of(feeds["atom"])).content)
    entries = atom.findall("{http://www.w3.org/2005/Atom}entry")
    assert [one.find("{http://www.w3.org/2005/Atom}id").text.rsplit("/", 2)[1] for one in entries] == [
        str(fits[2].pk), str(fits[1].pk),
    ]  # fmt: skip
    assert client.post(path_of(feeds["rss"])).status_code == 405


def test_a_name_with_markup_stays_text_in_every_feed(client_of, client, ana, scan):
    feeds = with_feed(client_of(ana), scan, name="<script>alert(1)</script>&")["feeds"]
    for form in ("rss", "atom"):
        content = client.get(path_of(feeds[form])).content
        assert b"<script" not in content
        ElementTree.fromstring(content)


def test_a_feed_ends_with_its_address_its_owner_and_what_the_owner_may_see(client_of, client, ana, scan):
    """Z3: each of them answers as an address that never was."""
    feed = with_feed(client_of(ana), scan)
    path = path_of(feed["feeds"]["atom"])
    assert client.get(path).status_code == 200
    renewed = client_of(ana).post(f"/api/change-filters/{feed['id']}/feed/").json()["feeds"]["atom"]
    assert client.get(path).status_code == 404, "the address before is worth nothing"
    path = path_of(renewed)
    token = path.split("/")[2]
    assert client.get(path.replace(token, token[:-2] + "xx")).status_code == 404
    assert client.get(path.replace(token, token.replace(f"{feed['id']}.", f"{feed['id'] + 1}.", 1))).status_code == 404
    assert client.get(path.replace("/atom/", "/html/")).status_code == 404
    RegionMember.objects.filter(user=ana).delete()
    assert client.get(path).status_code == 404, "whoever left the region reads nothing of it"
    RegionMember.objects.create(region=scan.region, user=ana)
    assert client.get(path).status_code == 200
    type(ana).objects.filter(pk=ana.pk).update(is_active=False)
    assert client.get(path).status_code == 404
    type(ana).objects.filter(pk=ana.pk).update(is_active=True)
    assert client_of(ana).delete(f"/api/change-filters/{feed['id']}/feed/").status_code == 204
    assert client.get(path).status_code == 404


@pytest.fixture
def sends(settings):
    settings.SENDS_EMAIL, settings.PUBLIC_URL = True, "https://maps.example.org"


@pytest.mark.parametrize("most", [0, 10_000])
def test_what_is_new_is_told_by_one_message_at_most_once_an_hour(client_of, ana, scan, sends, monkeypatch, most):
    monkeypatch.setattr(alerts, "SORTED", most)
    ChangeFactory(scan=scan, kind="remove")
    for name in ("Removals", "Large"):
        assert saved(client_of(ana), scan, name=name, alert=True).status_code == 201
    assert alerts.tell() == 0, "what was there before is not new"
    new = ChangeFactory(scan=scan, kind="remove", geometry=square(0.2, 0.2, 0.1))
    ChangeFactory(scan=scan)
    assert alerts.tell() == 1
    (message,) = mail.outbox
    assert message.to == ["ana@example.org"]
    assert f"https://maps.example.org/regions/{scan.region_id}/changes/{new.pk}/" in message.body
    assert "Removals" in message.body and "Large" in message.body and "1 new" in message.body
    later = ChangeFactory(scan=scan, kind="remove", geometry=square(0.6, 0.2, 0.1))
    assert alerts.tell() == 0, "an hour has not passed"
    SavedFilter.objects.update(alerted_at=timezone.now() - dt.timedelta(hours=2))
    assert alerts.tell() == 1
    assert f"/changes/{later.pk}/" in mail.outbox[1].body and f"/changes/{new.pk}/" not in mail.outbox[1].body


@pytest.mark.parametrize("most", [0, 10_000])
def test_the_surest_are_named_and_all_are_counted_however_many_are_new(ana, scan, sends, monkeypatch, most):
    for name, value in (("SORTED", most), ("NAMED", 2), ("COUNTED", 3)):
        monkeypatch.setattr(alerts, name, value)
    old = ChangeFactory(scan=scan, confidence=0.99)
    SavedFilterFactory(region=scan.region, owner=ana, alert=True, alerted_to=old.pk)
    made = [ChangeFactory(scan=scan, confidence=one) for one in (0.2, 0.9, 0.5, 0.7)]
    save_decision(ana, made[3])
    assert alerts.tell() == 1
    body = mail.outbox[0].body
    assert "3 or more new" in body
    named = [line.rsplit("/changes/", 1)[1].rstrip("/") for line in body.splitlines() if line.startswith("  ")]
    assert named == [str(made[1].pk), str(made[2].pk)]


def test_the_newest_change_is_that_of_any_scan_of_the_region_and_of_no_other(scan):
    assert saved_filters.newest_change(scan.region_id) == 0
    later = ScanFactory(model=ModelVersionFactory(region=scan.region, state="candidate"))
    ChangeFactory(scan=later)
    newest = ChangeFactory(scan=scan)
    ChangeFactory()
    assert saved_filters.newest_change(scan.region_id) == newest.pk


def test_whoever_left_the_region_is_told_nothing_of_it(client_of, ana, scan, sends):
    saved(client_of(ana), scan, alert=True)
    RegionMember.objects.filter(user=ana).delete()
    ChangeFactory(scan=scan, kind="remove")
    assert alerts.tell() == 0 and mail.outbox == []


def test_a_message_that_could_not_be_sent_is_sent_the_next_time(client_of, ana, scan, sends, monkeypatch):
    saved(client_of(ana), scan, alert=True)
    ChangeFactory(scan=scan, kind="remove")
    with monkeypatch.context() as broken:
        broken.setattr(alerts, "send_mail", lambda *args: (_ for _ in ()).throw(OSError("no route")))
        assert alerts.tell() == 0
    assert alerts.tell() == 1


def test_one_persons_broken_filter_keeps_nobody_elses_alert_back(client_of, ana, scan, sends):
    ben = UserFactory(email="ben@example.org")
    RegionMember.objects.create(region=scan.region, user=ben)
    for person in (ana, ben):
        assert saved(client_of(person), scan, alert=True).status_code == 201
    SavedFilter.objects.filter(owner=ana).update(query="kind=of+an+older+release")
    ChangeFactory(scan=scan, kind="remove")
    assert alerts.tell() == 1
    assert mail.outbox[0].to == ["ben@example.org"]


@pytest.mark.parametrize("query", ["area=", "area=%20&found_to=9999-12-31"])
def test_a_blank_area_and_the_last_day_are_kept_and_told_of(client_of, client, ana, scan, sends, query):
    kept = saved(client_of(ana), scan, query=query, alert=True)
    assert kept.status_code == 201
    ChangeFactory(scan=scan)
    assert alerts.tell() == 1
    feed = client_of(ana).post(f"/api/change-filters/{kept.json()['id']}/feed/").json()["feeds"]["json"]
    assert len(json.loads(client.get(path_of(feed)).content)["items"]) == 1


def test_a_filter_that_is_too_long_as_an_address_is_refused(client_of, ana, scan):
    query = "&".join(f"tag={letter}={'ß' * 250}" for letter in "abcdefgh")
    assert len(query) < 4000
    assert saved(client_of(ana), scan, query=query).status_code == 400


@pytest.mark.parametrize("query", ["tag=a%00", "tag=a%00%3Db", "tag=" + "a" * 600])
def test_a_filter_of_a_tag_that_no_map_can_have_is_refused(client_of, ana, scan, query):
    assert saved(client_of(ana), scan, query=query).status_code == 400


def test_a_feed_that_is_withdrawn_while_its_filter_is_changed_stays_withdrawn(
    client_of, client, ana, scan, monkeypatch
):
    feed = with_feed(client_of(ana), scan)

    def meanwhile(region_id: int) -> int:
        saved_filters.renew_feed(user=ana, filter_id=feed["id"], on=False)
        return 0

    monkeypatch.setattr(saved_filters, "newest_change", meanwhile)
    monkeypatch.setattr(saved_filters, "_check_can_be_told", lambda user: None)
    saved_filters.save(user=ana, region=scan.region, name="Removals", alert=True, filter_id=feed["id"])
    assert client.get(path_of(feed["feeds"]["atom"])).status_code == 404


def test_the_address_of_a_feed_is_in_no_line_of_the_log(client_of, client, ana, scan, caplog):
    caplog.set_level("INFO", "mapwright.requests")
    path = path_of(with_feed(client_of(ana), scan)["feeds"]["rss"])
    token = path.split("/")[2]
    assert client.get(path).status_code == 200
    assert client.get(path.replace("/rss/", "/html/")).status_code == 404
    lines = [JsonLines().format(record) for record in caplog.records if record.name != "django.db.backends"]
    told = [json.loads(line) for line in lines]
    assert [one["path"] for one in told if one.get("view") == "change-feed"] == [
        "/feeds/<str:feed_token>/<slug:feed_form>/"
    ] * 2
    assert not [line for line in lines if token in line]


def test_an_alert_that_could_reach_nobody_is_refused_with_the_remedy(client_of, ana, scan, settings):
    settings.SENDS_EMAIL = False
    assert "MAPWRIGHT_EMAIL_HOST" in saved(client_of(ana), scan, alert=True).json()["detail"]
    settings.SENDS_EMAIL = True
    type(ana).objects.filter(pk=ana.pk).update(email="")
    ana.refresh_from_db()
    assert "no e-mail address" in saved(client_of(ana), scan, alert=True).json()["detail"]


def test_each_lot_is_counted_of_what_fits_and_the_map_says_when_it_is_cut(client_of, ana, scan, monkeypatch):
    for n, confidence in enumerate((0.97, 0.92, 0.7)):
        ChangeFactory(scan=scan, geometry=square(n / 4, 0.5, 0.05), confidence=confidence)
    save_decision(ana, ChangeFactory(scan=scan, kind="remove", confidence=0.95), "reject", reason="still_there")
    url = f"/api/regions/{scan.region_id}/changes/"
    lots = {one["lot"]: one["open"] for one in client_of(ana).get(f"{url}lots/").json()["lots"]}
    assert lots == {"near_certain": 2, "judgement": 1}
    west, south, east, north = square(0.0, 0.5, 0.3).extent
    view = {"view": f"{west},{south},{east},{north}"}
    shown = client_of(ana).get(f"{url}map/", view).json()
    assert [one["properties"]["confidence"] for one in shown["features"]] == [0.97] and shown["cut"] is False
    monkeypatch.setattr("annotation.changes.api.queue.MOST_ON_MAP", 2)
    shown = client_of(ana).get(f"{url}map/").json()
    assert len(shown["features"]) == 2 and shown["cut"] is True
    assert SavedFilterFactory(owner=ana).query == ""


@pytest.mark.parametrize("asked", [{}, {"min_square_m": "1"}])
def test_a_lot_counts_what_the_person_gets_and_not_what_a_colleague_was_given_or_looks_at(client_of, ana, scan, asked):
    ben, tomorrow = UserFactory(), timezone.now() + dt.timedelta(days=1)
    RegionMember.objects.create(region=scan.region, user=ben)
    sure, given, held, judged = (ChangeFactory(scan=scan, confidence=one) for one in (0.97, 0.96, 0.95, 0.7))
    QueueItem.objects.filter(pk=given.item_id).update(assigned_to=ben, assigned_until=tomorrow)
    QueueItem.objects.filter(pk=held.item_id).update(lease_holder=ben, lease_expires_at=tomorrow)
    QueueItem.objects.filter(pk=judged.item_id).update(assigned_to=ana, assigned_until=tomorrow)
    url = f"/api/regions/{scan.region_id}/changes/lots/"

    def counted(person):
        return {one["lot"]: one["open"] for one in client_of(person).get(url, asked).json()["lots"]}

    assert counted(ana) == {"near_certain": 1, "judgement": 1}
    assert counted(ben) == {"near_certain": 3, "judgement": 0}
    assert sure.item.state == "open"


def test_a_value_that_a_blank_one_hides_is_not_kept_and_no_feed_fails_by_it(client_of, ana, scan):
    client = client_of(ana)
    assert saved(client, scan, query="max_confidence=nonsense&max_confidence=").status_code == 400
    url = path_of(with_feed(client, scan)["feeds"]["json"])
    SavedFilter.objects.update(query="max_confidence=nonsense")  # as one may have been kept before
    assert client.get(url).status_code == 404
