#pragma once
// What evaluators read and write. Scope: pulse_ingest, which sees every tenant.
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "alerting/engine.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::alerting {

pg::Scope worker_scope();

/// The tenants that have rules that run, with the version of what they are judged by.
Task<std::map<std::string, std::int64_t>> rule_versions(pg::Pool& pool);

/// A tenant's rules that run, with what they need. A rule that can't be read is left out and
/// logged.
struct RuleSet {
  std::vector<Rule> rules;
  std::vector<MetricMapping> mappings;
  std::vector<SensorTarget> sensors;
};
Task<RuleSet> load_rules(pg::Pool& pool, std::string tenant_id);
/// The sensors that rules that run aim at; `only`: of those devices alone; empty: of all.
Task<std::vector<SensorTarget>> load_sensors(pg::Pool& pool, std::string tenant_id,
                                             std::vector<std::string> only);

/// Which devices to load.
using DeviceFilter = std::function<bool(std::string_view device_id)>;

/// Puts the tenant's active devices that pass the filter into the engine, with all that is known of
/// them. `only`: those devices alone, whose sensors are read anew, too; empty: all. What is not
/// active any more among them is dropped.
Task<> load_devices(pg::Pool& pool, std::string tenant_id, TenantEngine& engine,
                    DeviceFilter filter, std::vector<std::string> only);

/// A part of the devices that an evaluator holds.
struct PartLease {
  int part = 0;
  std::int64_t epoch = 0;
  std::int64_t done_seq = 0;  ///< of READINGS, judged
  std::int64_t done_ms = 0;   ///< when the stream took it (epoch)
};

/// Says that the member lives, and renews its leases. Returns how many parts it holds beyond its
/// fair share; negative: how many it lacks.
Task<int> renew_leases(pg::Pool& pool, std::string member);
/// Takes up to `most` parts that nobody holds.
Task<> claim_parts(pg::Pool& pool, std::string member, int most);
Task<> release_parts(pg::Pool& pool, std::string member, std::vector<std::int64_t> parts);
/// What the member holds.
Task<std::vector<PartLease>> held_parts(pg::Pool& pool, std::string member);
/// Gives everything back: others take over at once.
Task<> end_leases(pg::Pool& pool, std::string member);

/// What became of a transaction; nothing is written but for `yes`.
enum class Stored : std::uint8_t {
  yes,
  part_lost,      ///< one of the parts is not the member's any more
  rules_changed,  ///< a tenant's rules are others than those that were judged by
};

/// Writes decisions, states and progress in one transaction. `versions`: of the rules that each
/// tenant's decisions were made by. Those held back are handed to `held_back`.
Task<Stored> store_decisions(pg::Pool& pool, std::string member, std::vector<PartLease> parts,
                             const std::map<std::string, Decisions>& by_tenant,
                             const std::map<std::string, std::int64_t>& versions,
                             std::function<void(const Finding&)> held_back);

}  // namespace pulse::alerting
