"""Firmware in an S3 bucket: parts, checksums and links, every request signed."""

import hashlib
import os

import pytest
import requests
from conftest import Api
from s3 import FakeS3
from servers import Stack
from updates import begin, put_part, uploaded


@pytest.fixture(scope="module")
def bucket():
    fake = FakeS3()
    yield fake
    fake.close()


@pytest.fixture(scope="module")
def brief(bucket):
    with Stack(settings=bucket.settings(), devices=1) as running:
        yield running


@pytest.fixture(scope="module")
def api(brief):
    return Api(brief, "customer1")


def test_a_file_in_parts_and_its_link(bucket, api):
    content = os.urandom(6_000_000)
    made = uploaded(api, content, checksum_sha256=hashlib.sha256(content).hexdigest())
    assert bucket.objects == {f"firmware/demo/{made['checksum_sha256']}": content} and bucket.uploads == {}
    link = api.get(made["file_url"], allow_redirects=False).headers["Location"]
    assert link.startswith(bucket.url) and "X-Amz-Expires=3600" in link
    assert requests.get(link, timeout=10).content == content
    assert requests.get(link, headers={"Range": "bytes=5-9"}, timeout=10).content == content[5:10]
    assert bucket.refused == []
    for changed in (link.replace("X-Amz-Expires=3600", "X-Amz-Expires=360000"), link.replace("demo", "other")):
        assert requests.get(changed, timeout=10).status_code == 403
    bucket.refused.clear()
    assert api.delete(f"/firmware/{made['id']}").status_code == 204 and bucket.objects == {}


def test_what_is_given_up_leaves_nothing(bucket, api):
    content = os.urandom(10)
    upload = begin(api, content)
    assert put_part(api, upload, 1, content).status_code == 200
    assert api.delete(f"/firmware/uploads/{upload['upload_id']}").status_code == 204
    spoilt = begin(api, content, checksum_sha256="0" * 64)
    assert put_part(api, spoilt, 1, content).status_code == 200
    assert api.post(f"/firmware/uploads/{spoilt['upload_id']}/complete").status_code == 400
    assert bucket.objects == {} and bucket.uploads == {} and bucket.refused == []


def test_a_bucket_that_does_not_answer(bucket, api):
    content = os.urandom(10)
    upload = begin(api, content)
    bucket.down = True
    try:
        refused = put_part(api, upload, 1, content)
        assert refused.status_code == 503 and refused.json()["detail"] == "Object storage unavailable"
        assert api.post("/firmware/uploads", json={"version": "later", "size_bytes": 5}).status_code == 503
    finally:
        bucket.down = False
    assert put_part(api, upload, 1, content).status_code == 200
    assert api.post(f"/firmware/uploads/{upload['upload_id']}/complete").status_code == 201


def test_the_files_of_a_removed_tenant_go(bucket, brief, api):
    brief.command("admin", "create-tenant", "--id", "gone", "--name", "Gone")
    brief.command("admin", "create-user", "--username", "gone1", "--password", "pulse-demo-1", "--email",
                  "gone1@gone.example", "--tenant", "gone", "--role", "customer,tenant-admin")
    gone = Api(brief, "gone1")
    mine = uploaded(api, os.urandom(10))
    for _ in range(3):  # more than a page of the bucket's list
        uploaded(gone, os.urandom(10))
        open_one = begin(gone, b"0123456789")
    assert put_part(gone, open_one, 1, b"0123456789").status_code == 200
    bucket.refused.clear()
    brief.sql("UPDATE tenants SET status = 'DELETED', deleted_at = now(), purge_after = now() WHERE tenant_id = 'gone'")
    brief.command("admin", "purge-tenants")
    assert [k for k in bucket.objects if "/gone/" in k] == [] and f"firmware/demo/{mine['checksum_sha256']}" in bucket.objects
    assert [k for u, k in bucket.keys.items() if u in bucket.uploads and "/gone/" in k] == [] and bucket.refused == []
