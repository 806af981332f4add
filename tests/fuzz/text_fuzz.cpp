// libFuzzer: a first byte that picks a reader of small texts (instants, escapes, query strings,
// arrays of PostgreSQL), and the text. What is read must come back when it is written and read
// again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "platform/clock.hpp"
#include "platform/http/message.hpp"
#include "platform/http/query.hpp"
#include "platform/pg/types.hpp"

namespace {

using namespace pulse;

void check(bool holds) {
  if (!holds) std::abort();
}

void instants(std::string_view text) {
  const auto any = parse_any_iso8601(text);
  const auto said = parse_iso8601(text);
  if (any) check(parse_any_iso8601(iso8601(*any)) == any);
  // The narrower reader takes a part of what the wider one takes, and reads it alike.
  if (said) check(any == said && to_us(*said) >= 0);
  check(iso8601(Time{}).size() == 32);
}

void escapes(std::string_view text) {
  check(http::percent_decode(http::percent_encode(text)) == text);
  for (const bool plus : {false, true}) {
    const auto plain = http::percent_decode(text, plus);
    if (plain) check(plain->size() <= text.size());
    if (plain && text.find_first_of("%+") == std::string_view::npos) check(*plain == text);
  }
}

void queries(std::string_view text) {
  const auto pairs = http::parse_query(text);
  std::string again;
  for (const auto& [name, value] : pairs)
    again.append("&")
        .append(http::percent_encode(name))
        .append("=")
        .append(http::percent_encode(value));
  check(http::parse_query(again) == pairs);
}

void arrays(std::string_view text) {
  const auto items = pg::parse_text_array(text);
  pg::Params written;
  written.add(items);
  check(pg::parse_text_array(*written.values().at(0)) == items);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      instants(text);
      break;
    case 1:
      escapes(text);
      break;
    case 2:
      queries(text);
      break;
    default:
      arrays(text);
  }
  return 0;
}
