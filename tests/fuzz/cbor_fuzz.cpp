// libFuzzer: bytes as a device's CBOR payload. What becomes JSON must be a document that our reader
// takes, no deeper than it may be, and say the same when it goes through CBOR once more.
#include <boost/json.hpp>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "platform/json/cbor.hpp"
#include "platform/limits.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pulse;
  const auto text = json::from_cbor({reinterpret_cast<const char*>(data), size}, 8 * 1024);
  if (!text) return 0;
  if (size > 8 * 1024) std::abort();
  boost::json::parse_options options;
  options.max_depth = limits::json_depth;
  boost::system::error_code fault;
  boost::json::parse(*text, fault, {}, options);
  // A number may be written so that it has no place in a double; that is refused where it is read.
  if (fault && fault != boost::json::error::exponent_overflow) std::abort();
  const auto again = nlohmann::json::to_cbor(nlohmann::json::parse(*text));
  if (json::from_cbor({reinterpret_cast<const char*>(again.data()), again.size()}) != text)
    std::abort();
  return 0;
}
