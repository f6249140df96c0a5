"""Runs the cells of a documentation page, byte for byte, in one namespace that holds only ``os``.

usage: run_page.py PAGE [--revoke-between]

A cell begins behind a line ``python`` and is the longest run of paragraphs after it that Python can read.
Prints one JSON object: what the functions answered, what went wrong on the model server's side, how the run ended.
"""

import ast
import json
import os
import sys

from model_server import TRIAGE, ModelServer


def section(page, number):
    """The text between the heading of this section and the next."""
    lines = page.split("\n")
    starts = [i for i, line in enumerate(lines) if line.startswith(number + ". ")]
    rest = lines[starts[0] + 1 :]
    for i, line in enumerate(rest):
        head = line.split(". ")[0]
        if head != number and head.rstrip("b").isdigit() and ". " in line:
            return "\n".join(rest[:i])
    return "\n".join(rest)


def cell(page, number):
    text = section(page, number)
    code = text.split("\npython\n", 1)[1]
    paragraphs = code.split("\n\n")
    for count in range(len(paragraphs), 0, -1):
        candidate = "\n\n".join(paragraphs[:count])
        try:
            ast.parse(candidate)
        except SyntaxError:
            continue
        return candidate
    raise SystemExit("section %s holds no Python" % number)


def main():
    with open(sys.argv[1], encoding="utf8") as file:
        page = file.read()
    namespace = {"os": os}
    between = {}
    if "--revoke-between" in sys.argv:
        between[1] = lambda: exec(cell(page, "7"), namespace)
    ended = None
    with ModelServer(TRIAGE, between) as model:
        os.environ["OPENAI_BASE_URL"] = model.base_url
        try:
            for number in ("3", "4", "5"):
                exec(compile(cell(page, number), "section %s" % number, "exec"), namespace)
        except Exception as error:
            ended = repr(error)
    mission = namespace.get("mission")
    print(
        json.dumps(
            {
                "tool_results": model.tool_results(),
                "requests": len(model.requests),
                "failures": model.failures,
                "ended": ended,
                "jti": mission.passport.jti if mission else None,
                "token": mission.token if mission else None,
                "mission_id": mission.mission_id if mission else None,
                "review_status": mission.review_status if mission else None,
            }
        )
    )


if __name__ == "__main__":
    main()
