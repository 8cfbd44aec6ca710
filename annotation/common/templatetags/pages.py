"""Tags of the base page: the import map of the browser modules, and who is signed in."""

from functools import cache
from pathlib import Path
from typing import Any

from django import template
from django.conf import settings
from django.templatetags.static import static

register = template.Library()
MODULES = Path(settings.BASE_DIR) / "static" / "js"


@cache
def _module_names() -> tuple[str, ...]:
    """Every browser module, relative to static/js."""
    return tuple(sorted(path.relative_to(MODULES).as_posix() for path in MODULES.rglob("*.js")))


@register.simple_tag
def browser_modules() -> list[tuple[str, str]]:
    """Entries of the import map: `mapwright/lib/api.js` and its address, digest and all."""
    return [(f"mapwright/{name}", static(f"js/{name}")) for name in _module_names()]


@register.simple_tag(takes_context=True)
def page_user(context: dict[str, Any]) -> dict[str, Any]:
    """What the browser may know of the person signed in; the server checks every act again."""
    user = context["request"].user
    if not user.is_authenticated:
        return {"id": None, "name": "", "editor": False, "admin": False}
    return {"id": user.pk, "name": user.get_username(), "editor": user.is_editor, "admin": user.is_admin}
