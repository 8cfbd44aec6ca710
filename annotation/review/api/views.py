"""Thin views of the queue: parse, call a service, serialise."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsReviewer
from annotation.review import selectors
from annotation.review.api import serializers
from annotation.review.api.http import parse, person
from annotation.review.services import claim, decide, lease, undo
from annotation.review.stages import get_stage


class QueueView(APIView):
    permission_classes = [IsReviewer]


class ClaimView(QueueView):
    @extend_schema(request=serializers.ClaimInput, responses=serializers.ClaimOutput)
    def post(self, request: Request, stage: str) -> Response:
        """Lease the next open item; `item` is null where there is none to give, with the counts that say why."""
        data = parse(serializers.ClaimInput, request.data)
        claimed = claim.claim(user=person(request), stage=stage, scope_id=data["region"], skip=data["skip"])
        subject = get_stage(stage).subject(claimed.item) if claimed.item else None
        counts = claimed.counts
        reply = {
            "item": claimed.item,
            "subject": subject,
            "open": counts.open if counts else None,
            "leased": counts.leased if counts else None,
        }
        return Response(serializers.ClaimOutput(reply).data)


class ReclaimView(QueueView):
    @extend_schema(request=None, responses=serializers.ClaimOutput)
    def post(self, request: Request, item_id: int) -> Response:
        """Take the lease on this item (again), such as to save a draft whose lease ran out."""
        item = lease.reclaim(user=person(request), item_id=item_id)
        reply = {"item": item, "subject": get_stage(item.stage).subject(item), "open": None, "leased": None}
        return Response(serializers.ClaimOutput(reply).data)


class HeartbeatView(QueueView):
    @extend_schema(request=serializers.LeaseInput, responses=serializers.LeasedItem)
    def post(self, request: Request, item_id: int) -> Response:
        """Extend a live lease; 409 lease_lost once it ended."""
        data = parse(serializers.LeaseInput, request.data)
        item = lease.heartbeat(user=person(request), item_id=item_id, lease_token=data["lease_token"])
        return Response(serializers.LeasedItem(item).data)


class ReleaseView(QueueView):
    @extend_schema(request=serializers.LeaseInput, responses=serializers.ReleaseOutput)
    def post(self, request: Request, item_id: int) -> Response:
        """Give the item back to the queue."""
        data = parse(serializers.LeaseInput, request.data)
        released = lease.release(user=person(request), item_id=item_id, lease_token=data["lease_token"])
        return Response({"released": released})


class DecideView(QueueView):
    @extend_schema(request=serializers.DecideInput, responses=serializers.SavedOutput)
    def post(self, request: Request, item_id: int) -> Response:
        """Save a decision; the same idempotency_key gets the same reply however often it is sent."""
        data = parse(serializers.DecideInput, request.data)
        said = decide.Decision(**{name: data[name] for name in ("decision", "reason", "comment", "payload", "seconds")})
        verdict = decide.decide(
            user=person(request),
            item_id=item_id,
            lease_token=data["lease_token"],
            version=data["version"],
            said=said,
            idempotency_key=data["idempotency_key"],
        )
        return Response(serializers.SavedOutput(verdict).data)


class UndoView(QueueView):
    @extend_schema(request=serializers.UndoInput, responses=serializers.SavedOutput)
    def post(self, request: Request, item_id: int) -> Response:
        """Take a decision back; the reply leases the item to the caller."""
        data = parse(serializers.UndoInput, request.data)
        verdict = undo.undo(user=person(request), item_id=item_id, **data)
        return Response(serializers.SavedOutput(verdict).data)


class HistoryView(QueueView):
    @extend_schema(responses=serializers.VerdictOutput(many=True))
    def get(self, request: Request, item_id: int) -> Response:
        """Every decision and undo of an item, oldest first."""
        item, _ = selectors.get_item(person(request), item_id)
        return Response(serializers.VerdictOutput(selectors.history(item), many=True).data)


class StatisticsView(QueueView):
    @extend_schema(parameters=[serializers.StatisticsQuery], responses=serializers.StatisticsOutput)
    def get(self, request: Request, stage: str) -> Response:
        """Decisions in force by kind, work by person, and the reason codes of this stage."""
        region = parse(serializers.StatisticsQuery, request.query_params)["region"]
        registered = get_stage(stage)
        registered.check_scope(person(request), region)
        reply = {
            "decisions": selectors.decision_counts(stage, region),
            "reviewers": selectors.reviewer_counts(stage, region),
            "reasons": registered.decisions,
        }
        return Response(serializers.StatisticsOutput(reply).data)
