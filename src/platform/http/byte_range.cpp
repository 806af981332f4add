#include "platform/http/byte_range.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace pulse::http {

namespace {

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t out = 0;
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return out;
}

}  // namespace

ByteRange read_byte_range(std::string_view header, std::int64_t size) {
  constexpr std::string_view unit = "bytes=";
  ByteRange out;
  if (!header.starts_with(unit)) return out;
  header.remove_prefix(unit.size());
  const auto dash = header.find('-');
  if (dash == std::string_view::npos) return out;
  const auto first = number(header.substr(0, dash)), last = number(header.substr(dash + 1));
  if (dash == 0) {  // the last so many bytes
    if (!last) return out;
    out.first = std::max<std::int64_t>(0, size - *last);
    out.last = size - 1;
    out.kind = *last == 0 || size == 0 ? ByteRange::Kind::unsatisfiable : ByteRange::Kind::part;
    return out;
  }
  if (!first || (!last && dash + 1 != header.size()) || (last && *last < *first)) return out;
  out.first = *first;
  out.last = last ? std::min(*last, size - 1) : size - 1;
  out.kind = *first >= size ? ByteRange::Kind::unsatisfiable : ByteRange::Kind::part;
  return out;
}

}  // namespace pulse::http
