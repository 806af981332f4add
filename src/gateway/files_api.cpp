#include "gateway/files_api.hpp"

#include "platform/clock.hpp"
#include "platform/http/byte_range.hpp"

namespace pulse::gateway {

namespace {

constexpr std::int64_t piece_bytes = 256 * 1024;

struct FileDeps {
  std::shared_ptr<storage::LocalStorage> files;
};

Task<> send(std::shared_ptr<storage::LocalStorage> files, std::string key, std::int64_t first,
            std::int64_t last, http::BodyWriter& out) {
  for (auto at = first; at <= last;) {
    const auto bytes = co_await files->read(key, at, std::min(piece_bytes, last - at + 1));
    if (bytes.empty()) throw storage::Error("object " + key + " became shorter");
    co_await out.write(bytes);
    at += static_cast<std::int64_t>(bytes.size());
  }
}

Task<http::Response> get_file(FileDeps d, http::Raw request, http::Path<"token"> token) {
  const auto grant = d.files->open_token(token.value);
  if (!grant) throw not_found("File not found");
  if (grant->expires_s < now_ms() / 1000) throw forbidden("The link has expired");
  const auto size = co_await d.files->size(grant->key);
  if (!size) throw not_found("File not found");
  // Keys name what they hold by its hash, so a key is as good a tag as the content.
  const auto slash = grant->key.rfind('/');
  const std::string etag = "\"" + grant->key.substr(slash + 1) + "\"";
  const auto condition = request->headers.get("If-Range");
  http::ByteRange range;
  if (condition.empty() || condition == etag)
    range = http::read_byte_range(request->headers.get("Range"), *size);
  if (range.kind == http::ByteRange::Kind::unsatisfiable)
    throw HttpError(416, "Range not satisfiable",
                    {{"Content-Range", "bytes */" + std::to_string(*size)}});
  http::Response r;
  std::int64_t first = 0, last = *size - 1;
  if (range.kind == http::ByteRange::Kind::part) {
    first = range.first;
    last = range.last;
    r.status = 206;
    r.with("Content-Range", "bytes " + std::to_string(first) + "-" + std::to_string(last) + "/" +
                                std::to_string(*size));
  }
  r.with("Content-Type", "application/octet-stream")
      .with("Content-Length", std::to_string(last - first + 1))
      .with("Content-Disposition", "attachment; filename=\"" + grant->file_name + "\"")
      .with("Accept-Ranges", "bytes")
      .with("Cache-Control", "private, max-age=3600")
      .with("ETag", etag);
  r.stream = [files = d.files, key = grant->key, first, last](http::BodyWriter& out) {
    return send(files, key, first, last, out);
  };
  co_return r;
}

}  // namespace

void mount_files(http::Router& api, std::shared_ptr<storage::LocalStorage> files) {
  FileDeps d;
  d.files = std::move(files);
  // The link is what a device proves itself with. Like the application's files it is no part of the
  // API's document: other storages have their own links, and the answer is bytes.
  api.get("/files/{token}", http::bound(d, get_file)).devices().hidden();
}

}  // namespace pulse::gateway
