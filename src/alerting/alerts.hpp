#pragma once
// alerting: from a reading to the right person. Owns: rules and their evaluator, alerts and what
// happened to them, maintenance, digests, channels, routing, escalation, on-call, names of metrics.
// Tables: alert_rules, fleet_alert, alert_events, alert_outbox and those of the parts. Streams:
// READINGS (read), ALERTS. Calls: fleet (groups, search), telemetry (READINGS), tenancy, platform.
//
// Alerts: opened, repeated and closed by workers; acknowledged, silenced and closed by people. Each
// transition is written with its event in one transaction; alert_outbox.hpp tells the others.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "platform/pg/pool.hpp"

namespace pulse::alerting {

/// What is wrong with a device, as a worker found it.
struct Finding {
  std::string tenant_id, device_id, site_id;
  std::string device_type;  ///< of the registry; empty: none. Maintenance windows look at it
  std::string alert_type;   ///< THRESHOLD, WINDOW, ANOMALY, NO_TELEMETRY, NO_HEARTBEAT, ...
  std::string fingerprint;  ///< one alert at a time is open under it: RULE:{rule}:{device}
  int severity = 3;         ///< 1..5, higher is worse
  double confidence = 1;    ///< 0..1
  std::string summary;
  std::string details_json = "{}";          ///< an object
  std::string rule_id;                      ///< uuid; empty: none
  std::optional<int> escalation_policy_id;  ///< none: the tenant's default policy
  int repeats = 1;                          ///< how often it was found since it was last told
  bool may_open = true;       ///< false: between two thresholds; repeats an open one alone
  std::int64_t event_us = 0;  ///< when it was measured (epoch); of gaps and windows at ticks: now
};

/// What became of a finding. Those that silence or maintenance held back are left out.
struct Raised {
  std::string tenant_id, fingerprint;
  std::int64_t alert_id = 0;
  bool opened = false;  ///< else it was open already, and is repeated
};

/// Opens an alert for each finding that may, or repeats the open one of the same fingerprint: one
/// statement, safe under concurrent workers. At most one finding for a fingerprint. What is
/// silenced or in maintenance opens nothing, nor does a finding no newer than what an alert of its
/// fingerprint knows: it comes again after a crash. Scope: pulse_ingest.
Task<std::vector<Raised>> raise_alerts(pg::Transaction& tx, const std::vector<Finding>& findings);

/// The end of what a finding told.
struct Recovery {
  std::string tenant_id, fingerprint;
  std::string reason;  ///< recovered, out_of_scope, ...
  std::string details_json = "{}";
  std::int64_t event_us = 0;  ///< when it was measured (epoch); 0: nothing was
};

/// Closes the open alerts of these fingerprints; silence and maintenance don't matter. Returns how
/// many there were. Scope: pulse_ingest.
Task<int> clear_alerts(pg::Transaction& tx, const std::vector<Recovery>& recoveries);

/// Closes the open alerts of a rule that is gone or disabled, in the scope of its tenant: a
/// statement for the transaction that ends the rule.
pg::Statement close_alerts_of_rule(const std::string& rule_id);

}  // namespace pulse::alerting
