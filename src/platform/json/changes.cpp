#include "platform/json/changes.hpp"

namespace pulse::json {

namespace {

constexpr std::size_t longest_text = 1'000;

boost::json::value told(const boost::json::value& value) {
  if (!value.is_string() || value.get_string().size() <= longest_text) return value;
  return boost::json::value("(" + std::to_string(value.get_string().size()) + " bytes)");
}

}  // namespace

boost::json::object changes_between(const boost::json::object& was, const boost::json::object& is) {
  boost::json::object before, after;
  for (const auto& [key, value] : is) {
    const auto* old = was.if_contains(key);
    if (old ? *old == value : value.is_null()) continue;
    before[key] = old ? told(*old) : boost::json::value(nullptr);
    after[key] = told(value);
  }
  return {{"before", std::move(before)}, {"after", std::move(after)}};
}

void add_change(boost::json::object& changes, std::string_view member, boost::json::value was,
                boost::json::value is) {
  if (was == is) return;
  changes["before"].as_object()[member] = told(was);
  changes["after"].as_object()[member] = told(is);
}

}  // namespace pulse::json
