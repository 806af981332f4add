#include "platform/json/cbor.hpp"

#include <nlohmann/json.hpp>

#include "platform/limits.hpp"

namespace pulse::json {

namespace {

using Json = nlohmann::json;

/// Looks at a document before it is built: how deep it is, and whether JSON can say it. The reader
/// recurses with each level, so depth must be bounded while it reads.
struct Check : nlohmann::json_sax<Json> {
  std::size_t depth = 0;
  bool deeper() { return ++depth < limits::json_depth; }
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return deeper(); }
  bool key(string_t&) override { return true; }
  bool end_object() override {
    --depth;
    return true;
  }
  bool start_array(std::size_t) override { return deeper(); }
  bool end_array() override {
    --depth;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }
};

}  // namespace

std::optional<std::string> from_cbor(std::string_view bytes, std::size_t most) {
  if (bytes.size() > most) return std::nullopt;
  const auto* begin = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const auto* end = begin + bytes.size();
  Check check;
  // Tags are errors in both passes: each would be one more level of the reader.
  if (!Json::sax_parse(begin, end, &check, nlohmann::detail::input_format_t::cbor, true))
    return std::nullopt;
  const auto value =
      Json::from_cbor(begin, end, true, false, nlohmann::detail::cbor_tag_handler_t::error);
  if (value.is_discarded()) return std::nullopt;
  try {
    return value.dump(-1, ' ', false, Json::error_handler_t::strict);
  } catch (const Json::exception&) {
    return std::nullopt;  // a text that is no UTF-8
  }
}

}  // namespace pulse::json
