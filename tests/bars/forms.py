"""What a browser would send of a page's forms."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import html5lib

TYPED = {
    "text",
    "email",
    "tel",
    "number",
    "date",
    "datetime-local",
    "time",
    "password",
    "hidden",
    "search",
}


@dataclass
class Form:
    """A form with the values that stand in it."""

    action: str
    method: str
    values: dict[str, Any] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)


def forms(page: str, *, method: str = "post") -> Iterator[Form]:
    """The forms of a page that are sent by this method, in their order."""
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    for element in tree.iter("form"):
        form = Form(element.get("action", ""), element.get("method", "get").lower())
        if form.method == method:
            for control in element.iter():
                _take(form, control)
            yield form


def _take(form: Form, control: Any) -> None:
    name = control.get("name")
    if not name or control.tag not in {"input", "select", "textarea", "button"}:
        return
    form.names.add(name)
    kind = control.get("type", "text")
    if control.tag == "textarea":
        form.values[name] = "".join(control.itertext())
    elif control.tag == "select":
        chosen = [one for one in control.iter("option") if "selected" in one.attrib]
        for one in chosen or list(control.iter("option"))[:1]:
            form.values[name] = one.get("value", "")
    elif control.tag == "input" and kind in TYPED:
        form.values[name] = control.get("value", "")
    elif kind in {"checkbox", "radio"} and "checked" in control.attrib:
        form.values.setdefault(name, []).append(control.get("value", "on"))
