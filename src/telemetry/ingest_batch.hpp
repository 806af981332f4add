#pragma once
// One ingest batch in memory: what its messages add up to, table by table, ready to be sent as one
// statement per table. No I/O here.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fleet/registry_cache.hpp"
#include "platform/json/fit.hpp"
#include "platform/pg/types.hpp"
#include "telemetry/envelope.hpp"
#include "telemetry/readings.hpp"
#include "telemetry/template_watch.hpp"

namespace pulse::telemetry {

/// A message that passed every check. Its views live as long as the batch's JSON storage.
struct Accepted {
  const fleet::DeviceFacts* device = nullptr;
  const fleet::KnownToken* token = nullptr;  ///< by which it came in; null: by none
  Envelope envelope;
  Payload payload;
  std::int64_t event_us = 0;
  std::uint64_t stream_seq = 0;
};

/// A message that did not. Its texts are fit for PostgreSQL.
struct Refused {
  std::string tenant_id, device_id, site_id, msg_type, topic, reason;
  std::string payload_json;  ///< token masked, fit for jsonb
  std::int64_t received_ms = 0;
  std::uint64_t stream_seq = 0;
};

/// Count, sum and extremes of one metric of one device in one bucket.
struct Rollup {
  std::int64_t count = 0;
  double sum = 0, min = 0, max = 0, last = 0;
  std::int64_t last_us = 0;
  void add(double value, std::int64_t at_us);
  void merge(const Rollup& other);
};

/// A metric key that the device's sensors do not know yet.
struct NewSensor {
  const fleet::DeviceFacts* device = nullptr;
  std::string key, display_name, unit;
};

/// The last use of a token, worth storing.
struct TokenUse {
  const fleet::DeviceFacts* device = nullptr;
  std::string token_id;
  std::int64_t used_ms = 0;
};

/// What a device told of its own condition, worth keeping.
struct HealthRow {
  const fleet::DeviceFacts* device = nullptr;
  std::int64_t event_us = 0;
  std::string json;  ///< columns of device_health_telemetry and their values
};

/// Arrays of one statement's parameters, column by column.
struct Columns {
  std::vector<std::string> tenant, device;
  std::vector<std::string> text1, text2;
  std::vector<std::int64_t> int1, int2, int3, int4, int5, int6;
  std::vector<double> num1, num2, num3, num4;
  std::size_t size() const { return tenant.size(); }
};

class IngestBatch {
 public:
  void add(const Accepted& message);
  void refuse(Refused refused) { refused_.push_back(std::move(refused)); }
  bool empty() const { return accepted_ == 0 && refused_.empty(); }
  std::size_t accepted() const { return accepted_; }
  const std::vector<Refused>& refused() const { return refused_; }

  /// Rows of `COPY telemetry (time, tenant_id, device_id, site_id, msg_type, seq, metrics,
  /// received_at, stream_seq)` in text format.
  std::string& telemetry_rows() { return rows_; }
  /// tenant, device, text1 state, text2 state times; epoch ms (0: none): int1 last telemetry, int2
  /// last heartbeat, int3 last seen, int4 oldest and int5 newest reading of the state, int6
  /// position; sorted so that two workers lock rows in one order.
  Columns device_states() const;
  /// tenant, device, text1 metric; int1 bucket (epoch s), int2 count, int3 last (epoch us); num1
  /// sum, num2 min, num3 max, num4 last. `bucket_s` is 60 or 3600. Numbers beyond
  /// `ingest_rollup_magnitude` are left out: sums must stay finite.
  Columns rollups(std::int64_t bucket_s) const;
  std::vector<NewSensor> new_sensors() const;
  /// Positions: tenant, device, num1 latitude, num2 longitude, int1 when (epoch ms).
  Columns positions() const;
  /// Tokens whose stored last use is more than a minute ago; sorted by token.
  std::vector<TokenUse> token_uses() const;
  /// At most one row a device, and none sooner than its plan's interval after the last.
  std::vector<HealthRow> health_rows() const;
  /// Devices that have metrics or sensors now which their facts do not know.
  std::vector<const fleet::DeviceFacts*> grown() const;
  /// What was broken of templates.
  const TemplateWatch& templates() const { return templates_; }
  /// Event days (epoch days) in the rows, for making partitions.
  const std::map<std::int64_t, std::size_t>& days() const { return days_; }
  /// One live message per tenant: {"type":"telemetry","rows":[...]}, split at `max_bytes`.
  std::vector<std::pair<std::string, std::string>> live_messages(std::int64_t stored_ms,
                                                                 std::size_t max_bytes) const;
  /// The readings of tenants whose rules run, by part, split at `max_bytes`.
  std::vector<ReadingMessage> reading_messages(const RuledTenants& ruled,
                                               std::size_t max_bytes) const;

 private:
  struct Latest {
    std::string_view key;
    const boost::json::value* value;
    std::int64_t event_us;
  };
  struct Device {
    std::int64_t last_telemetry_ms = 0, last_heartbeat_ms = 0, last_seen_ms = 0;
    std::int64_t position_us = 0;
    std::optional<double> latitude, longitude;
    std::vector<Latest> latest;
    std::map<std::string_view, const boost::json::value*> health;  // by column
    std::int64_t health_us = 0;
    std::size_t new_keys = 0;  // in `latest`, but not in the facts' state_keys
  };
  struct RollupKey {
    const fleet::DeviceFacts* device;
    std::string_view metric;
    std::int64_t bucket_s;
    bool operator==(const RollupKey&) const = default;
  };
  struct RollupHash {
    std::size_t operator()(const RollupKey& k) const {
      return std::hash<const void*>()(k.device) ^ (std::hash<std::string_view>()(k.metric) * 31) ^
             (static_cast<std::size_t>(k.bucket_s) * 0x9e3779b97f4a7c15ULL);
    }
  };
  struct LiveRow {
    const fleet::DeviceFacts* device;
    std::string json;  // without the closing brace: stored_ms follows
  };
  void copy_row(const Accepted& message, std::string_view metrics);
  void add_reading(const Accepted& message, Device& device, const Reading& reading);

  std::size_t accepted_ = 0;
  std::string rows_;
  std::vector<Refused> refused_;
  std::unordered_map<const fleet::DeviceFacts*, Device> devices_;
  std::unordered_map<RollupKey, Rollup, RollupHash> rollups_;
  std::map<std::int64_t, std::size_t> days_;
  std::vector<LiveRow> live_;
  std::map<const fleet::KnownToken*, TokenUse> token_uses_;
  TemplateWatch templates_;
};

/// Appends "YYYY-MM-DD hh:mm:ss.ffffff+00".
void append_timestamp(std::string& out, std::int64_t epoch_us);
/// Appends text for COPY's text format: backslash, tab, line ends escaped.
void append_copy_text(std::string& out, std::string_view text);
using json::fit_for_jsonb;
/// What a sensor is called at first sight: "temp_c" -> "Temp c"; and its unit by common suffixes.
std::string display_name_of(std::string_view key);
std::string unit_of(std::string_view key);

}  // namespace pulse::telemetry
