#pragma once
// The statements of the ingest worker: one per table and batch, in one transaction.
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "platform/pg/pool.hpp"
#include "telemetry/ingest_batch.hpp"

namespace pulse::telemetry {

/// The role that ingest works as: it may write the tables of telemetry for every tenant, nothing
/// else.
pg::Scope ingest_scope();

/// A device whose status became ONLINE with this batch.
struct CameOnline {
  std::string tenant_id, device_id;
  bool first_seen = false;
};

/// Identity of a stored message: a stream that was made anew counts from 1 again, so the sequence
/// alone does not tell.
struct StoredKey {
  std::uint64_t stream_seq;
  std::string tenant_id, device_id;
  std::int64_t received_ms;
  auto operator<=>(const StoredKey&) const = default;
};

/// Keeps workers out of each other's way: held shared by every batch, and exclusively by a batch
/// that looks for messages stored before. Who holds it alone knows that no other transaction is
/// under way which might still store one of them.
Task<> lock_ingest(pg::Transaction& tx, bool alone);

/// Which of these stream sequences are in the table already.
Task<std::set<StoredKey>> stored_before(pg::Transaction& tx,
                                        const std::vector<std::int64_t>& sequences);

/// Makes the daily partitions of these days (epoch days) where they are missing.
Task<> make_partitions(pg::Pool& pool, const std::vector<std::int64_t>& days);

/// Writes the batch's rows, states, rollups, sensors, positions and refusals. Devices that came
/// online are returned; their connection events are written. `stale_seconds`: how long a device may
/// be silent where neither it nor its template says.
Task<std::vector<CameOnline>> store_batch(pg::Transaction& tx, IngestBatch& batch,
                                          bool keep_refused, long stale_seconds);

/// Remembers, in the batch's transaction, how far this worker has stored the stream.
Task<> note_progress(pg::Transaction& tx, const std::string& worker, std::uint64_t stream_seq);
/// The highest sequence that any worker has stored; forgets workers that are long gone.
Task<std::uint64_t> highest_stored(pg::Pool& pool);

/// A message that PostgreSQL refuses for its data: kept with its reason, so that it blocks no
/// other.
struct DeadLetter {
  std::string tenant_id, topic, payload_json, subject, error;
  std::uint64_t stream_seq = 0;
  std::int64_t attempts = 0;
};
Task<> store_dead_letter(pg::Pool& pool, const DeadLetter& letter);

/// Values of app_settings.
Task<std::vector<std::pair<std::string, std::string>>> read_settings(pg::Pool& pool);

}  // namespace pulse::telemetry
