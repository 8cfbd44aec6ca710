"""Accounts: tokens, roles, and the first admin."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from annotation.accounts.models import User
from annotation.accounts.permissions import has_role
from tests import factories
from tests.factories_changes import ChangeFactory, save_decision

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_cache")]


def token(username: str, password: str = factories.PASSWORD):
    return APIClient().post("/api/auth/token/", {"username": username, "password": password}, format="json")


def test_a_token_signs_a_program_in():
    user = factories.UserFactory(role="editor")
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token(user.username).json()['token']}")
    me = client.get("/api/me/").json()
    assert (me["username"], me["role"], me["is_editor"], me["is_admin"]) == (user.username, "editor", True, False)


def test_wrong_and_unknown_and_inactive_answer_alike():
    user, gone = factories.UserFactory(), factories.UserFactory(is_active=False)
    answers = [token(user.username, "wrong"), token("nobody", "wrong"), token(gone.username)]
    assert {(answer.status_code, answer.content) for answer in answers} == {(400, answers[0].content)}
    assert answers[0].json()["code"] == "wrong_credentials"


def test_tokens_are_not_handed_out_in_a_stream():
    """Z6."""
    user = factories.UserFactory()
    answers = [token(user.username, "wrong").status_code for _ in range(25)]
    assert answers[-1] == 429
    assert token(user.username).status_code == 429


def test_a_session_may_not_write_without_the_token_of_its_form():
    """Z6."""
    user = factories.UserFactory(role="admin")
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    answer = client.post("/api/regions/", {"name": "forged"}, content_type="application/json")
    assert answer.status_code == 403


@pytest.mark.parametrize(("role", "may"), [("reviewer", [1, 0, 0]), ("editor", [1, 1, 0]), ("admin", [1, 1, 1])])
def test_a_role_may_what_lower_roles_may(role, may):
    user = factories.UserFactory.build(role=role)
    assert [has_role(user, wanted) for wanted in ("reviewer", "editor", "admin")] == [bool(x) for x in may]
    user.is_active = False
    assert not has_role(user, "reviewer")


def test_the_first_admin_gets_a_password_that_is_printed_once():
    first, second = io.StringIO(), io.StringIO()
    call_command("ensure_admin", stdout=first)
    call_command("ensure_admin", stdout=second)
    password = first.getvalue().split("password:")[1].split()[0]
    admin = User.objects.get(username="admin")
    assert admin.check_password(password) and admin.is_admin and admin.is_staff
    assert "shown only now" in first.getvalue() and "shown only now" not in second.getvalue()


def test_the_admin_site_shows_every_list(client_of):
    from django.contrib import admin

    client = client_of(factories.UserFactory(role="admin", is_staff=True, is_superuser=True))
    factories.PairFactory()
    factories.FootprintFactory()
    for model in admin.site._registry:
        meta = model._meta
        assert client.get(f"/admin/{meta.app_label}/{meta.model_name}/").status_code == 200, meta.label


def test_a_page_of_somebody_else_is_refused_in_this_session():
    ana, ben = factories.UserFactory(), factories.UserFactory()
    client = Client()
    client.force_login(ben)
    assert client.get("/api/me/", headers={"X-Person": str(ben.pk)}).status_code == 200
    refused = client.get("/api/me/", headers={"X-Person": str(ana.pk)})
    assert (refused.status_code, refused.json()["code"]) == (409, "other_person")
    assert client.get("/api/me/").status_code == 200


def test_a_new_token_ends_the_one_before_and_a_removed_one_signs_nobody_in():
    user = factories.UserFactory()
    first = token(user.username).json()["token"]
    own = APIClient()
    own.force_login(user)
    assert own.get("/api/me/token/").json()["created"] is not None
    second = own.post("/api/me/token/").json()["token"]
    assert second != first

    def asks(key: str) -> int:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Token {key}")
        return client.get("/api/me/").status_code

    assert [asks(first), asks(second)] == [401, 200]
    assert own.delete("/api/me/token/").status_code == 204
    assert asks(second) == 401
    assert own.get("/api/me/token/").json() == {"created": None}


def test_whoever_answered_something_is_switched_off_and_never_deleted(client_of):
    client = client_of(factories.UserFactory(role="admin", is_staff=True, is_superuser=True))
    asked, idle = factories.UserFactory(role="admin"), factories.UserFactory()
    save_decision(asked, ChangeFactory())
    page = client.get(f"/admin/accounts/user/{asked.pk}/change/").content.decode()
    assert "Who has answered something" in page and page.index('name="role"') < page.index('name="user_permissions"')
    assert client.post(f"/admin/accounts/user/{asked.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.post(f"/admin/accounts/user/{idle.pk}/delete/", {"post": "yes"}).status_code == 302
    assert set(User.objects.filter(pk__in=[asked.pk, idle.pk])) == {asked}
