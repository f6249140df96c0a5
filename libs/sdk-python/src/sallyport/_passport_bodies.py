"""Request bodies of passports and missions, from the arguments of `issue`, `mission` and `delegate` (api.md §6, §7)."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from . import _jws as jws
from ._calls import without_none
from ._durations import Duration, seconds

Scopes = Sequence[Union[Mapping[str, Any], str]]
Rules = Mapping[str, Sequence[Any]]


def one_mission(mission_ids: Optional[Sequence[str]]) -> List[str]:
    """ValueError unless it holds exactly one id: every passport belongs to one mission."""
    if isinstance(mission_ids, (list, tuple)) and len(mission_ids) == 1:
        mission_id = mission_ids[0]
        if isinstance(mission_id, str) and mission_id:
            return [mission_id]
    raise ValueError("mission_ids must hold exactly one mission id: missions.open or missions.start gives one")


def optional_seconds(duration: Optional[Duration]) -> Optional[int]:
    return None if duration is None or duration == "" else seconds(duration)


def intent_body(
    summary: Optional[str],
    services: Optional[Sequence[str]],
    will_delegate: bool,
    estimated_duration: Optional[Duration],
) -> Optional[Dict[str, Any]]:
    if not summary and not services:
        return None
    return without_none(
        summary=summary or "",
        services=list(services or []),
        will_delegate=will_delegate,
        estimated_duration_seconds=optional_seconds(estimated_duration),
    )


def scopes_with_rules(
    services: Sequence[str], scopes: Optional[Scopes], constraints: Optional[Rules], named_intents: Optional[Rules]
) -> Optional[List[Any]]:
    """`scopes` with the rules that `constraints` and `named_intents` map service slugs to. Since `scopes` names all
    that the passport gets, every declared service keeps an entry, with or without rules of its own."""
    if not constraints and not named_intents:
        return list(scopes) if scopes else None
    ruled = [*(constraints or {}), *(named_intents or {})]
    undeclared = [slug for slug in ruled if services and slug not in services]
    if undeclared:
        raise ValueError(f"rules for a service that the mission does not declare: {', '.join(undeclared)}")
    given = list(scopes or [])
    words = [scope for scope in given if isinstance(scope, str)]
    entries: List[Dict[str, Any]] = [dict(scope) for scope in given if not isinstance(scope, str)]
    for slug in dict.fromkeys([*([] if entries else services), *ruled]):
        entry = next((scope for scope in entries if scope.get("service") == slug), None)
        if entry is None:
            entry = {"service": slug, **({"scopes": words} if words else {})}
            entries.append(entry)
        for key, rules in (("constraints", constraints), ("any_intents", named_intents)):
            if rules and slug in rules:
                entry[key] = [*entry.get(key, []), *rules[slug]]
    return entries


def delegated_scopes(parent_token: str, scopes: Optional[Scopes]) -> List[Any]:
    """What the child gets: entries as given, or those of the parent's token, all or the services named. The token
    is not verified here; the server compares with the parent that it knows."""
    if scopes is not None and all(isinstance(scope, dict) for scope in scopes):
        return list(scopes)
    stack = jws.unverified_claims(parent_token).get("stk")
    held = stack.get("services") if isinstance(stack, dict) else None
    if not isinstance(held, list) or not all(isinstance(entry, dict) for entry in held):
        raise ValueError("parent_token is not a passport")
    names = {entry.get("service_name") for entry in held}
    missing = [name for name in scopes or [] if name not in names]
    if missing:
        raise ValueError(f"the parent passport does not hold {', '.join(map(str, missing))}")
    return [
        {
            "service_connection_id": entry.get("connection_id"),
            "scopes": entry.get("scopes"),
            **{key: entry[key] for key in ("constraints", "allow_data_from") if key in entry},
        }
        for entry in held
        if scopes is None or entry.get("service_name") in scopes
    ]


def checkpoint_body(
    services_used: Optional[Sequence[str]],
    actions_count: Optional[int],
    tool_calls: Optional[Sequence[Mapping[str, Any]]],
    summary: Optional[str],
    delegated_to: Optional[Sequence[str]],
) -> Dict[str, Any]:
    return without_none(
        services_used=list(services_used) if services_used is not None else None,
        actions_count=actions_count,
        tool_calls=list(tool_calls) if tool_calls else None,
        summary=summary or None,
        delegated_to=list(delegated_to) if delegated_to else None,
    )
