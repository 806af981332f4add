#pragma once
// One change of many devices at once, and taking it back.
#include <optional>
#include <string>
#include <vector>

#include "fleet/devices.hpp"

namespace pulse::fleet {

inline constexpr std::size_t bulk_max_devices = 10'000;

struct BulkParams {
  std::optional<std::vector<std::string>> tags;
  std::optional<std::string> site_id;
  std::optional<std::int32_t> template_id;
};
BOOST_DESCRIBE_STRUCT(BulkParams, (), (tags, site_id, template_id))
inline auto constraints(json::As<BulkParams>) {
  return json::rules<BulkParams>()
      .items(&BulkParams::tags, 0, 50)
      .describe(&BulkParams::tags, "Of add_tags and remove_tags")
      .check("tags",
             [](const BulkParams& p) { return p.tags ? fault_of_tags(*p.tags) : std::string(); })
      .identifier(&BulkParams::site_id)
      .describe(&BulkParams::site_id, "Of move_site")
      .describe(&BulkParams::template_id, "Of set_template");
}

struct BulkRequest {
  std::string action;
  std::optional<std::vector<std::string>> device_ids;
  std::optional<std::string> query;
  std::optional<BulkParams> params;
};
BOOST_DESCRIBE_STRUCT(BulkRequest, (), (action, device_ids, query, params))
/// What is missing for the action, or empty.
std::string fault_of_bulk(const BulkRequest& request);
inline auto constraints(json::As<BulkRequest>) {
  return json::rules<BulkRequest>()
      .one_of(&BulkRequest::action,
              {"add_tags", "remove_tags", "move_site", "set_template", "decommission", "restore"})
      .items(&BulkRequest::device_ids, 1, bulk_max_devices)
      .describe(&BulkRequest::device_ids, "Either these devices")
      .length(&BulkRequest::query, 0, 500)
      .describe(&BulkRequest::query, "Or all that the search finds; empty: every device")
      .check("query",
             [](const BulkRequest& r) {
               return r.device_ids.has_value() == r.query.has_value()
                          ? std::string("give either device_ids or query")
                          : std::string();
             })
      .check("params", fault_of_bulk);
}

struct BulkSkip {
  std::string device_id, reason;
};
BOOST_DESCRIBE_STRUCT(BulkSkip, (), (device_id, reason))
struct BulkUndo {
  std::string undo_id;
  Time expires_at;
};
BOOST_DESCRIBE_STRUCT(BulkUndo, (), (undo_id, expires_at))
struct BulkResult {
  std::string action;
  std::int64_t matched = 0, changed = 0;
  std::vector<BulkSkip> skipped;
  std::optional<BulkUndo> undo;
  std::optional<std::string> note;  ///< what an undo does not bring back
};
BOOST_DESCRIBE_STRUCT(BulkResult, (), (action, matched, changed, skipped, undo, note))

/// What was done, and to which devices.
struct BulkOutcome {
  BulkResult result;
  std::vector<std::string> changed;
};

/// What to say of the certificates that went with the decommissioning of these devices at that
/// time; nothing: there were none.
Task<std::optional<std::string>> note_of_certificates(pg::Transaction& tx,
                                                      std::vector<std::string> device_ids,
                                                      std::string decommissioned_at);
/// The permission that an action needs.
std::string permission_of_bulk(const std::string& action);

/// All of it in one transaction. Throws HttpError 400 (a malformed search, too many devices), 404
/// (site, template). Undo is offered for an hour where anything changed.
Task<BulkOutcome> change_devices(tenancy::TenantDb db, std::string tenant_id, BulkRequest request,
                                 std::string user_id);
/// The action of a change that can still be taken back.
Task<std::optional<std::string>> action_to_undo(tenancy::TenantDb db, std::string undo_id);
/// Takes a change back where nobody has changed the same since; once. Nothing: it is gone.
Task<std::optional<BulkOutcome>> undo_change(tenancy::TenantDb db, std::string tenant_id,
                                             std::string undo_id);

}  // namespace pulse::fleet
