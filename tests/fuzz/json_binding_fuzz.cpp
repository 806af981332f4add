// libFuzzer: bytes as the body of a described struct. What binds without a fault must bind to the
// same again after it was written.
#include <boost/describe.hpp>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "platform/json/read.hpp"
#include "platform/json/write.hpp"

namespace fuzz {

struct Inner {
  std::string name;
  std::optional<double> value;
};
BOOST_DESCRIBE_STRUCT(Inner, (), (name, value))
inline auto constraints(pulse::json::As<Inner>) {
  return pulse::json::rules<Inner>().length(&Inner::name, 0, 50).range(&Inner::value, -1e6, 1e6);
}

struct Body {
  std::string id;
  std::int64_t count = 0;
  bool on = false;
  std::vector<Inner> items;
  std::map<std::string, double> numbers;
  std::optional<pulse::Time> at;
};
BOOST_DESCRIBE_STRUCT(Body, (), (id, count, on, items, numbers, at))

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pulse;
  const auto bind = [](std::string_view text, fuzz::Body& out) {
    json::Loc loc{"body"};
    Faults faults;
    try {
      json::read(json::parse_text(text), out, loc, faults);
    } catch (const ValidationError&) {
      return false;
    }
    return faults.empty();
  };
  fuzz::Body first, second;
  if (!bind({reinterpret_cast<const char*>(data), size}, first)) return 0;
  const auto text = json::to_text(first);
  if (!bind(text, second)) std::abort();
  return 0;
}
