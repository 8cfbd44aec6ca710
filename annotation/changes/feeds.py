"""Feeds of saved filters, read by whoever holds their signed address; nothing else is to be had by it."""

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from rest_framework.exceptions import ValidationError

from annotation.changes.reports import FEEDS, Feed, entries_of
from annotation.changes.services.feeds import address_of, newest_items
from annotation.changes.services.saved_filters import filter_of_token
from annotation.common.errors import NotFoundError


@require_safe
def feed(request: HttpRequest, feed_token: str, feed_form: str) -> HttpResponse:
    """The open changes that fit a saved filter, the newest first; what its owner may not see is not there."""
    try:
        kept = filter_of_token(feed_token)
        content_type, write = FEEDS[feed_form]
        items = newest_items(kept)
    except (NotFoundError, KeyError) as error:
        raise Http404("There is no such feed, or its address was withdrawn.") from error
    except ValidationError as error:
        raise Http404("The filter of this feed can't be read any more: its owner saves it anew.") from error
    entries = entries_of(items, address_of(request.build_absolute_uri))
    page = request.build_absolute_uri(f"/regions/{kept.region_id}/changes/?{kept.query}")
    newest = max((one.at for one in entries), default=timezone.now())
    told = Feed(f"{kept.name}: {kept.region.name}", page, request.build_absolute_uri(), newest, entries)
    reply = HttpResponse(write(told), content_type=content_type)
    reply["Cache-Control"] = "private, max-age=300"
    return reply
