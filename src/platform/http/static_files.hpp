#pragma once
// Files of a directory over HTTP: precompressed copies, ETag, caching by kind.
#include <memory>
#include <optional>
#include <string>

#include "platform/http/message.hpp"

namespace pulse::http {

/// Serves files below one directory. A file `x.js` may have copies `x.js.br` and `x.js.gz`, chosen
/// by Accept-Encoding. Files under `assets/` carry a hash in their name and are immutable;
/// everything else is `no-cache` with an ETag (If-None-Match answers 304). Contents are kept in
/// memory, and read again when the file's time or size changes. One object per loop.
class StaticFiles {
 public:
  explicit StaticFiles(std::string directory);
  ~StaticFiles();
  /// The answer for a relative path such as "assets/app.js"; nothing when there is no such file.
  /// Paths that leave the directory are nothing, too.
  std::optional<Response> serve(const Request& request, std::string_view relative);
  bool has(std::string_view relative) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Media type by file name extension.
std::string_view media_type(std::string_view file_name);

}  // namespace pulse::http
