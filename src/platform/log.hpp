#pragma once
// Logs: one JSON object a line on standard error. Values are fields, not parts of the text; secrets
// never go in. Each line names the role it comes from: its thread's name without the number
// ("gateway", "ingest", "base" for the jobs), else the program's. Where roles share a thread, as
// mqtt and gateway do, a field "role" says it instead.
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace pulse::log {

struct Field {
  std::string_view name;
  std::variant<std::string_view, long long, double, bool> value;
  Field(std::string_view n, std::string_view v) : name(n), value(v) {}
  Field(std::string_view n, const std::string& v) : name(n), value(std::string_view(v)) {}
  Field(std::string_view n, const char* v) : name(n), value(std::string_view(v)) {}
  Field(std::string_view n, bool v) : name(n), value(v) {}
  Field(std::string_view n, double v) : name(n), value(v) {}
  template <class I>
  requires(std::is_integral_v<I> && !std::is_same_v<I, bool>) Field(std::string_view n, I v)
      : name(n), value(static_cast<long long>(v)) {}
};

/// Sets the level ("debug", "info", "warning", "error") and the service's name. Call once at start.
/// Throws std::invalid_argument for an unknown level.
void configure(std::string_view level, std::string_view service);

void debug(std::string_view message, std::initializer_list<Field> fields = {});
void info(std::string_view message, std::initializer_list<Field> fields = {});
void warn(std::string_view message, std::initializer_list<Field> fields = {});
void error(std::string_view message, std::initializer_list<Field> fields = {});
/// Says the same thing at most once in `seconds` for the same `message`; the rest are counted and
/// reported with the next line ("suppressed").
void error_throttled(std::string_view message, std::initializer_list<Field> fields,
                     int seconds = 10);

}  // namespace pulse::log
