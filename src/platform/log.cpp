#include "platform/log.hpp"

#include <pthread.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>

#include "platform/clock.hpp"
#include "platform/json/write.hpp"

namespace pulse::log {
namespace {

std::string& service_name() {
  static std::string name = "pulse";
  return name;
}

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made = std::make_shared<spdlog::logger>("pulse",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return *instance;
}

/// The role of the thread that logs: its name up to the number ("gateway-1").
const std::string& thread_role() {
  thread_local const std::string role = [] {
    char name[16] = {};
    pthread_getname_np(pthread_self(), name, sizeof name);
    std::string text(name);
    return text.substr(0, text.find('-'));
  }();
  return role;
}

void append(std::string& line, const Field& field) {
  line += ',';
  json::write_string(line, field.name);
  line += ':';
  std::visit([&](const auto& v) { json::write(line, v); }, field.value);
}

void write(spdlog::level::level_enum level, std::string_view name, std::string_view message,
           std::initializer_list<Field> fields, long long suppressed = 0) {
  if (!logger().should_log(level)) return;
  std::string line = "{\"ts\":";
  json::write_string(line, iso8601(now()));
  line += ",\"level\":";
  json::write_string(line, name);
  line += ",\"service\":";
  json::write_string(line, service_name());
  const bool says_role =
      std::any_of(fields.begin(), fields.end(), [](const Field& f) { return f.name == "role"; });
  if (!says_role) append(line, Field("role", thread_role()));
  line += ",\"msg\":";
  json::write_string(line, message);
  for (const auto& field : fields) append(line, field);
  if (suppressed > 0) append(line, Field("suppressed", suppressed));
  line += '}';
  logger().log(level, "{}", line);
}

}  // namespace

void configure(std::string_view level, std::string_view service) {
  service_name() = std::string(service);
  if (level == "debug")
    logger().set_level(spdlog::level::debug);
  else if (level == "info")
    logger().set_level(spdlog::level::info);
  else if (level == "warning")
    logger().set_level(spdlog::level::warn);
  else if (level == "error")
    logger().set_level(spdlog::level::err);
  else
    throw std::invalid_argument("LOG_LEVEL must be debug, info, warning or error");
}

void debug(std::string_view m, std::initializer_list<Field> f) {
  write(spdlog::level::debug, "debug", m, f);
}
void info(std::string_view m, std::initializer_list<Field> f) {
  write(spdlog::level::info, "info", m, f);
}
void warn(std::string_view m, std::initializer_list<Field> f) {
  write(spdlog::level::warn, "warning", m, f);
}
void error(std::string_view m, std::initializer_list<Field> f) {
  write(spdlog::level::err, "error", m, f);
}

void error_throttled(std::string_view message, std::initializer_list<Field> fields, int seconds) {
  struct Seen {
    std::int64_t next_ms = 0;
    long long suppressed = 0;
  };
  static std::mutex mutex;
  static std::map<std::string, Seen, std::less<>> seen;  // bounded: messages are literals
  long long suppressed = 0;
  {
    const std::lock_guard lock(mutex);
    auto it = seen.find(message);
    if (it == seen.end()) it = seen.emplace(std::string(message), Seen{}).first;
    const auto t = steady_ms();
    if (t < it->second.next_ms) {
      ++it->second.suppressed;
      return;
    }
    it->second.next_ms = t + seconds * 1000L;
    suppressed = std::exchange(it->second.suppressed, 0);
  }
  write(spdlog::level::err, "error", message, fields, suppressed);
}

}  // namespace pulse::log
