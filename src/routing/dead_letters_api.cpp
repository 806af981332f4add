// Dead letters of routes and of ingest: what is there, why, and once more.
#include <algorithm>

#include "routing/asked_sends.hpp"
#include "routing/dead_letters.hpp"

namespace pulse::routing {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;
using LetterId = http::Path<"dlq_id", std::int64_t>;

/// A batch answers within a browser's patience.
constexpr std::int64_t batch_ms = 25'000;
/// After so many failures of one route, the rest of it is not tried.
constexpr int most_failures = 3;

struct DeadLetterList {
  std::vector<DeadLetterMessage> messages;
  std::int64_t total = 0, limit = 0, offset = 0;
};
BOOST_DESCRIBE_STRUCT(DeadLetterList, (), (messages, total, limit, offset))

struct DeadLetterReasons {
  std::vector<DeadLetterReason> reasons;
};
BOOST_DESCRIBE_STRUCT(DeadLetterReasons, (), (reasons))

struct ReplayBatchRequest {
  std::vector<std::int64_t> ids;
};
BOOST_DESCRIBE_STRUCT(ReplayBatchRequest, (), (ids))
inline auto constraints(json::As<ReplayBatchRequest>) {
  return json::rules<ReplayBatchRequest>().items(&ReplayBatchRequest::ids, 1, 100);
}

struct ReplayedLetter {
  std::int64_t id = 0;
  std::string status = "REPLAYED", message = "Message replayed successfully";
};
BOOST_DESCRIBE_STRUCT(ReplayedLetter, (), (id, status, message))

struct ReplayResult {
  std::int64_t id = 0;
  std::string status;  ///< REPLAYED, or what it is still
  std::optional<std::string> error;
};
BOOST_DESCRIBE_STRUCT(ReplayResult, (), (id, status, error))

struct ReplayBatchResult {
  std::vector<ReplayResult> results;
  std::int64_t total = 0, replayed = 0, failed = 0;
};
BOOST_DESCRIBE_STRUCT(ReplayBatchResult, (), (results, total, replayed, failed))

struct DiscardedLetter {
  std::int64_t id = 0;
  std::string status = "DISCARDED";
};
BOOST_DESCRIBE_STRUCT(DiscardedLetter, (), (id, status))

struct PurgeQuery {
  std::int64_t older_than_days = 30;
};
BOOST_DESCRIBE_STRUCT(PurgeQuery, (), (older_than_days))
inline auto constraints(json::As<PurgeQuery>) {
  return json::rules<PurgeQuery>().range(&PurgeQuery::older_than_days, 1, 365);
}

struct PurgedLetters {
  std::int64_t purged = 0, older_than_days = 0;
};
BOOST_DESCRIBE_STRUCT(PurgedLetters, (), (purged, older_than_days))

Task<DeadLetterList> list_letters(RoutingDeps, TenantCaller caller,
                                  http::Query<DeadLetterQuery> query) {
  if (const auto& s = query->status; s && *s != "FAILED" && *s != "REPLAYED" && *s != "DISCARDED")
    throw bad_request("Invalid status filter");
  auto page = co_await dead_letters(caller.db, query.value);
  DeadLetterList out;
  out.messages = std::move(page.messages);
  out.total = page.total;
  out.limit = query->limit;
  out.offset = query->offset;
  co_return out;
}

Task<DeadLetterReasons> list_reasons(RoutingDeps, TenantCaller caller) {
  DeadLetterReasons out;
  out.reasons = co_await dead_letter_reasons(caller.db);
  co_return out;
}

/// Delivers by the route as it is now.
Task<Sent> deliver_again(RoutingDeps d, TenantCaller caller, StoredLetter letter) {
  Sent out;
  out.permanent = true;
  if (letter.destination_type == "ingest") {
    out.error = "PostgreSQL refused this message for its data: the device has to send it again";
    co_return out;
  }
  std::optional<StoredRoute> route;
  if (letter.route_id) route = co_await stored_route(caller.db, *letter.route_id);
  if (!route) {
    out.error = "its route was deleted";
    co_return out;
  }
  OutgoingMessage m;
  m.message_id = letter.message_id.value_or("dead-letter-" + std::to_string(letter.id));
  m.topic = letter.original_topic;
  m.device_id = letter.device_id.value_or("");
  m.payload = letter.payload;
  m.hops = letter.hops;
  m.fanout_left = letter.fanout_left;
  m.received_at = letter.received_at;
  try {
    out = co_await send_asked(d, std::move(*route), std::move(m));
  } catch (const crypto::Error&) {
    out.error = "the route's secrets can't be opened any more";
  }
  co_return out;
}

/// What became of a dead letter that was to be replayed.
struct Replay {
  std::string status;    ///< REPLAYED, or what it is; empty: there is none
  std::string error;     ///< of the destination
  bool refused = false;  ///< it was no longer, or not yet again, to be replayed
};
/// Claims it, delivers it, and writes down how that went.
Task<Replay> replay_one(RoutingDeps d, TenantCaller caller, std::int64_t id) {
  Replay out;
  auto claimed = co_await claim_letter(caller.db, id);
  out.status = claimed.status;
  out.refused = !claimed.letter;
  if (out.refused) co_return out;
  out.status = "FAILED";
  auto sent = co_await deliver_again(d, caller, std::move(*claimed.letter));
  out.error = std::move(sent.error);
  if (out.error.empty()) {
    co_await mark_replayed(caller.db, id);
    out.status = "REPLAYED";
  } else if (sent.ours) {
    co_await release_letter(caller.db, id);
  } else {
    co_await mark_failed(caller.db, id, out.error);
  }
  co_return out;
}

void tell(const RoutingDeps& d, const TenantCaller& caller, std::string action, std::string id,
          std::string message) {
  tell_pages(d, caller.tenant(), "dead-letters");
  tell_pages(d, caller.tenant(), "message-routes");  // which count theirs
  const auto event = "dead_letter." + action + (action.ends_with("e") ? "d" : "ed");
  d.audit->write(
      AuditLog::of(caller, event, action, "dead_letter", std::move(id), std::move(message)));
}

Task<ReplayedLetter> replay_letter(RoutingDeps d, TenantCaller caller, LetterId id) {
  const auto done = co_await replay_one(d, caller, id.value);
  if (done.status.empty()) throw not_found("Dead letter message not found");
  if (!done.error.empty()) throw HttpError(502, "Replay failed: " + done.error);
  if (done.refused) throw bad_request("Cannot replay message with status " + done.status);
  tell(d, caller, "replay", std::to_string(id.value), "Dead letter replayed");
  ReplayedLetter out;
  out.id = id.value;
  co_return out;
}

Task<ReplayBatchResult> replay_batch(RoutingDeps d, TenantCaller caller,
                                     http::Body<ReplayBatchRequest> body) {
  auto ids = body->ids;
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  const auto known = co_await states_of_letters(caller.db, ids);
  const auto until = steady_ms() + batch_ms;
  std::map<std::int64_t, int> failures;  // by route
  ReplayBatchResult out;
  out.total = static_cast<std::int64_t>(ids.size());
  for (const auto id : ids) {
    ReplayResult result;
    result.id = id;
    const auto letter = known.find(id);
    if (letter != known.end()) result.status = letter->second.status;
    auto& failed = failures[letter == known.end() ? 0 : letter->second.route_id];
    if (letter == known.end()) {
      result.status = "NOT_FOUND";
      result.error = "Dead letter message not found";
    } else if (result.status == "FAILED" && failed >= most_failures) {
      result.error = "Not tried: the destination failed " + std::to_string(failed) + " times";
    } else if (result.status == "FAILED" && steady_ms() >= until) {
      result.error = "Not tried: this took too long already";
    } else {
      auto done = co_await replay_one(d, caller, id);
      result.status = done.status;
      if (!done.error.empty()) {
        ++failed;
        result.error = std::move(done.error);
      } else if (done.refused) {
        result.error = "Cannot replay message with status " + done.status;
      }
    }
    ++(result.error ? out.failed : out.replayed);
    out.results.push_back(std::move(result));
  }
  tell(d, caller, "replay", "", std::to_string(out.replayed) + " dead letters replayed");
  co_return out;
}

Task<DiscardedLetter> discard(RoutingDeps d, TenantCaller caller, LetterId id) {
  const bool discarded = co_await discard_letter(caller.db, id.value);
  if (!discarded) throw not_found("Dead letter message not found or already processed");
  tell(d, caller, "discard", std::to_string(id.value), "Dead letter discarded");
  DiscardedLetter out;
  out.id = id.value;
  co_return out;
}

Task<PurgedLetters> purge(RoutingDeps d, TenantCaller caller, http::Query<PurgeQuery> query) {
  PurgedLetters out;
  out.older_than_days = query->older_than_days;
  out.purged = co_await purge_letters(caller.db, query->older_than_days);
  tell(d, caller, "purge", "",
       std::to_string(out.purged) + " dead letters older than " +
           std::to_string(out.older_than_days) + " days purged");
  co_return out;
}

}  // namespace

