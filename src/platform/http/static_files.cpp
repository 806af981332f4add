#include "platform/http/static_files.hpp"

#include <openssl/sha.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <map>

namespace pulse::http {
namespace {

struct File {
  std::string bytes, etag;
  timespec modified{};
  off_t size = -1;
};

/// True when Accept-Encoding names `coding` with a weight other than 0 (RFC 9110, 12.5.3).
bool accepts(std::string_view header, std::string_view coding) {
  while (!header.empty()) {
    const auto comma = header.find(',');
    auto item = header.substr(0, comma);
    header = comma == std::string_view::npos ? std::string_view() : header.substr(comma + 1);
    while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
    const auto semicolon = item.find(';');
    auto name = item.substr(0, semicolon);
    while (!name.empty() && name.back() == ' ') name.remove_suffix(1);
    if (!iequals(name, coding)) continue;
    if (semicolon == std::string_view::npos) return true;
    const auto weight = item.substr(semicolon + 1);
    return weight.find("q=0") == std::string_view::npos ||
           weight.find_first_of("123456789") != std::string_view::npos;
  }
  return false;
}

std::string etag_of(std::string_view bytes) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest);
  static constexpr char hex[] = "0123456789abcdef";
  std::string out = "\"";
  for (int i = 0; i < 12; ++i) {
    out += hex[digest[i] >> 4];
    out += hex[digest[i] & 15];
  }
  return out + "\"";
}

bool stays_inside(std::string_view relative) {
  if (relative.empty() || relative.front() == '/') return false;
  if (relative.find('\0') != std::string_view::npos) return false;
  if (relative.find('\\') != std::string_view::npos) return false;
  while (true) {
    const auto slash = relative.find('/');
    const auto part = relative.substr(0, slash);
    if (part.empty() || part.front() == '.') return false;
    if (slash == std::string_view::npos) return true;
    relative.remove_prefix(slash + 1);
  }
}

}  // namespace

std::string_view media_type(std::string_view name) {
  static constexpr std::pair<std::string_view, std::string_view> types[] = {
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".json", "application/json"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".ico", "image/x-icon"},
      {".woff2", "font/woff2"},
      {".woff", "font/woff"},
      {".txt", "text/plain; charset=utf-8"},
      {".webmanifest", "application/manifest+json"},
      {".map", "application/json"},
      {".wasm", "application/wasm"}};
  for (const auto& [extension, type] : types)
    if (name.ends_with(extension)) return type;
  return "application/octet-stream";
}

struct StaticFiles::Impl {
  std::string directory;
  std::map<std::string, File, std::less<>> cache;

  const File* load(const std::string& relative) {
    struct stat st {};
    const std::string path = directory + "/" + relative;
    if (::stat(path.c_str(), &st) != 0 || !S_ISREG(st.st_mode)) {
      cache.erase(relative);
      return nullptr;
    }
    auto& file = cache[relative];
    if (file.size != st.st_size || file.modified.tv_sec != st.st_mtim.tv_sec ||
        file.modified.tv_nsec != st.st_mtim.tv_nsec) {
      std::ifstream in(path, std::ios::binary);
      file.bytes.assign(std::istreambuf_iterator<char>(in), {});
      file.etag = etag_of(file.bytes);
      file.size = st.st_size;
      file.modified = st.st_mtim;
    }
    return &file;
  }
};

StaticFiles::StaticFiles(std::string directory) : impl_(std::make_unique<Impl>()) {
  impl_->directory = std::move(directory);
}
StaticFiles::~StaticFiles() = default;

bool StaticFiles::has(std::string_view relative) const {
  return stays_inside(relative) && impl_->load(std::string(relative)) != nullptr;
}

std::optional<Response> StaticFiles::serve(const Request& request, std::string_view relative) {
  if (!stays_inside(relative)) return std::nullopt;
  const std::string name(relative);
  const File* file = nullptr;
  std::string_view coding;
  const auto wanted = request.headers.get("Accept-Encoding");
  for (const auto& [word, suffix] :
       {std::pair<std::string_view, const char*>{"br", ".br"}, {"gzip", ".gz"}}) {
    if (!accepts(wanted, word)) continue;
    if ((file = impl_->load(name + suffix))) {
      coding = word;
      break;
    }
  }
  if (!file) file = impl_->load(name);
  if (!file) return std::nullopt;

  Response r;
  r.headers.add("Content-Type", std::string(media_type(name)));
  r.headers.add("ETag", file->etag);
  r.headers.add("Vary", "Accept-Encoding");
  r.headers.add("Cache-Control",
                name.starts_with("assets/") ? "public, max-age=31536000, immutable" : "no-cache");
  if (!coding.empty()) r.headers.add("Content-Encoding", std::string(coding));
  const auto known = request.headers.get("If-None-Match");
  if (!known.empty() && (known == "*" || known.find(file->etag) != std::string_view::npos)) {
    r.status = 304;
    return r;
  }
  r.body = file->bytes;
  return r;
}

}  // namespace pulse::http
