#include "platform/config.hpp"

#include <toml++/toml.h>

#include <charconv>
#include <sstream>

extern char** environ;  // POSIX

namespace pulse {
namespace {

std::optional<bool> to_boolean(std::string_view text) {
  if (text == "1" || text == "true" || text == "yes" || text == "on") return true;
  if (text == "0" || text == "false" || text == "no" || text == "off" || text.empty()) return false;
  return std::nullopt;
}

std::optional<long> to_integer(std::string_view text) {
  long out = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return out;
}

std::map<std::string, std::string> read_file(const std::string& file) {
  std::map<std::string, std::string> out;
  toml::table table;
  try {
    table = toml::parse_file(file);
  } catch (const toml::parse_error& e) {
    std::ostringstream text;
    text << e.source().begin;
    throw ConfigError(file + ": " + std::string(e.description()) + " (" + text.str() + ")");
  }
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    if (const auto* s = node.as_string())
      out[name] = s->get();
    else if (const auto* i = node.as_integer())
      out[name] = std::to_string(i->get());
    else if (const auto* b = node.as_boolean())
      out[name] = b->get() ? "true" : "false";
    else
      throw ConfigError(file + ": " + name + " must be a string, an integer or a boolean");
  }
  return out;
}

}  // namespace

std::map<std::string, std::string> Config::environment() {
  std::map<std::string, std::string> out;
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string_view line = *entry;
    const auto eq = line.find('=');
    if (eq != std::string_view::npos)
      out.emplace(std::string(line.substr(0, eq)), std::string(line.substr(eq + 1)));
  }
  return out;
}

Config::Config(std::vector<Setting> settings, const std::string& file,
               const std::map<std::string, std::string>& environment,
               const std::map<std::string, std::string>& flags)
    : settings_(std::move(settings)) {
  for (const auto& s : settings_) values_[s.name] = Value{s.fallback, "default"};
  if (!file.empty())
    for (auto& [name, value] : read_file(file)) {
      if (!values_.contains(name)) throw ConfigError(file + ": unknown setting " + name);
      set(name, value, "file");
    }
  for (const auto& [name, value] : environment) {
    if (values_.contains(name))
      set(name, value, "environment");
    else if (name.starts_with("PULSE_"))
      throw ConfigError("unknown environment variable " + name +
                        "; `pulse config` lists the known ones");
  }
  for (const auto& [name, value] : flags) {
    if (!values_.contains(name)) throw ConfigError("unknown setting " + name);
    set(name, value, "flag");
  }
}

void Config::set(const std::string& name, std::string value, const std::string& source) {
  for (const auto& s : settings_) {
    if (s.name != name) continue;
    const std::string shown = s.secret ? "the value" : "'" + value + "'";
    if (s.kind == SettingKind::boolean && !to_boolean(value))
      throw ConfigError(name + ": " + shown + " is not a boolean; use true or false");
    if (s.kind == SettingKind::integer) {
      const auto number = to_integer(value);
      if (!number) throw ConfigError(name + ": " + shown + " is not an integer");
      if ((s.min != 0 || s.max != 0) && (*number < s.min || *number > s.max))
        throw ConfigError(name + ": " + shown + " must be between " + std::to_string(s.min) +
                          " and " + std::to_string(s.max));
    }
  }
  values_[name] = Value{std::move(value), source};
}

const std::string& Config::text(const std::string& name) const { return values_.at(name).text; }
long Config::integer(const std::string& name) const { return to_integer(text(name)).value_or(0); }
bool Config::boolean(const std::string& name) const {
  return to_boolean(text(name)).value_or(false);
}
bool Config::given(const std::string& name) const { return values_.at(name).source != "default"; }

std::vector<Config::Effective> Config::effective() const {
  std::vector<Effective> out;
  for (const auto& s : settings_) {
    const auto& v = values_.at(s.name);
    out.push_back({s.name, s.secret && !v.text.empty() ? "********" : v.text, v.source, s.help});
  }
  return out;
}

}  // namespace pulse
