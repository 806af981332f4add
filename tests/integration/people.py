"""People and their emails, for tests."""

import email
import email.policy
import re


def make_user(stack, name, tenant="demo", roles="customer"):
    stack.command("admin", "create-user", "--username", name, "--password", "pulse-demo-1", "--email",
                  f"{name}@{tenant}.example", "--tenant", tenant, "--role", roles)


def emails(stack, to):
    """Emails to this address, oldest first: [{subject, text, links}]. Without an SMTP server they are files."""
    out = []
    for file in sorted((stack.home / "data/outbox").glob("*.eml"), key=lambda f: f.stat().st_mtime_ns):
        message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        if to in message["To"]:
            text = message.get_body(("plain",)).get_content()
            out.append({"subject": message["Subject"], "text": text, "links": re.findall(r"https?://\S+", text)})
    return out
