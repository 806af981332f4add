"""People, for tests."""


def make_user(stack, name, tenant="demo", roles="customer"):
    stack.command("admin", "create-user", "--username", name, "--password", "pulse-demo-1", "--email",
                  f"{name}@{tenant}.example", "--tenant", tenant, "--role", roles)
