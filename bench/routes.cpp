// What matching of routes costs: a topic against thousands of filters, by the tree and one by one.
#include "bench.hpp"
#include "platform/clock.hpp"
#include "platform/mqtt/topic.hpp"
#include "routing/topic_trie.hpp"

namespace pulse::bench {

namespace {

/// Filters as people make them: of one device, of all devices' one kind, of a device's everything.
std::vector<std::string> usual_filters(std::int64_t n) {
  std::vector<std::string> out;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto device = "tenant/t/device/device-" + std::to_string(i);
    if (i % 1'000 == 0)
      out.push_back("tenant/+/device/+/" + std::string(i % 2'000 ? "heartbeat" : "telemetry"));
    else
      out.push_back(i % 10 == 0 ? device + "/#" : device + "/telemetry");
  }
  return out;
}

}  // namespace

Report bench_routes(const Args& args) {
  const auto count = args.number("filters", 10'000), messages = args.number("messages", 200'000);
  const auto filters = usual_filters(count);
  routing::TopicTrie trie;
  for (std::size_t i = 0; i < filters.size(); ++i)
    trie.add(filters[i], static_cast<std::uint32_t>(i));
  const auto topic = [&](std::int64_t i) {
    return "tenant/t/device/device-" + std::to_string(i * 7919 % count) + "/telemetry";
  };
  std::vector<std::uint32_t> found;
  std::size_t by_tree = 0, one_by_one = 0;
  auto begun = steady_us();
  for (std::int64_t i = 0; i < messages; ++i) {
    found.clear();
    trie.match(topic(i), found);
    by_tree += found.size();
  }
  const auto tree_us = static_cast<double>(steady_us() - begun);
  // A part of the messages is enough to know what each costs.
  const auto some = std::max<std::int64_t>(1, messages / 200);
  begun = steady_us();
  for (std::int64_t i = 0; i < some; ++i) {
    const auto name = topic(i);
    for (const auto& filter : filters) one_by_one += mqtt::topic_matches(filter, name);
  }
  const auto plain_us = static_cast<double>(steady_us() - begun);
  const auto each_tree = tree_us / static_cast<double>(messages),
             each_plain = plain_us / static_cast<double>(some);
  return {{"filters", count},
          {"matches_a_message", static_cast<double>(by_tree) / static_cast<double>(messages)},
          {"matches_one_by_one", static_cast<double>(one_by_one) / static_cast<double>(some)},
          {"us_a_message", each_tree},
          {"messages_a_second", 1e6 / each_tree},
          {"us_one_by_one", each_plain},
          {"times_faster", each_plain / each_tree}};
}

}  // namespace pulse::bench
