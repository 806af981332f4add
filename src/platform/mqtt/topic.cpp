#include "platform/mqtt/topic.hpp"

#include "platform/mqtt/wire.hpp"

namespace pulse::mqtt {
namespace {

constexpr std::size_t topic_bytes_max = 65'535;
constexpr std::string_view share_prefix = "$share/";

/// Walks the levels of a topic: "a//b" has the levels "a", "" and "b".
class Levels {
 public:
  explicit Levels(std::string_view topic) : rest_(topic) {}
  bool done() const { return done_; }
  std::string_view next() {
    const auto slash = rest_.find('/');
    const auto level = rest_.substr(0, slash);
    if (slash == std::string_view::npos) {
      done_ = true;
    } else {
      rest_.remove_prefix(slash + 1);
    }
    return level;
  }

 private:
  std::string_view rest_;
  bool done_ = false;
};

bool has_valid_size(std::string_view topic) {
  return !topic.empty() && topic.size() <= topic_bytes_max;
}

bool has_valid_levels(std::string_view filter) {
  Levels levels(filter);
  while (!levels.done()) {
    const auto level = levels.next();
    if (level == "#") return levels.done();
    if (level != "+" && has_wildcard(level)) return false;
  }
  return true;
}

}  // namespace

bool has_wildcard(std::string_view filter) {
  return filter.find_first_of("+#") != std::string_view::npos;
}

bool is_shared_filter(std::string_view filter) { return filter.starts_with(share_prefix); }

bool is_valid_topic_name(std::string_view topic) {
  return has_valid_size(topic) && !has_wildcard(topic) && is_mqtt_utf8(topic);
}

bool is_valid_topic_filter(std::string_view filter) {
  if (!has_valid_size(filter) || !is_mqtt_utf8(filter)) return false;
  if (!is_shared_filter(filter)) return has_valid_levels(filter);
  const auto rest = filter.substr(share_prefix.size());
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == rest.size()) return false;
  return !has_wildcard(rest.substr(0, slash)) && has_valid_levels(rest.substr(slash + 1));
}

bool topic_matches(std::string_view filter, std::string_view topic) {
  if (topic.starts_with('$') && !filter.starts_with('$')) {
    if (filter.starts_with('+') || filter.starts_with('#')) return false;
  }
  Levels filter_levels(filter), topic_levels(topic);
  while (!filter_levels.done()) {
    const auto wanted = filter_levels.next();
    if (wanted == "#") return true;
    if (topic_levels.done()) return false;
    const auto level = topic_levels.next();
    if (wanted != "+" && wanted != level) return false;
    // "sport/#" matches "sport" itself.
    if (topic_levels.done() && !filter_levels.done()) {
      return filter_levels.next() == "#" && filter_levels.done();
    }
  }
  return topic_levels.done();
}

bool filter_covers(std::string_view outer, std::string_view inner) {
  Levels outer_levels(outer), inner_levels(inner);
  while (!outer_levels.done()) {
    const auto allowed = outer_levels.next();
    if (allowed == "#") return true;
    if (inner_levels.done()) return false;
    const auto asked = inner_levels.next();
    if (asked == "#") return false;
    if (allowed != "+" && allowed != asked) return false;
    if (inner_levels.done() && !outer_levels.done()) {
      return outer_levels.next() == "#" && outer_levels.done();
    }
  }
  return inner_levels.done();
}

}  // namespace pulse::mqtt
