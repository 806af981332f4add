// Objects in an S3 bucket.
#include <charconv>

#include "platform/crypto/crypto.hpp"
#include "platform/storage/sigv4.hpp"
#include "platform/storage/storage.hpp"

namespace pulse::storage {

namespace {

/// The text of the first <name> of an XML answer; empty when there is none.
std::string element(std::string_view xml, std::string_view name) {
  const std::string open = "<" + std::string(name) + ">", close = "</" + std::string(name) + ">";
  const auto from = xml.find(open);
  if (from == std::string_view::npos) return {};
  const auto begin = from + open.size(), end = xml.find(close, begin);
  return end == std::string_view::npos ? std::string()
                                       : std::string(xml.substr(begin, end - begin));
}

/// The texts of all <name> of an XML answer.
std::vector<std::string> elements(std::string_view xml, std::string_view name) {
  const std::string open = "<" + std::string(name) + ">";
  std::vector<std::string> out;
  for (auto at = xml.find(open); at != std::string_view::npos; at = xml.find(open, at + 1))
    out.push_back(element(xml.substr(at), name));
  return out;
}

/// An S3 address taken apart.
struct Endpoint {
  std::string origin, host, base_path;
};
Endpoint endpoint_of(const std::string& url) {
  const auto parts = http::parse_url(url);
  const bool usual = parts.port == (parts.scheme == "https" ? 443 : 80);
  Endpoint out;
  out.host = parts.host + (usual ? "" : ":" + std::to_string(parts.port));
  out.origin = parts.scheme + "://" + out.host;
  out.base_path = parts.target == "/" ? "" : parts.target;
  return out;
}

class S3 : public Storage {
 public:
  S3(S3Options options, http::OutboundClient& client)
      : options_(std::move(options)),
        client_(client),
        inside_(endpoint_of(options_.endpoint)),
        outside_(options_.public_endpoint.empty() ? inside_
                                                  : endpoint_of(options_.public_endpoint)) {
    credentials_.access_key = options_.access_key;
    credentials_.secret_key = options_.secret_key;
    credentials_.region = options_.region;
  }

  Task<std::string> begin(std::string key) override {
    auto request = about("POST", key);
    request.query.emplace_back("uploads", "");
    const auto answer = co_await ask(std::move(request), {});
    auto upload = element(answer.body, "UploadId");
    if (upload.empty()) throw Error("S3 gave no upload id for " + key);
    co_return upload;
  }

  Task<std::string> put_part(std::string key, std::string upload, int number,
                             std::string bytes) override {
    auto request = about("PUT", key);
    request.query.emplace_back("partNumber", std::to_string(number));
    request.query.emplace_back("uploadId", upload);
    const auto answer = co_await ask(std::move(request), std::move(bytes));
    co_return std::string(answer.headers.get("ETag"));
  }

  Task<> finish(std::string key, std::string upload, std::vector<Part> parts) override {
    auto request = about("POST", key);
    request.query.emplace_back("uploadId", upload);
    std::string body = "<CompleteMultipartUpload>";
    for (const auto& part : parts)
      body += "<Part><PartNumber>" + std::to_string(part.number) + "</PartNumber><ETag>" +
              part.tag + "</ETag></Part>";
    body += "</CompleteMultipartUpload>";
    co_await ask(std::move(request), std::move(body));
  }

  Task<> abandon(std::string key, std::string upload) override {
    auto request = about("DELETE", key);
    request.query.emplace_back("uploadId", upload);
    co_await ask(std::move(request), {}, true);
  }

  Task<std::optional<std::int64_t>> size(std::string key) override {
    // Not by HEAD: the client refuses answers that announce more than it would take.
    auto request = about("GET", key);
    request.headers.emplace_back("range", "bytes=0-0");
    const auto answer = co_await ask(std::move(request), {}, true);
    if (answer.status == 404) co_return std::nullopt;
    const auto range = answer.headers.get("Content-Range");  // bytes 0-0/12345
    std::int64_t bytes = 0;
    const auto slash = std::min(range.find('/'), range.size() - 1);
    if (range.empty() ||
        std::from_chars(range.data() + slash + 1, range.data() + range.size(), bytes).ec !=
            std::errc{})
      throw Error("S3 did not tell the size of " + key);
    co_return bytes;
  }

