"""`manage.py ensure_admin`: make the first admin and print the password once."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from annotation.accounts.services.ensure_admin import ensure_admin


class Command(BaseCommand):
    help = "Make an admin with a random password, printed once; does nothing where an admin exists."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--username", default="admin")

    def handle(self, *args: Any, **options: Any) -> None:
        password = ensure_admin(options["username"])
        if password is None:
            self.stdout.write("An admin exists already; nothing changed. A new password: manage.py changepassword NAME")
            return
        self.stdout.write("An admin was made. This password is shown only now:")
        self.stdout.write(f"  user name: {options['username']}\n  password:  {password}")
