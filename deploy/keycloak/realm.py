#!/usr/bin/env python3
"""Prints the realm to import, with what pulse-realm.json leaves open on purpose.

  REALM_SERVICE_SECRET=... realm.py [--password-grant] > data/import/pulse-realm.json

The secret of Pulse's service account comes from the environment, and an empty or short one is refused:
Keycloak itself would take it. --password-grant lets `pulse-ui` sign in by user name and password without a
browser; that is for development and tests only."""

import argparse
import json
import os
import pathlib
import sys

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--password-grant", action="store_true", help="development and tests only")
arguments = parser.parse_args()

secret = os.environ.get("REALM_SERVICE_SECRET", "")
if len(secret) < 32:
    sys.exit("REALM_SERVICE_SECRET: at least 32 characters are needed, e.g. of: openssl rand -hex 32")

realm = json.loads(pathlib.Path(__file__).with_name("pulse-realm.json").read_text())
clients = {client["clientId"]: client for client in realm["clients"]}
clients["pulse-service"]["secret"] = secret
clients["pulse-ui"]["directAccessGrantsEnabled"] = arguments.password_grant
json.dump(realm, sys.stdout, indent=2)
print()
