"""Thin views of the queue: parse, call a service, serialise."""

from collections.abc import Sequence

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsEditor, IsReviewer
from annotation.review import selectors
from annotation.review.api import serializers
from annotation.review.api.http import parse, person
from annotation.review.models import QueueItem
from annotation.review.services import assign, claim, decide, lease, reassign, undo
from annotation.review.stages import get_stage


class QueueView(APIView):
    permission_classes = [IsReviewer]


def _claimed(item: QueueItem | None, counts: selectors.QueueCounts | None, after: Sequence[int] = ()) -> Response:
    reply = {
        "item": item,
        "subject": get_stage(item.stage).subject(item) if item else None,
        "flag": selectors.last_flag(item) if item else None,
        "next": after,
        **{name: getattr(counts, name, None) for name in ("open", "leased", "blocked", "counted_to")},
    }
    return Response(serializers.ClaimOutput(reply).data)


class ClaimView(QueueView):
    @extend_schema(request=serializers.ClaimInput, responses=serializers.ClaimOutput)
    def post(self, request: Request, stage: str) -> Response:
        """Lease the next open item; `item` is null where there is none to give, with the counts that say why."""
        data = parse(serializers.ClaimInput, request.data)
        claimed = claim.claim(
            user=person(request), stage=stage, scope_id=data["region"], skip=data["skip"], batch_id=data["batch"],
            first=data["first"], wanted=data["wanted"],
        )  # fmt: skip
        return _claimed(claimed.item, claimed.counts, claimed.next)


class WaitingView(QueueView):
    @extend_schema(parameters=[serializers.StatisticsQuery], responses=serializers.WaitingOutput)
    def get(self, request: Request, stage: str) -> Response:
        """How many items of a region's queue wait for an answer, from counts that are kept."""
        region = parse(serializers.StatisticsQuery, request.query_params)["region"]
        return Response({"open": selectors.waiting(person(request), stage, region)})


class ReclaimView(QueueView):
    @extend_schema(request=None, responses=serializers.ClaimOutput)
    def post(self, request: Request, item_id: int) -> Response:
        """Take the lease on this item (again), such as to save a draft whose lease ran out."""
        item = lease.reclaim(user=person(request), item_id=item_id)
        return _claimed(item, None)


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


class ReassignView(QueueView):
    @extend_schema(request=serializers.ReassignInput, responses=serializers.SavedOutput)
    def post(self, request: Request, item_id: int) -> Response:
        """Flag the item to a colleague, who alone gets it next; `to: null` puts it back for everyone."""
        data = parse(serializers.ReassignInput, request.data)
        verdict = reassign.reassign(user=person(request), item_id=item_id, **data)
        return Response(serializers.SavedOutput(verdict).data)


class AssignView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(request=serializers.AssignInput, responses=serializers.AssignedOutput)
    def post(self, request: Request, stage: str) -> Response:
        """Give open items to a person for some days: they come first there, and nobody else gets them."""
        data = parse(serializers.AssignInput, request.data)
        region = data.pop("region")
        return Response({"given": assign.assign(user=person(request), stage=stage, scope_id=region, **data)})


class HistoryView(QueueView):
    @extend_schema(responses=serializers.VerdictOutput(many=True))
    def get(self, request: Request, item_id: int) -> Response:
        """Every decision and undo of an item, oldest first."""
        user = person(request)
        item, _ = selectors.get_item(user, item_id)
        return Response(serializers.VerdictOutput(selectors.history(user, item), many=True).data)


class StatisticsView(QueueView):
    @extend_schema(parameters=[serializers.StatisticsQuery], responses=serializers.StatisticsOutput)
    def get(self, request: Request, stage: str) -> Response:
        """Decisions in force by kind, work by person, and the reason codes of this stage."""
        region = parse(serializers.StatisticsQuery, request.query_params)["region"]
        registered = get_stage(stage)
        registered.check_scope(person(request), region)
        reply = {
            "decisions": selectors.decision_counts(stage, region),
            "waiting": selectors.waiting_for_second(stage, region).total(),
            "reviewers": selectors.reviewer_counts(stage, region),
            "reasons": registered.decisions,
        }
        return Response(serializers.StatisticsOutput(reply).data)
