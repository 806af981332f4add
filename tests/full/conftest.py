"""Pulse with a real Keycloak as its directory."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))

from keycloak import Keycloak  # noqa: E402
from servers import Stack  # noqa: E402


@pytest.fixture(scope="session")
def stack():
    # Pulse asks its ops jobs for repairs, and follows keys, as in production.
    with Keycloak() as keycloak, Stack(keycloak=keycloak, devices=3) as running:
        running.command("admin", "create-tenant", "--id", "other", "--name", "Other company")
        running.command("admin", "create-user", "--username", "other1", "--password", "pulse-demo-1", "--email",
                        "other1@other.example", "--tenant", "other", "--role", "customer,tenant-admin")
        yield running


@pytest.fixture(scope="session")
def keycloak(stack):
    return stack.keycloak
