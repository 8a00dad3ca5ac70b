"""Can an answer be sent as its client wants it? JSON is all there is; what the real API server has besides is 501."""

from __future__ import annotations

from plimsoll.embedded.core.problem import Problem, not_implemented

_PLAIN = ("*/*", "application/json")
_OTHERS = ("application/vnd.kubernetes.protobuf", "application/yaml")


def check_accept(accept: str) -> None:
    """Hold the media types that a client takes against the one there is; none named are all.

    Raises:
        Problem: 406, the real API server sends none of them either; 501, it does.
    """
    undone = ""
    for each in filter(None, map(str.strip, accept.split(","))):
        kind, *parameters = (part.strip() for part in each.split(";"))
        transformed = any(parameter.startswith("as=") for parameter in parameters)
        if kind in _PLAIN and not transformed:
            return
        if kind in _OTHERS or transformed:
            undone = undone or each
    if undone:
        raise not_implemented(f"answers as {undone}; application/json is there")
    if accept.strip():
        known = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
        raise Problem(406, "NotAcceptable", f"406: Not Acceptable\n\nAvailable representations: {known}", {})
