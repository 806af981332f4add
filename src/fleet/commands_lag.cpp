// How far the worker that stores acknowledgements is behind the stream that accepts them.
#include "fleet/commands.hpp"
#include "platform/log.hpp"
#include "platform/loop.hpp"

namespace pulse::fleet {

namespace {

constexpr const char *stream = "COMMANDS", *durable = "ingest-commands";
constexpr int looks = 40, looks_for_all = 10;
constexpr long pause_ms = 50, answer_ms = 2'000;

/// The sequence of the newest message in the stream: the tenant's, or of all.
Task<std::uint64_t> newest(nats::Client* nats, std::string tenant) {
  if (tenant.empty()) co_return co_await nats->last_sequence(stream);
  const auto text =
      co_await nats->request(std::string("$JS.API.STREAM.MSG.GET.") + stream,
                             "{\"last_by_subj\":\"commands." + tenant + "\"}", answer_ms);
  const auto answer = boost::json::parse(text);
  const auto* message = answer.as_object().if_contains("message");
  // None that is kept: what was processed is purged after a while.
  if (!message) co_return 0;
  co_return static_cast<std::uint64_t>(message->at("seq").to_number<std::int64_t>());
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
    stored = co_await caught_up(nats, std::move(tenant));
  } catch (const std::exception& e) {
    problem = e.what();
  }
  if (!problem.empty())
    log::error_throttled("not known which acknowledgements are stored", {{"error", problem}}, 30);
  co_return stored;
}

}  // namespace pulse::fleet
