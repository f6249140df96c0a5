"""What every walk tells, and how it waits."""

import json
import time


def step(name, value=True):
    print(json.dumps({"step": name, "value": value}), flush=True)


def eventually(probe):
    for _ in range(60):
        value = probe()
        if value:
            return value
        time.sleep(0.2)
    raise SystemExit("never became true: %s" % probe)
