"""The page behind the link of a digest: whoever holds it may end that digest, and can do nothing else."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from annotation.common.errors import NotFoundError
from annotation.digest.services.choose import digest_of_token, unsubscribe


# Mail programs post here themselves (RFC 8058), without a cookie; what lets them is the signed address.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest, digest_token: str) -> HttpResponse:
    """Ask on GET, since scanners of mail follow links; end it on POST."""
    try:
        digest = unsubscribe(digest_token) if request.method == "POST" else digest_of_token(digest_token)
    except NotFoundError as error:
        raise Http404(error.detail) from error
    context = {"left": request.method == "POST", "to": digest.user.email}
    response = render(request, "digest/leave.html", context)
    response["Referrer-Policy"] = "no-referrer"
    return response
