"""Certificates as openssl makes them, for tests of those that Pulse is shown."""

import pathlib
import subprocess

from servers import make_authority


def openssl(*args, stdin=None, check=True):
    return subprocess.run(["openssl", *map(str, args)], input=stdin, capture_output=True, text=True, check=check)


def request_of(folder: pathlib.Path, common_name: str, name: str = "made", key: str = "rsa:2048"):
    """{name}.csr with its key in {name}.key; `key` "ec" is P-256."""
    kind = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if key == "ec" else [key]
    openssl("req", "-newkey", *kind, "-nodes", "-subj", "/CN=" + common_name.replace("/", "\\/"), "-keyout",
            folder / f"{name}.key", "-out", folder / f"{name}.csr")
    return folder / f"{name}.csr"


def signed(folder: pathlib.Path, ca: str, common_name: str, name: str = "made", key: str = "rsa:2048", days: int = 30):
    """Certificate and key, by an authority of make_authority in the same folder; openssl's own defaults otherwise."""
    csr = request_of(folder, common_name, name, key)
    openssl("x509", "-req", "-in", csr, "-CA", folder / f"{ca}.pem", "-CAkey", folder / f"{ca}.key", "-CAcreateserial",
            "-days", days, "-out", folder / f"{name}.pem")
    return folder / f"{name}.pem", folder / f"{name}.key"


def proven(folder: pathlib.Path, ca: str, nonce: str, name: str = "Factory") -> dict:
    """The body that makes an authority trusted."""
    if not (folder / f"{ca}.pem").exists():
        make_authority(folder, ca, f"{ca} CA")
    proof, _ = signed(folder, ca, nonce, f"{ca}-proof", key="ec")
    return {"name": name, "ca_cert_pem": (folder / f"{ca}.pem").read_text(), "verification_cert_pem": proof.read_text()}
