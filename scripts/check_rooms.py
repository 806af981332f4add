#!/usr/bin/env python3
"""Checks that rooms include downwards only. A room may use the rooms that its line names; a folder of
src without a line here is a fault. `check_rooms.py [SRC]`."""

import pathlib
import re
import sys

ALLOWED = {
    "platform": set(),
    "tenancy": {"platform"},
    "identity": {"tenancy", "platform"},
    "account": {"identity", "tenancy", "platform"},
    "operations": {"identity", "tenancy", "platform"},
    "fleet": {"tenancy", "platform"},
    "routing": {"fleet", "tenancy", "platform"},
    "telemetry": {"routing", "fleet", "tenancy", "platform"},
    "connectivity": {"fleet", "tenancy", "platform"},
    "alerting": {"telemetry", "fleet", "tenancy", "platform"},
    "simulator": {"platform"},
    "gateway": {"alerting", "routing", "account", "operations", "identity", "fleet", "telemetry", "connectivity", "tenancy", "platform"},
}
# Beast takes 17 s to compile, libpq and nats.c are wrapped: their headers stay in one folder each.
ONLY_IN = {"boost/beast": "platform/http", "libpq-fe.h": "platform/pg", "nats/nats.h": "platform/nats",
           "hpdf.h": "platform/labels", "qrencode.h": "platform/labels"}

src = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent / "src"
faults = [f"src/{folder.name}: no room that check_rooms.py knows; give it a line in ALLOWED"
          for folder in sorted(src.iterdir()) if folder.is_dir() and folder.name not in ALLOWED]
for file in sorted(src.rglob("*.[ch]pp")):
    name = file.relative_to(src).as_posix()
    room = name.split("/")[0]
    for number, line in enumerate(file.read_text().splitlines(), 1):
        include = re.match(r'#include [<"]([^>"]+)[>"]', line)
        if not include:
            continue
        target = include[1]
        other = target.split("/")[0]
        if room in ALLOWED and other in ALLOWED and other != room and other not in ALLOWED[room]:
            faults.append(f"src/{name}:{number}: {room} must not include {other} ({target})")
        for header, folder in ONLY_IN.items():
            if target.startswith(header) and not name.startswith(folder):
                faults.append(f"src/{name}:{number}: {header} belongs into {folder} only")
for fault in faults:
    print(fault)
sys.exit(1 if faults else 0)
