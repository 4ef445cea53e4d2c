"""Tells mypy what wrapper and middleware add to Django; nothing at run time."""

from collections.abc import Callable

from mypy.nodes import ARG_OPT, ARG_POS, Argument, Var
from mypy.plugin import ClassDefContext, Plugin
from mypy.plugins.common import add_attribute_to_class, add_method_to_class
from mypy.types import AnyType, NoneType, Type, TypeOfAny

WRAPPER = "django.db.backends.base.base.BaseDatabaseWrapper"
REQUEST = "django.http.request.HttpRequest"


def _add_to_request(ctx: ClassDefContext) -> None:
    # `user` too: behind `may` and `signed_in` it is never the anonymous one.
    for name in ("authority", "htmx", "request_id", "user"):
        kind = AnyType(TypeOfAny.explicit)
        add_attribute_to_class(ctx.api, ctx.cls, name, kind)


def _add_to_wrapper(ctx: ClassDefContext) -> None:
    anything = AnyType(TypeOfAny.explicit)
    text = ctx.api.named_type("builtins.str", [])

    def argument(name: str, kind: Type, *, optional: bool = False) -> Argument:
        return Argument(Var(name, kind), kind, None, ARG_OPT if optional else ARG_POS)

    for name, kind in {
        "schema_name": text,
        "tenant": anything,
        "search_path_set_schemas": anything,
    }.items():
        add_attribute_to_class(ctx.api, ctx.cls, name, kind)
    for name, arguments in {
        "set_schema_to_public": [],
        "set_schema": [argument("schema_name", text)],
        "set_tenant": [argument("tenant", anything)],
        "take_role": [],
    }.items():
        add_method_to_class(ctx.api, ctx.cls, name, arguments, NoneType())


class AddedPlugin(Plugin):
    """Adds the attributes where Django's classes are defined."""

    def get_customize_class_mro_hook(
        self, fullname: str
    ) -> Callable[[ClassDefContext], None] | None:
        return {WRAPPER: _add_to_wrapper, REQUEST: _add_to_request}.get(fullname)


def plugin(_version: str) -> type[Plugin]:
    """Return the plugin, as mypy asks for it by this name."""
    return AddedPlugin
