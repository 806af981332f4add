#pragma once
// The Range header (RFC 9110, 14): one range of bytes.
#include <cstdint>
#include <string_view>

namespace pulse::http {

struct ByteRange {
  /// `whole`: the header asks for nothing that is understood here, so all of it is sent;
  /// `unsatisfiable`: it begins behind the end.
  enum class Kind { whole, part, unsatisfiable } kind = Kind::whole;
  std::int64_t first = 0, last = -1;  ///< inclusive; of `part`
};

/// What `header` asks for of `size` bytes. Several ranges at once are answered with the whole.
ByteRange read_byte_range(std::string_view header, std::int64_t size);

}  // namespace pulse::http
