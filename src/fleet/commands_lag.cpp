// How far the worker that stores acknowledgements is behind the stream that accepts them.
#include "fleet/commands.hpp"
#include "platform/log.hpp"
#include "platform/loop.hpp"

namespace pulse::fleet {

namespace {

constexpr const char *stream = "COMMANDS", *durable = "ingest-commands";
constexpr int looks = 40, looks_for_all = 10;
constexpr long pause_ms = 50, answer_ms = 2'000;
constexpr std::int64_t no_message_found = 10037;

/// The sequence of the tenant's newest message in the stream.
Task<std::uint64_t> newest(nats::Client* nats, std::string tenant) {
  const auto text =
      co_await nats->request(std::string("$JS.API.STREAM.MSG.GET.") + stream,
                             "{\"last_by_subj\":\"commands." + tenant + "\"}", answer_ms);
  const auto answer = boost::json::parse(text);
  const auto& members = answer.as_object();
  if (const auto* message = members.if_contains("message"))
    co_return static_cast<std::uint64_t>(message->at("seq").to_number<std::int64_t>());
  // None that is kept: what was processed is purged after a while. Nothing else proves that.
  const auto* error = members.if_contains("error");
  const auto* code = error ? error->as_object().if_contains("err_code") : nullptr;
  if (!code || code->to_number<std::int64_t>() != no_message_found)
    throw std::runtime_error("the newest acknowledgement can't be read: " + text);
  co_return 0;
}

/// Those of the tenants with acknowledgements that are not stored, after a little patience.
Task<std::vector<std::string>> behind(nats::Client* nats, std::vector<std::string> tenants) {
  const auto last = co_await nats->last_sequence(stream);
  auto stored = co_await nats->acked_up_to(stream, durable);
  std::vector<std::pair<std::string, std::uint64_t>> waiting;
  if (stored < last)
    for (const auto& tenant : tenants) {
      const auto sequence = co_await newest(nats, tenant);
      if (sequence > stored) waiting.emplace_back(tenant, sequence);
    }
  for (int look = 0; look < looks && !waiting.empty(); ++look) {
    co_await sleep_ms(pause_ms);
    stored = co_await nats->acked_up_to(stream, durable);
    std::erase_if(waiting, [&](const auto& w) { return w.second <= stored; });
  }
  std::vector<std::string> out;
  for (auto& [tenant, sequence] : waiting) out.push_back(std::move(tenant));
  co_return out;
}

Task<bool> caught_up(nats::Client* nats, std::string tenant) {
  std::uint64_t first = 0;
  for (int look = 0; look < looks; ++look) {
    const auto last = co_await newest(nats, tenant);
    const auto stored = co_await nats->acked_up_to(stream, durable);
    if (look == 0) first = last;
    // Where acknowledgements never pause, those that there were at first are enough after a while.
    if (stored >= (look < looks_for_all ? last : first)) co_return true;
    co_await sleep_ms(pause_ms);
  }
  co_return false;
}

}  // namespace

Task<bool> acks_are_stored(nats::Client* nats, std::string tenant) {
  std::string problem;
  bool stored = false;
  try {
    stored = co_await caught_up(nats, tenant);
  } catch (const std::exception& e) {
    problem = e.what();
  }
  if (!problem.empty())
    log::error_throttled("not known which acknowledgements are stored", {{"error", problem}}, 30);
  else if (!stored)
    log::error_throttled("acknowledgements wait to be stored: a device gets no commands",
                         {{"tenant", tenant}}, 30);
  co_return stored;
}

Task<std::vector<std::string>> tenants_with_unstored_acks(nats::Client* nats,
                                                          std::vector<std::string> tenants) {
  std::string problem;
  std::vector<std::string> out;
  try {
    out = co_await behind(nats, tenants);
  } catch (const std::exception& e) {
    problem = e.what();
    out = std::move(tenants);
  }
  if (!out.empty())
    log::error_throttled("commands are not sent again: acknowledgements wait to be stored",
                         {{"tenants", static_cast<long long>(out.size())},
                          {"tenant", out.front()},
                          {"error", problem}},
                         30);
  co_return out;
}

}  // namespace pulse::fleet
