"""Uploads over HTTP: signing in at the map's server, start, receipts, and what is never told."""

from __future__ import annotations

import logging
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.test import Client

from annotation.common.services import jobs
from annotation.edits.models import OsmAccount, Upload
from tests.annotation.edits.uploading import TOKEN, Case, make_case, sign_in_at
from tests.factories import UserFactory
from tests.osm_server import OsmServer
from tests.osm_server.process import SECRET

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def case(server: OsmServer) -> Case:
    return make_case(server)


def browser_of(case: Case) -> Client:
    client = Client()
    client.force_login(case.editor)
    return client


def allow(address: str, name: str = "Ada") -> str:
    """What a person does on the map's site; the address they are sent back to, without the host."""
    asked = urlsplit(address)
    form = {key: value[0] for key, value in parse_qs(asked.query).items()}
    there = f"{asked.scheme}://{asked.netloc}/oauth2/authorize"
    back = urlsplit(httpx.post(there, data={**form, "name": name, "decision": "yes"}).headers["Location"])
    return f"{back.path}?{back.query}"


def test_a_person_signs_in_uploads_and_reads_the_receipts(case: Case, client_of):
    browser = browser_of(case)
    assert browser.get("/api/osm-account/").json()["name"] is None
    here = f"/regions/{case.changeset.region_id}/edits/"
    to_the_map = browser.get("/osm/sign-in/", {"next": here})
    asked = parse_qs(urlsplit(to_the_map["Location"]).query)
    assert (asked["scope"], asked["code_challenge_method"]) == (["read_prefs write_api"], ["S256"])
    assert SECRET not in to_the_map["Location"]
    assert browser.get(allow(to_the_map["Location"]))["Location"] == here
    assert browser.get("/api/osm-account/").json()["name"] == "Ada"
    url = f"/api/changesets/{case.changeset.pk}/upload/"
    told = browser.get(url).json()
    assert (told["may"], told["account"], told["creates"]) == (True, "Ada", 10)
    upload = browser.post(url).json()
    assert (upload["state"], upload["osm_name"], upload["ended"]) == ("prepared", "Ada", False)
    jobs.execute(upload["job_id"])
    shown = browser.get(f"/api/uploads/{upload['id']}/").json()
    assert (shown["state"], shown["receipts"]) == ("done", shown["elements"])
    receipts = browser.get(f"/api/uploads/{upload['id']}/receipts/?page_size=500").json()["results"]
    assert {one["new_id"] for one in receipts if one["kind"] == "way" and one["old_id"] < 0} <= {
        row["id"] for row in case.server.present("way")
    }
    again = browser.post(url)
    assert (again.status_code, again.json()["code"]) == (409, "uploaded_already")
    dropped = browser.delete(f"/api/changesets/{case.changeset.pk}/")
    assert (dropped.status_code, dropped.json()["code"]) == (409, "uploaded_already")
    assert client_of(UserFactory()).post(url).status_code == 403


def test_only_the_answer_to_ones_own_question_signs_in_and_only_once(case: Case):
    browser, other = browser_of(case), Client()
    other.force_login(UserFactory(role="editor"))
    address = browser.get("/osm/sign-in/")["Location"]
    back = allow(address)
    other.get(back)  # somebody is lured to it
    assert not OsmAccount.objects.exists()
    browser.get(back.replace("state=", "state=x"))
    assert not OsmAccount.objects.exists()
    browser.get(back)
    assert not OsmAccount.objects.exists()  # a wrong answer used the question up
    back = allow(browser.get("/osm/sign-in/")["Location"])
    browser.get(back)
    account = OsmAccount.objects.get()
    browser.get(back)
    assert OsmAccount.objects.get().sealed_token == account.sealed_token


@pytest.mark.parametrize("away", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_nobody_is_led_elsewhere_after_signing_in(case: Case, away: str):
    browser = browser_of(case)
    back = allow(browser.get("/osm/sign-in/", {"next": away})["Location"])
    assert browser.get(back)["Location"] == "/"


def test_the_token_is_in_no_answer_log_or_page(case: Case, caplog, client_of):
    caplog.set_level(logging.DEBUG)
    sign_in_at(case.server, case.editor)
    browser = browser_of(case)
    upload = browser.post(f"/api/changesets/{case.changeset.pk}/upload/").json()
    jobs.execute(upload["job_id"])
    admin = UserFactory(role="admin", is_staff=True, is_superuser=True)
    pages = Client()
    pages.force_login(admin)
    row = Upload.objects.get()
    answers = [
        browser.get("/api/osm-account/"), browser.get(f"/api/changesets/{case.changeset.pk}/upload/"),
        browser.get(f"/api/uploads/{row.pk}/"), browser.get(f"/api/jobs/{row.job_id}/"),
        pages.get(f"/admin/edits/upload/{row.pk}/change/"), pages.get("/admin/edits/upload/"),
    ]  # fmt: skip
    assert {one.status_code for one in answers} == {200}
    text = caplog.text + "".join(one.content.decode() for one in answers)
    account = OsmAccount.objects.get()
    for secret in (TOKEN, account.sealed_token, SECRET, row.token):
        assert secret not in text
    assert row.state == "done" and TOKEN not in account.sealed_token


def test_who_signs_out_is_forgotten_here_and_there(case: Case):
    sign_in_at(case.server, case.editor)
    browser = browser_of(case)
    assert browser.delete("/api/osm-account/").status_code == 204
    assert not OsmAccount.objects.exists() and case.server.rows("SELECT * FROM tokens") == []
    assert browser.delete("/api/osm-account/").status_code == 204
    sign_in_at(case.server, case.editor)
    case.server.answer("POST", "/oauth2/revoke", 503)
    assert browser.delete("/api/osm-account/").status_code == 204
    assert not OsmAccount.objects.exists()


def test_where_uploads_are_off_it_is_said_and_nothing_is_asked(case: Case, settings):
    settings.OSM_UPLOAD = False
    before = len(case.server.requests())
    browser = browser_of(case)
    told = browser.get("/api/osm-account/").json()
    assert (told["server"], told["why_not"][0]["code"]) == (None, "upload_off")
    assert browser.post(f"/api/changesets/{case.changeset.pk}/upload/").json()["code"] == "upload_off"
    assert browser.get("/osm/sign-in/")["Location"] == "/"
    assert browser.delete("/api/osm-account/").status_code == 409
    assert len(case.server.requests()) == before
