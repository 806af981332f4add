// libFuzzer: two lines, a topic and a filter. A device reaches nothing outside its own prefix.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "fleet/topics.hpp"
#include "platform/mqtt/topic.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pulse;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto line = bytes.find('\n');
  const auto topic = bytes.substr(0, line);
  const auto filter = line == std::string_view::npos ? std::string_view() : bytes.substr(line + 1);
  const std::string own = "tenant/t/device/d/";
  if (fleet::may_publish("t", "d", topic) && !topic.starts_with(own)) std::abort();
  if (fleet::may_subscribe("t", "d", filter)) {
    // A filter that was granted matches no topic of anyone else.
    if (mqtt::is_valid_topic_name(topic) && mqtt::topic_matches(filter, topic) &&
        !topic.starts_with("tenant/t/device/d"))
      std::abort();
    if (mqtt::topic_matches(filter, "tenant/t/device/other/commands")) std::abort();
  }
  if (mqtt::is_valid_topic_name(topic) && mqtt::is_valid_topic_filter(topic) &&
      !mqtt::topic_matches(topic, topic))
    std::abort();
  return 0;
}
