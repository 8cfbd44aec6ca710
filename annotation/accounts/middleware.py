"""Keeps a page from answering as somebody else, once another person has signed in in the same browser."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse

HEADER = "X-Person"


class SamePerson:
    """Refuses a request whose page belongs to another person than the session: 409 `other_person`.

    Pages name their person in the header `X-Person`; requests without it, such as those of programs, pass.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        person = request.headers.get(HEADER)
        if person is not None and request.user.is_authenticated and person != str(request.user.pk):
            detail = (
                f"{request.user.get_username()} has signed in in this browser since this page was opened: "
                "sign in again as the person whose page this is, or load the page anew"
            )
            return JsonResponse({"code": "other_person", "detail": detail}, status=409)
        return self.get_response(request)
