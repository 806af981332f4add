#pragma once
// What could not be delivered, or stored: looked at, tried again, discarded.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "platform/clock.hpp"
#include "platform/json/rules.hpp"
#include "platform/pg/described.hpp"
#include "tenancy/caller.hpp"

namespace pulse::routing {

struct DeadLetterQuery {
  std::optional<std::string> status;
  std::optional<std::int32_t> route_id;
  std::optional<std::string> device_id, destination_type, search;
  std::int64_t limit = 50, offset = 0;
};
BOOST_DESCRIBE_STRUCT(DeadLetterQuery, (),
                      (status, route_id, device_id, destination_type, search, limit, offset))
inline auto constraints(json::As<DeadLetterQuery>) {
  return json::rules<DeadLetterQuery>()
      .range(&DeadLetterQuery::limit, 1, 500)
      .range(&DeadLetterQuery::offset, 0, 1'000'000)
      .length(&DeadLetterQuery::search, 0, 200);
}

struct DeadLetterMessage {
  std::int64_t id = 0;
  std::string tenant_id;
  std::optional<std::int64_t> route_id;
  std::optional<std::string> route_name;
  std::string original_topic;
  boost::json::value payload;
  std::string destination_type;
  boost::json::object destination_config;
  std::optional<std::string> error_message;
  std::int64_t attempts = 0;
  std::string status;
  Time created_at;
  std::optional<Time> replayed_at;
};
BOOST_DESCRIBE_STRUCT(DeadLetterMessage, (),
                      (id, tenant_id, route_id, route_name, original_topic, payload,
                       destination_type, destination_config, error_message, attempts, status,
                       created_at, replayed_at))

struct DeadLetterPage {
  std::vector<DeadLetterMessage> messages;
  std::int64_t total = 0;
};

/// What a replay needs: the message as its route took it.
struct StoredLetter {
  std::int64_t id = 0;
  std::optional<std::int64_t> route_id;
  std::optional<std::string> message_id, device_id;
  std::string original_topic, payload, destination_type;
  std::int64_t hops = 0, fanout_left = 0;
  Time received_at;
};
BOOST_DESCRIBE_STRUCT(StoredLetter, (),
                      (id, route_id, message_id, device_id, original_topic, payload,
                       destination_type, hops, fanout_left, received_at))

/// Dead letters of one reason.
struct DeadLetterReason {
  std::optional<std::int64_t> route_id;
  std::optional<std::string> route_name;
  std::string destination_type, error_message;
  std::int64_t count = 0;
  Time first_at, last_at;
};
BOOST_DESCRIBE_STRUCT(DeadLetterReason, (),
                      (route_id, route_name, destination_type, error_message, count, first_at,
                       last_at))

Task<DeadLetterPage> dead_letters(tenancy::TenantDb db, DeadLetterQuery query);
/// Of failed ones, the most common first.
Task<std::vector<DeadLetterReason>> dead_letter_reasons(tenancy::TenantDb db);
/// What is known of a dead letter before it is tried.
struct LetterState {
  std::int64_t route_id = 0;  ///< 0: none
  std::string status;
};
/// Of those of the ids that there are.
Task<std::map<std::int64_t, LetterState>> states_of_letters(tenancy::TenantDb db,
                                                            std::vector<std::int64_t> ids);
/// What became of claiming a dead letter for a replay.
struct ClaimedLetter {
  std::optional<StoredLetter>
      letter;          ///< it is the caller's, until it is marked or two minutes pass
  std::string status;  ///< otherwise: why not, or empty when there is none of this id
};
/// In one statement: of several who ask for the same one at once, one gets it.
Task<ClaimedLetter> claim_letter(tenancy::TenantDb db, std::int64_t id);
/// The claimed letter is done.
Task<> mark_replayed(tenancy::TenantDb db, std::int64_t id);
/// It was not tried: it can be claimed again.
Task<> release_letter(tenancy::TenantDb db, std::int64_t id);
/// A try that failed: its reason is kept, and it can be claimed again.
Task<> mark_failed(tenancy::TenantDb db, std::int64_t id, std::string error);
/// False when there is none, it was replayed or discarded, or is being replayed.
Task<bool> discard_letter(tenancy::TenantDb db, std::int64_t id);
Task<std::int64_t> purge_letters(tenancy::TenantDb db, std::int64_t older_than_days);

}  // namespace pulse::routing
