// libFuzzer: bytes as the body of a described struct. What binds without a fault must bind to the
// same again after it was written.
#include <algorithm>
#include <boost/describe.hpp>
#include <cmath>
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

/// Boost.JSON 1.81 may read a number one step beside its text, so twice two steps are alike.
bool alike(double a, double b) {
  return a == b || std::abs(a - b) <= 1e-15 * std::max(std::abs(a), std::abs(b));
}
bool alike(const Inner& a, const Inner& b) {
  return a.name == b.name && a.value.has_value() == b.value.has_value() &&
         (!a.value || alike(*a.value, *b.value));
}
bool alike(const Body& a, const Body& b) {
  const auto numbers = [](const auto& x, const auto& y) {
    return x.first == y.first && alike(x.second, y.second);
  };
  return a.id == b.id && a.count == b.count && a.on == b.on && a.at == b.at &&
         std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(),
                    [](const Inner& x, const Inner& y) { return alike(x, y); }) &&
         std::equal(a.numbers.begin(), a.numbers.end(), b.numbers.begin(), b.numbers.end(),
                    numbers);
}

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
  if (!bind(text, second) || !fuzz::alike(first, second)) std::abort();
  return 0;
}
