"""A small S3: enough of its protocol for what Pulse asks, with every signature (Version 4) checked by our own hand."""

import hashlib
import hmac
import http.server
import threading
import urllib.parse

ACCESS, SECRET, REGION, BUCKET = "test-access", "test-secret", "us-east-1", "pulse"


def signature(method, path, query, headers, signed, payload, time):
    """As the manual has it: canonical request, string to sign, derived key."""
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in signed.split(";"))
    canonical = "\n".join([method, path, query, lines, signed, payload])
    scope = f"{time[:8]}/{REGION}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", time, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + SECRET).encode()
    for step in (time[:8], REGION, "s3", "aws4_request"):
        key = hmac.digest(key, step.encode(), "sha256")
    return hmac.new(key, text.encode(), "sha256").hexdigest()


class FakeS3:
    """`objects` by key; `refused`: requests whose signature did not fit; `down`: answer 503."""

    def __init__(self):
        self.objects, self.uploads, self.refused, self.down = {}, {}, [], False
        self.keys = {}  # of uploads
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do(self):
                fake.serve(self)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def settings(self):
        return {"PULSE_STORAGE": "s3", "S3_ENDPOINT": self.url, "S3_BUCKET": BUCKET, "S3_ACCESS_KEY": ACCESS,
                "S3_SECRET_KEY": SECRET, "S3_REGION": REGION}

    def signed(self, request, path, query, body):
        headers = {k.lower(): v for k, v in request.headers.items()}
        if "X-Amz-Signature" in dict(query):
            rest = [(k, v) for k, v in query if k != "X-Amz-Signature"]
            encoded = "&".join(sorted(f"{urllib.parse.quote(k, safe='')}={urllib.parse.quote(v, safe='')}" for k, v in rest))
            q = dict(query)
            return q["X-Amz-Signature"] == signature(request.command, path, encoded, headers, q["X-Amz-SignedHeaders"],
                                                     "UNSIGNED-PAYLOAD", q["X-Amz-Date"])
        given = dict(part.split("=", 1) for part in headers.get("authorization", "x x=x").split(" ", 1)[1].split(","))
        if headers.get("x-amz-content-sha256") != hashlib.sha256(body).hexdigest() or "SignedHeaders" not in given:
            return False
        encoded = "&".join(sorted(f"{urllib.parse.quote(k, safe='')}={urllib.parse.quote(v, safe='')}" for k, v in query))
        return given["Signature"] == signature(request.command, path, encoded, headers, given["SignedHeaders"],
                                               headers["x-amz-content-sha256"], headers["x-amz-date"])

    def serve(self, request):
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        path, _, text = request.path.partition("?")
        query = urllib.parse.parse_qsl(text, keep_blank_values=True)
        asked = dict(query)
        status, answer, headers = 200, b"", {}
        key = urllib.parse.unquote(path).removeprefix(f"/{BUCKET}/")
        if self.down:
            status = 503
        elif not self.signed(request, path, query, body):
            self.refused.append(f"{request.command} {request.path}")
            status, answer = 403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>"
        elif request.command == "POST" and "uploads" in asked:
            upload = f"up/{len(self.uploads)}+x="  # what must be encoded in queries
            self.uploads[upload] = {}
            self.keys[upload] = key
            answer = f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>".encode()
        elif request.command == "PUT" and "partNumber" in asked:
            self.uploads[asked["uploadId"]][int(asked["partNumber"])] = body
            headers["ETag"] = f'"{hashlib.md5(body).hexdigest()}"'
        elif request.command == "POST":
            parts = self.uploads.pop(asked["uploadId"], None)
            tags = [f'"{hashlib.md5(parts[n]).hexdigest()}"' for n in sorted(parts)] if parts else []
            # All but the last have S3's least size.
            if not parts or any(len(parts[n]) < 5 * 1024 * 1024 for n in sorted(parts)[:-1]) or not all(
                    t in body.decode() for t in tags):
                answer = b"<Error><Code>InvalidPart</Code></Error>"  # with a 200, as S3 does
            else:
                self.objects[key] = b"".join(parts[n] for n in sorted(parts))
        elif request.command == "PUT" and request.headers.get("x-amz-copy-source"):
            source = urllib.parse.unquote(request.headers["x-amz-copy-source"]).removeprefix(f"/{BUCKET}/")
            self.objects[key] = self.objects[source]
        elif request.command == "DELETE":
            self.uploads.pop(asked.get("uploadId"), None)
            if "uploadId" not in asked:
                self.objects.pop(key, None)
            status = 204
        elif "list-type" in asked:  # two at a time, so that who asks once only is found out
            found = [k for k in sorted(self.objects) if k.startswith(asked["prefix"])][:2]
            answer = "".join(f"<Contents><Key>{k}</Key></Contents>" for k in found).encode()
        elif "uploads" in asked:
            found = [u for u in self.uploads if self.keys[u].startswith(asked["prefix"])][:2]
            answer = "".join(f"<Upload><Key>{self.keys[u]}</Key><UploadId>{u}</UploadId></Upload>" for u in found).encode()
        elif key not in self.objects:
            status, answer = 404, b"<Error><Code>NoSuchKey</Code></Error>"
        else:
            answer = self.objects[key]
            if request.headers.get("Range"):
                first, last = request.headers["Range"].removeprefix("bytes=").split("-")
                last = min(int(last or len(answer) - 1), len(answer) - 1)
                status = 206
                headers["Content-Range"] = f"bytes {first}-{last}/{len(answer)}"
                answer = answer[int(first):last + 1]
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(answer)))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(answer)
