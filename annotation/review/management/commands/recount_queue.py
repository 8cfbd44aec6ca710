"""`manage.py recount_queue`: count every queue anew, after somebody wrote past the database's triggers."""

from typing import Any

from django.core.management.base import BaseCommand

from annotation.review.services.counts import recount


class Command(BaseCommand):
    help = "Count the items of every queue anew; answers wait until it is done."

    def handle(self, *args: Any, **options: Any) -> None:
        recount()
        self.stdout.write("The queues are counted.")
