#pragma once
// Alerts that need no rule: devices that fell silent, certificates about to expire.
#include "platform/clock.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::alerting {

/// Looks for them over all tenants, set by set. Several at once do no harm: a fingerprint is open
/// once, and a silence or a certificate is told once.
class StandingAlerts {
 public:
  /// Opens and closes what is due; returns how many transitions there were. Throws pg::Error.
  Task<int> look(pg::Pool& pool);

 private:
  // Steady; in between only what changed lately is looked at, and what did in the last week.
  std::int64_t all_due_ms_ = 0, week_due_ms_ = 0;
  std::int64_t certificates_due_ms_ = 0;  // steady
};

}  // namespace pulse::alerting
