#include "telemetry/readings.hpp"

#include <numeric>

#include "platform/clock.hpp"
#include "platform/loop.hpp"
#include "platform/nats/publish_all.hpp"

namespace pulse::telemetry {

namespace {
constexpr std::int64_t refresh_ms = 1'000;
constexpr std::int64_t give_up_ms = 2'000;
}  // namespace

int reading_part(std::string_view tenant, std::string_view device) {
  std::uint64_t hash = 14695981039346656037ULL;
  const auto mix = [&hash](std::string_view text) {
    for (const unsigned char c : text) hash = (hash ^ c) * 1099511628211ULL;
  };
  mix(tenant);
  mix("/");
  mix(device);
  return static_cast<int>((hash ^ (hash >> 32)) % reading_parts);
}

RuledTenants::RuledTenants(nats::Client& nats, boost::asio::any_io_executor executor)
    : subscription_(nats.subscribe(rules_changed_subject, "", std::move(executor),
                                   [this](nats::Message) { due_ms_ = 0; })) {}

Task<> RuledTenants::refresh(pg::Pool& pool) {
  if (steady_ms() < due_ms_) co_return;
  due_ms_ = steady_ms() + refresh_ms;
  pg::Scope scope;
  scope.role = "pulse_ingest";
  const auto rows = co_await pool.query(
      scope, "SELECT tenant_id FROM alert_rule_versions WHERE enabled_rules > 0");
  std::set<std::string, std::less<>> tenants;
  for (int i = 0; i < rows.rows(); ++i) tenants.emplace(rows.text(i, 0));
  tenants_ = std::move(tenants);
}

Task<> ensure_readings_stream(nats::Client& nats, int replicas, std::int64_t max_bytes) {
  nats::StreamConfig config;
  config.name = "READINGS";
  config.subjects.emplace_back("readings.>");
  config.work_queue = true;
  config.max_age_s = 3600;
  config.max_bytes = max_bytes;
  config.replicas = replicas;
  co_await nats.ensure_stream(config);
}

Task<std::size_t> publish_readings(nats::Client& nats,
                                   const std::vector<ReadingMessage>& messages) {
  std::vector<std::size_t> left(messages.size());
  std::iota(left.begin(), left.end(), std::size_t{0});
  const auto deadline = steady_ms() + give_up_ms;
  std::size_t refused = 0;
  while (true) {
    std::vector<nats::Outgoing> outgoing;
    for (const auto place : left)
      outgoing.push_back({messages[place].subject, messages[place].text, {}});
    const auto results = co_await nats::publish_all(nats, std::move(outgoing), 1'000);
    std::vector<std::size_t> failed;
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (results[i].fault == nats::PublishFault::refused)
        ++refused;  // by the server: trying again changes nothing
      else if (!results[i].ok())
        failed.push_back(left[i]);
    }
    if (failed.empty()) co_return refused;
    if (steady_ms() >= deadline) throw nats::Error("the stream of readings does not answer");
    left = std::move(failed);
    co_await sleep_ms(50);
  }
}

}  // namespace pulse::telemetry