void mount_dead_letters(http::Router& api, const RoutingDeps& d) {
  const std::string base = "/api/v1/customer/dead-letter", one = base + "/{dlq_id}";
  const char* write = "integrations.routes";
  api.get(base, http::bound(d, list_letters))
      .customers()
      .tag("Dead letters")
      .summary("Messages that could not be delivered or stored, newest first")
      .fails(400, "Invalid status filter");
  api.get(base + "/reasons", http::bound(d, list_reasons))
      .customers()
      .tag("Dead letters")
      .summary("Why messages failed, the most common reason first");
  api.post(base + "/replay-batch", http::bound(d, replay_batch))
      .needs(write)
      .tag("Dead letters")
      .summary("Deliver several once more, the oldest first");
  api.del(base + "/purge", http::bound(d, purge))
      .needs(write)
      .tag("Dead letters")
      .summary("Remove dead letters by age");
  api.post(one + "/replay", http::bound(d, replay_letter))
      .needs(write)
      .tag("Dead letters")
      .summary("Deliver one once more")
      .fails(400, "Cannot replay message with status {status}")
      .fails(404, "Dead letter message not found")
      .fails(502, "Replay failed: {error}");
  api.del(one, http::bound(d, discard))
      .needs(write)
      .tag("Dead letters")
      .summary("Discard one: it stays in the list as DISCARDED")
      .fails(404, "Dead letter message not found or already processed");
}

}  // namespace pulse::routing
