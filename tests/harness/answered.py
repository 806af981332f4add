"""After a whole run of the integration tests: was each operation of the OpenAPI document answered with success?

    answered.py FOLDER REPORT

FOLDER has what each of the run's processes saw (replay.py); what was seen and what nobody asked for goes to REPORT.
"""

import json
import pathlib
import subprocess
import sys

from conformance import Conformance
from servers import PULSE, environment


def report(document: dict, runs: list) -> dict:
    """`runs`: {"seen": [(method, path, status)], "checked": how many answers} of each process."""
    known = Conformance(document)
    successes = set(known.successes())
    seen = {tuple(s) for run in runs for s in run["seen"]}
    answered = {(m, p) for m, p, _ in successes & seen}
    return {
        "operations": sum(1 for _ in known.operations()),
        "responses_checked": sum(run["checked"] for run in runs),
        "seen": [f"{m} {p} {status}" for m, p, status in sorted(seen)],
        "successes_never_seen": [f"{m} {p} {status}" for m, p, status in sorted(successes - seen)],
        "operations_never_answered_with_success": [f"{m} {p}" for m, p, _ in known.operations() if (m, p) not in answered]}


def main(folder: str, file: str) -> int:
    document = json.loads(subprocess.run([PULSE, "openapi"], env=environment({"PULSE_IDENTITY": "embedded"}), capture_output=True,
                                         text=True, check=True).stdout)
    told = report(document, [json.loads(run.read_text()) for run in pathlib.Path(folder).glob("*.json")])
    pathlib.Path(file).write_text(json.dumps(told, indent=2) + "\n")
    for name in ("operations_never_answered_with_success", "successes_never_seen"):
        for left in told[name]:
            print(f"{name}: {left}")
    return 1 if told["operations_never_answered_with_success"] or told["successes_never_seen"] else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