  Task<std::string> read(std::string key, std::int64_t offset, std::int64_t bytes) override {
    auto request = about("GET", key);
    request.headers.emplace_back(
        "range", "bytes=" + std::to_string(offset) + "-" + std::to_string(offset + bytes - 1));
    auto answer = co_await ask(std::move(request), {});
    co_return std::move(answer.body);
  }

  Task<> move(std::string from, std::string to) override {
    auto request = about("PUT", to);
    request.headers.emplace_back("x-amz-copy-source",
                                 s3_encode("/" + options_.bucket + "/" + from, true));
    co_await ask(std::move(request), {});
    co_await remove(std::move(from));
  }

  Task<> remove(std::string key) override { co_await ask(about("DELETE", key), {}, true); }

  Task<> remove_all(std::string prefix) override {
    // Always the first page of the list: what was on it before is gone.
    while (true) {
      auto request = about("GET", "");
      request.query.emplace_back("list-type", "2");
      request.query.emplace_back("prefix", prefix);
      const auto answer = co_await ask(std::move(request), {});
      const auto keys = elements(answer.body, "Key");
      if (keys.empty()) break;
      for (const auto& key : keys) co_await remove(key);
    }
    while (true) {
      auto request = about("GET", "");
      request.query.emplace_back("prefix", prefix);
      request.query.emplace_back("uploads", "");
      const auto answer = co_await ask(std::move(request), {});
      const auto keys = elements(answer.body, "Key"), uploads = elements(answer.body, "UploadId");
      if (keys.size() != uploads.size()) throw Error("S3 lists uploads that can't be read");
      if (keys.empty()) break;
      for (std::size_t i = 0; i < keys.size(); ++i) co_await abandon(keys[i], uploads[i]);
    }
  }

  std::string signed_url(std::string_view key, long seconds,
                         std::string_view file_name) const override {
    auto request = about("GET", key);
    request.host = outside_.host;
    request.path = path_of(outside_, key);
    request.query.emplace_back("response-content-disposition",
                               "attachment; filename=\"" + std::string(file_name) + "\"");
    return outside_.origin + request.path + "?" + presign(request, seconds, credentials_, now());
  }

 private:
  std::string path_of(const Endpoint& endpoint, std::string_view key) const {
    return endpoint.base_path + s3_encode("/" + options_.bucket + "/" + std::string(key), true);
  }

  S3Request about(std::string method, std::string_view key) const {
    S3Request out;
    out.method = std::move(method);
    out.host = inside_.host;
    out.path = path_of(inside_, key);
    return out;
  }

  /// Throws Error unless the answer is good, or a 404 that the caller can live with. Copies and
  /// completions may fail with a 200 whose body says so.
  Task<http::ClientResponse> ask(S3Request request, std::string body,
                                 bool missing_is_fine = false) {
    http::OutboundOptions options;
    options.headers = sign(request, crypto::sha256_hex(body), credentials_, now());
    options.allow_private = true;  // the operator named this server
    options.timeout_ms = 60'000;
    options.max_response_bytes = static_cast<std::size_t>(part_bytes) + 64 * 1024;
    std::string url = inside_.origin + request.path;
    if (!request.query.empty()) url += "?" + canonical_query(request.query);
    std::string problem;
    http::ClientResponse answer;
    try {
      answer = co_await client_.request(request.method, std::move(url), std::move(body),
                                        std::move(options));
    } catch (const http::ClientError& e) {
      problem = e.what();
    }
    if (!problem.empty()) throw Error("S3 does not answer: " + problem);
    const bool good = answer.status >= 200 && answer.status < 300;
    const bool refused_after_all =
        request.method != "GET" && answer.body.find("<Error>") != std::string::npos;
    if ((good && !refused_after_all) || (missing_is_fine && answer.status == 404)) co_return answer;
    throw Error("S3 answered " + std::to_string(answer.status) + " " +
                element(answer.body, "Code") + " to " + request.method);
  }

  S3Options options_;
  http::OutboundClient& client_;
  Endpoint inside_, outside_;
  S3Credentials credentials_;
};

}  // namespace

std::unique_ptr<Storage> s3(S3Options options, http::OutboundClient& client) {
  return std::make_unique<S3>(std::move(options), client);
}

}  // namespace pulse::storage
