#pragma once
#include "platform/pg/pool.hpp"

namespace pulse::telemetry {

/// Makes the partitions of the days ahead; drops those that no plan keeps any more; removes what a
/// device's own plan does not keep (whole UTC days, by `data_retention_days`), and old rollups,
/// audit events, quarantine entries, dead letters, counters and connection events. All in bounded
/// steps.
Task<> keep_partitions(pg::Pool& pool);

}  // namespace pulse::telemetry
