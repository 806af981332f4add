#include "platform/json/changes.hpp"

#include <algorithm>
#include <string>

namespace pulse::json {

namespace {

constexpr std::size_t longest_text = 1'000;

/// Whether a member of a settings object is a secret, by its name: "app_key", "wifiPassword".
bool secret(std::string_view name) {
  std::string word(name);
  std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) {
    return c == '-' || c == '.' || c == ' ' ? '_' : static_cast<char>(std::tolower(c));
  });
  for (const std::string_view part :
       {"passw", "passphrase", "secret", "token", "credential", "private", "psk"})
    if (word.find(part) != std::string::npos) return true;
  if (word.ends_with("key") || word.ends_with("keys")) return true;
  for (const std::string_view code : {"pin", "puk"})
    if (word == code || word.ends_with("_" + std::string(code))) return true;
  return false;
}

/// Objects are settings that people make up: what is secret in them is not told.
void hide_secrets(boost::json::value& value) {
  if (auto* list = value.if_array())
    for (auto& item : *list) hide_secrets(item);
  if (auto* object = value.if_object())
    for (auto& [name, member] : *object) {
      if (!secret(name))
        hide_secrets(member);
      else if (!member.is_null())
        member = "***";
    }
}

boost::json::value told(const boost::json::value& value) {
  if (value.is_structured()) {
    auto shown = value;
    hide_secrets(shown);
    return shown;
  }
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
