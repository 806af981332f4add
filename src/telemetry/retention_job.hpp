#pragma once
#include "platform/pg/pool.hpp"

namespace pulse::telemetry {

/// Makes the partitions of the days ahead; drops those that no plan keeps any more; removes old
/// quarantine entries, counters and connection events in bounded steps.
Task<> keep_partitions(pg::Pool& pool);

}  // namespace pulse::telemetry
