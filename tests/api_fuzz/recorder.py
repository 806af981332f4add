"""What the fuzzer sent and was answered, by caller and operation."""

import collections


class Recorder:
    def __init__(self):
        self.operations = {}
        self._fresh = []

    def answered(self, caller: str, operation: str, status: int, real: bool, by: str, media_type: str | None = None):
        """`by`: the method; others than the operation's own are tried, too. `media_type`: of the body."""
        entry = self._entry(caller, operation)
        entry["requests"] += 1
        if by.upper() != operation.split()[0]:
            entry["by_other_methods"] += 1
            return
        entry["existing"] += real
        entry["statuses"][str(status)] += 1
        if media_type and status < 400:
            entry["taken_as"][media_type] += 1

    def failed(self, caller: str, operation: str, check: str, status: int | None, message: str, curl: str):
        """One failure of a kind is told: the others say the same of other values."""
        failures = self._entry(caller, operation)["failures"]
        for known in failures:
            if (known["check"], known["status"]) == (check, status) and known["message"][:60] == message[:60]:
                known["times"] += 1
                return
        failures.append({"check": check, "status": status, "message": message, "curl": curl, "times": 1})
        self._fresh.append(f"{caller}: {operation}: {check}: {message}\n    {curl}")

    def count(self, caller: str, operation: str) -> int:
        return self._entry(caller, operation)["requests"]

    def succeeded(self):
        """The operations that had an answer below 400."""
        return {key.split(": ", 1)[1] for key, entry in self.operations.items()
                if any(int(status) < 400 for status in entry["statuses"])}

    def taken_as(self, media_type: str):
        """The operations that took a body of this type."""
        return {key.split(": ", 1)[1] for key, entry in self.operations.items() if entry["taken_as"][media_type]}

    def take_failures(self):
        out, self._fresh = self._fresh, []
        return out

    def report(self):
        total = collections.Counter()
        for entry in self.operations.values():
            total.update(entry["statuses"])
        return {"operations": len({key.split(": ", 1)[1] for key in self.operations}),
                "requests": sum(e["requests"] for e in self.operations.values()),
                "statuses": dict(sorted(total.items())),
                "failures": sum(len(e["failures"]) for e in self.operations.values()),
                "of": {key: {**e, "statuses": dict(sorted(e["statuses"].items()))}
                       for key, e in sorted(self.operations.items())}}

    def _entry(self, caller, operation):
        return self.operations.setdefault(f"{caller}: {operation}", {
            "requests": 0, "by_other_methods": 0, "existing": 0, "statuses": collections.Counter(),
            "taken_as": collections.Counter(), "failures": []})
