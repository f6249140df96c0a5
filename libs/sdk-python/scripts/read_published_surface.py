"""Writes `tests/published_surface.json`: class, method and parameter names of the published client, read from its
source without importing it. Usage: `python scripts/read_published_surface.py FOLDER_OF_THE_PACKAGE`; Biome then formats
the file."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any, Dict, List, Union

OUT = Path(__file__).resolve().parent.parent / "tests" / "published_surface.json"
FILES = {
    "__init__": ["Stack", "AsyncStack"],
    "agents": ["AgentService"],
    "passports": ["PassportService", "Mission"],
    "passport_session": ["PassportSession"],
    "missions": ["MissionsService"],
    "proxy": ["ProxyService", "ProxyResponse"],
    "services": ["ServiceService"],
    "security_events": ["SecurityEventService"],
    "audit": ["AuditService"],
}
Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]


def parameters(function: Function) -> List[List[Any]]:
    """`[name, kind, default]`: the default as written, null without one."""
    spec = function.args
    positional = [*spec.posonlyargs, *spec.args]
    defaults: List[Any] = [None] * (len(positional) - len(spec.defaults)) + [ast.unparse(d) for d in spec.defaults]
    rows: List[List[Any]] = [[arg.arg, "positional", default] for arg, default in zip(positional, defaults)]
    for arg, keyword_default in zip(spec.kwonlyargs, spec.kw_defaults):
        rows.append([arg.arg, "keyword", None if keyword_default is None else ast.unparse(keyword_default)])
    if spec.kwarg is not None:
        rows.append([spec.kwarg.arg, "rest", None])
    return rows[1:] if rows and rows[0][0] in ("self", "cls") else rows


def surface(folder: Path) -> Dict[str, Any]:
    found: Dict[str, Any] = {}
    for file, classes in FILES.items():
        for node in ast.parse((folder / f"{file}.py").read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name in classes:
                functions = [item for item in node.body if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef))]
                shown = [f for f in functions if f.name == "__init__" or not f.name.startswith("_")]
                found[node.name] = {function.name: parameters(function) for function in shown}
    for file in ("verify_offline", "passport_header_verify", "_authority_request"):
        for node in ast.parse((folder / f"{file}.py").read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith(("verify_passport", "create_")):
                found[node.name] = parameters(node)
    return found


if __name__ == "__main__":
    OUT.write_text(json.dumps(surface(Path(sys.argv[1])), indent=1) + "\n", "utf-8")
