"""Tells mypy what our wrapper adds to Django's connection; nothing at run time."""

from collections.abc import Callable

from mypy.nodes import ARG_OPT, ARG_POS, Argument, Var
from mypy.plugin import ClassDefContext, Plugin
from mypy.plugins.common import add_attribute_to_class, add_method_to_class
from mypy.types import AnyType, NoneType, Type, TypeOfAny

WRAPPER = "django.db.backends.base.base.BaseDatabaseWrapper"


def _add(ctx: ClassDefContext) -> None:
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


class ConnectionPlugin(Plugin):
    """Adds the attributes where Django's class is defined."""

    def get_customize_class_mro_hook(
        self, fullname: str
    ) -> Callable[[ClassDefContext], None] | None:
        return _add if fullname == WRAPPER else None


def plugin(_version: str) -> type[Plugin]:
    """Return the plugin, as mypy asks for it by this name."""
    return ConnectionPlugin
