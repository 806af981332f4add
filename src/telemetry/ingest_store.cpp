#include "telemetry/ingest_store.hpp"

#include <algorithm>

#include "platform/pg/rows.hpp"

namespace pulse::telemetry {

namespace {

/// Any fixed number that no other part of Pulse locks by.
constexpr std::int64_t ingest_lock = 0x70756c736501;

constexpr const char* copy_telemetry =
    "COPY telemetry (time, tenant_id, device_id, site_id, msg_type, seq, metrics, received_at, "
    "stream_seq) FROM STDIN";

// `state || new` where every reading of the batch is at least as new as what is known; the merge by
// each metric's time where a message came late. The times travel along in both. Devices that are
// known are updated, which costs half of an insertion that finds a row in its way; the others are
// inserted, and a row in the way is then another worker's, of this very moment. What lay in the
// stream for longer than a device may be silent brings nobody online.
// now() is the transaction's time: a row that carries it changed its status here; xmax 0: inserted.
constexpr const char* advance_states = R"sql(
  WITH seen AS (
    SELECT b.tenant_id, b.device_id, r.site_id, b.state::jsonb AS state, b.times::jsonb AS times,
      CASE WHEN telemetry_ms > 0 THEN to_timestamp(telemetry_ms / 1000.0) END AS telemetry_at,
      CASE WHEN heartbeat_ms > 0 THEN to_timestamp(heartbeat_ms / 1000.0) END AS heartbeat_at,
      to_timestamp(seen_ms / 1000.0) AS seen_at,
      CASE WHEN oldest_ms > 0 THEN to_timestamp(oldest_ms / 1000.0) END AS oldest_at,
      CASE WHEN newest_ms > 0 THEN to_timestamp(newest_ms / 1000.0) END AS newest_at,
      CASE WHEN position_ms > 0 THEN to_timestamp(position_ms / 1000.0) END AS position_at,
      seen_ms / 1000.0 >= extract(epoch FROM now())
        - coalesce(r.heartbeat_stale_seconds, t.heartbeat_stale_seconds, $11::integer) AS is_here
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
                $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[])
      AS b (tenant_id, device_id, state, times, telemetry_ms, heartbeat_ms, seen_ms, oldest_ms,
            newest_ms, position_ms)
    JOIN device_registry r USING (tenant_id, device_id)
    LEFT JOIN device_templates t ON t.id = r.template_id
  ), updated AS (
    UPDATE device_state d SET
      site_id = b.site_id,
      status = CASE WHEN b.is_here THEN 'ONLINE' ELSE d.status END,
      last_state_change_at = CASE WHEN d.status = 'ONLINE' OR NOT b.is_here
                                  THEN d.last_state_change_at ELSE now() END,
      last_telemetry_at = greatest(d.last_telemetry_at, b.telemetry_at),
      last_heartbeat_at = greatest(d.last_heartbeat_at, b.heartbeat_at),
      last_seen_at = greatest(d.last_seen_at, b.seen_at),
      state = CASE WHEN d.newest_event_at IS NULL OR d.newest_event_at <= b.oldest_at
        THEN d.state || b.state
        ELSE (pulse_merge_state(d.state, d.state_times, b.state, b.times)).state END,
      state_times = CASE WHEN d.newest_event_at IS NULL OR d.newest_event_at <= b.oldest_at
        THEN d.state_times || b.times
        ELSE (pulse_merge_state(d.state, d.state_times, b.state, b.times)).times END,
      newest_event_at = greatest(d.newest_event_at, b.newest_at),
      position_at = greatest(d.position_at, b.position_at)
    FROM seen b WHERE d.tenant_id = b.tenant_id AND d.device_id = b.device_id
    RETURNING d.tenant_id, d.device_id, b.is_here AND d.last_state_change_at = now() AS changed
  ), inserted AS (
    INSERT INTO device_state AS d (tenant_id, device_id, site_id, status, last_telemetry_at,
      last_heartbeat_at, last_seen_at, last_state_change_at, state, state_times, newest_event_at,
      position_at)
    SELECT tenant_id, device_id, site_id, CASE WHEN is_here THEN 'ONLINE' ELSE 'OFFLINE' END, telemetry_at, heartbeat_at, seen_at, now(),
      state, times, newest_at, position_at
    FROM seen b WHERE NOT EXISTS (SELECT FROM device_state k WHERE k.tenant_id = b.tenant_id
                                  AND k.device_id = b.device_id)
    ON CONFLICT (tenant_id, device_id) DO UPDATE SET
      last_telemetry_at = greatest(d.last_telemetry_at, excluded.last_telemetry_at),
      last_heartbeat_at = greatest(d.last_heartbeat_at, excluded.last_heartbeat_at),
      last_seen_at = greatest(d.last_seen_at, excluded.last_seen_at),
      (state, state_times) = (SELECT m.state, m.times FROM pulse_merge_state(
        d.state, d.state_times, excluded.state, excluded.state_times) m),
      newest_event_at = greatest(d.newest_event_at, excluded.newest_event_at),
      position_at = greatest(d.position_at, excluded.position_at)
    RETURNING tenant_id, device_id, xmax = 0 AND status = 'ONLINE' AS first_seen
  ), online AS (
    SELECT tenant_id, device_id, false AS first_seen FROM updated WHERE changed
    UNION ALL SELECT tenant_id, device_id, true FROM inserted WHERE first_seen
  ), events AS (
    INSERT INTO device_connection_events (tenant_id, device_id, event_type, details)
    SELECT tenant_id, device_id, 'CONNECTED', jsonb_build_object(
      'reason', CASE WHEN first_seen THEN 'first_seen' ELSE 'heartbeat_resumed' END)
    FROM online
  )
  SELECT tenant_id, device_id, first_seen FROM online
)sql";

std::string advance_rollups(const std::string& table) {
  return "INSERT INTO " + table + R"sql( AS r
      (tenant_id, device_id, metric, bucket, count, sum, min, max, last, last_at)
    SELECT tenant_id, device_id, metric, to_timestamp(bucket), count, sum, min, max, last,
           to_timestamp(last_us / 1000000.0)
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
                $7::float8[], $8::float8[], $9::float8[], $10::float8[])
      AS b (tenant_id, device_id, metric, bucket, count, last_us, sum, min, max, last)
    ON CONFLICT (tenant_id, device_id, metric, bucket) DO UPDATE SET
      count = r.count + excluded.count,
      sum = r.sum + excluded.sum,
      min = least(r.min, excluded.min),
      max = greatest(r.max, excluded.max),
      last = CASE WHEN excluded.last_at >= r.last_at THEN excluded.last ELSE r.last END,
      last_at = greatest(r.last_at, excluded.last_at))sql";
}

pg::Params rollup_params(const Columns& c) {
  return pg::Params::of(c.tenant, c.device, c.text1, c.int1, c.int2, c.int3, c.num1, c.num2, c.num3,
                        c.num4);
}

// The facts that the new keys were chosen by may be older than the table: the limit is held here.
// The device's row of device_state is locked by this transaction, so nobody adds to the same device
// meanwhile.
constexpr const char* add_sensors = R"sql(
  INSERT INTO device_sensors (tenant_id, device_id, metric_key, display_name, unit, source)
  SELECT tenant_id, device_id, metric_key, display_name, nullif(unit, ''), 'unmodeled'
  FROM (
    SELECT b.*, row_number() OVER (PARTITION BY b.tenant_id, b.device_id ORDER BY b.place) AS nth
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
      WITH ORDINALITY
      AS b (tenant_id, device_id, metric_key, display_name, unit, sensor_limit, place)
    WHERE NOT EXISTS (SELECT FROM device_sensors k WHERE k.tenant_id = b.tenant_id
                      AND k.device_id = b.device_id AND k.metric_key = b.metric_key)
  ) fresh
  WHERE nth + (SELECT count(*) FROM device_sensors k WHERE k.tenant_id = fresh.tenant_id
               AND k.device_id = fresh.device_id) <= sensor_limit
  ORDER BY place
  ON CONFLICT (tenant_id, device_id, metric_key) DO NOTHING
)sql";

// After advance_states: position_at is the newest known, so a position that came late moves
// nothing.
constexpr const char* move_devices = R"sql(
  UPDATE device_registry r SET latitude = b.latitude, longitude = b.longitude
  FROM unnest($1::text[], $2::text[], $3::float8[], $4::float8[], $5::bigint[])
    AS b (tenant_id, device_id, latitude, longitude, position_ms)
  JOIN device_state s USING (tenant_id, device_id)
  WHERE r.tenant_id = b.tenant_id AND r.device_id = b.device_id AND r.location_source = 'auto'
    AND s.position_at <= to_timestamp(b.position_ms / 1000.0)
    AND (r.latitude, r.longitude) IS DISTINCT FROM (b.latitude, b.longitude)
)sql";

// A token that someone else is changing is left for the next time: nobody waits for this.
constexpr const char* note_token_uses = R"sql(
  WITH used AS (
    SELECT t.id, to_timestamp(b.used_ms / 1000.0) AS at
    FROM unnest($1::uuid[], $2::bigint[]) AS b (id, used_ms) JOIN device_api_tokens t USING (id)
    WHERE t.last_used_at IS NULL OR t.last_used_at < to_timestamp(b.used_ms / 1000.0)
    FOR NO KEY UPDATE OF t SKIP LOCKED
  )
  UPDATE device_api_tokens t SET last_used_at = used.at FROM used WHERE t.id = used.id
)sql";

// Numbers are read as float8 first: a count may come as 3600.0.
constexpr const char* keep_health = R"sql(
  INSERT INTO device_health_telemetry (time, tenant_id, device_id, rssi, rsrp, rsrq, sinr,
    signal_quality, network_type, cell_id, battery_pct, battery_voltage, power_source, charging,
    cpu_temp_c, memory_used_pct, storage_used_pct, uptime_seconds, reboot_count, error_count,
    data_tx_bytes, data_rx_bytes, data_session_bytes, gps_lat, gps_lon, gps_accuracy_m, gps_fix)
  SELECT to_timestamp(b.event_us / 1000000.0), b.tenant_id, b.device_id, h.rssi, h.rsrp, h.rsrq,
    h.sinr, h.signal_quality, h.network_type, h.cell_id, h.battery_pct, h.battery_voltage,
    h.power_source, h.charging, h.cpu_temp_c, h.memory_used_pct, h.storage_used_pct,
    h.uptime_seconds::bigint, h.reboot_count::bigint, h.error_count::bigint,
    h.data_tx_bytes::bigint, h.data_rx_bytes::bigint, h.data_session_bytes::bigint, h.gps_lat,
    h.gps_lon, h.gps_accuracy_m, h.gps_fix
  FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[])
    AS b (tenant_id, device_id, event_us, health)
  JOIN device_registry r USING (tenant_id, device_id)
  CROSS JOIN LATERAL jsonb_to_record(b.health::jsonb) AS h (rssi float8, rsrp float8, rsrq float8,
    sinr float8, signal_quality float8, network_type text, cell_id text, battery_pct float8,
    battery_voltage float8, power_source text, charging boolean, cpu_temp_c float8,
    memory_used_pct float8, storage_used_pct float8, uptime_seconds float8, reboot_count float8,
    error_count float8, data_tx_bytes float8, data_rx_bytes float8, data_session_bytes float8,
    gps_lat float8, gps_lon float8, gps_accuracy_m float8, gps_fix boolean)
)sql";

constexpr const char* note_certificate_uses = R"sql(
  WITH used AS (
    SELECT c.id, to_timestamp(b.used_ms / 1000.0) AS at
    FROM unnest($1::integer[], $2::bigint[]) AS b (id, used_ms) JOIN device_certificates c USING (id)
    WHERE c.last_used_at IS NULL OR c.last_used_at < to_timestamp(b.used_ms / 1000.0)
    FOR NO KEY UPDATE OF c SKIP LOCKED
  )
  UPDATE device_certificates c SET last_used_at = used.at FROM used WHERE c.id = used.id
)sql";

/// Adds what stores the last uses of tokens and certificates.
void add_uses(const std::vector<TokenUse>& uses, std::vector<pg::Statement>& statements) {
  std::vector<std::string> tokens, certificates;
  std::vector<std::int64_t> token_times, certificate_times;
  for (const auto& use : uses) {
    const bool certificate = use.token_id.starts_with(fleet::certificate_prefix);
    (certificate ? certificates : tokens)
        .push_back(certificate ? use.token_id.substr(fleet::certificate_prefix.size())
                               : use.token_id);
    (certificate ? certificate_times : token_times).push_back(use.used_ms);
  }
  if (!tokens.empty())
    statements.emplace_back(note_token_uses, pg::Params::of(tokens, token_times));
  if (!certificates.empty())
    statements.emplace_back(note_certificate_uses, pg::Params::of(certificates, certificate_times));
}

constexpr const char* count_refusals = R"sql(
  INSERT INTO quarantine_counters_minute AS q (bucket_minute, tenant_id, reason, cnt)
  SELECT date_trunc('minute', now()), b.tenant_id, b.reason, count(*)
  FROM unnest($1::text[], $2::text[]) AS b (tenant_id, reason)
  GROUP BY b.tenant_id, b.reason
  ORDER BY b.tenant_id, b.reason
  ON CONFLICT (bucket_minute, tenant_id, reason) DO UPDATE SET cnt = q.cnt + excluded.cnt
)sql";

constexpr const char* keep_refusals = R"sql(
  INSERT INTO quarantine_events (topic, tenant_id, site_id, device_id, msg_type, reason, payload,
                                 received_at, event_ts, stream_seq)
  SELECT topic, nullif(tenant_id, ''), nullif(site_id, ''), nullif(device_id, ''),
         nullif(msg_type, ''), reason, payload::jsonb, to_timestamp(received_ms / 1000.0),
         to_timestamp(received_ms / 1000.0), stream_seq
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
              $8::bigint[], $9::bigint[])
    AS b (topic, tenant_id, site_id, device_id, msg_type, reason, payload, received_ms, stream_seq)
)sql";

/// Columns of the refusals, as the two statements want them.
struct RefusalColumns {
  std::vector<std::string> topic, tenant, site, device, msg_type, reason, payload;
  std::vector<std::int64_t> received, sequence;
};

RefusalColumns columns_of(const std::vector<Refused>& refused) {
  RefusalColumns c;
  for (const auto& r : refused) {
    c.topic.push_back(r.topic);
    c.tenant.push_back(r.tenant_id);
    c.site.push_back(r.site_id);
    c.device.push_back(r.device_id);
    c.msg_type.push_back(r.msg_type);
    c.reason.push_back(r.reason);
    c.payload.push_back(r.payload_json);
    c.received.push_back(r.received_ms);
    c.sequence.push_back(static_cast<std::int64_t>(r.stream_seq));
  }
  return c;
}

}  // namespace

pg::Scope ingest_scope() {
  pg::Scope scope;
  scope.role = "pulse_ingest";
  return scope;
}

Task<> lock_ingest(pg::Transaction& tx, bool alone) {
  co_await tx.query(
      alone ? "SELECT pg_advisory_xact_lock($1)" : "SELECT pg_advisory_xact_lock_shared($1)",
      pg::Params::of(ingest_lock));
}

Task<std::set<StoredKey>> stored_before(pg::Transaction& tx,
                                        const std::vector<std::int64_t>& sequences) {
  if (sequences.empty()) co_return std::set<StoredKey>{};
  const auto [low, high] = std::minmax_element(sequences.begin(), sequences.end());
  // A range of the index, and a hash look-up for each row found; `= ANY` would compare each with
  // all.
  const auto rows = co_await tx.query(
      "SELECT t.stream_seq, t.tenant_id, t.device_id, "
      "(extract(epoch FROM t.received_at) * 1000)::bigint "
      "FROM telemetry t JOIN unnest($1::bigint[]) AS wanted (seq) ON t.stream_seq = wanted.seq "
      "WHERE t.stream_seq BETWEEN $2 AND $3 "
      "UNION ALL SELECT q.stream_seq, coalesce(q.tenant_id, ''), coalesce(q.device_id, ''), "
      "(extract(epoch FROM q.received_at) * 1000)::bigint "
      "FROM quarantine_events q JOIN unnest($1::bigint[]) AS wanted (seq) "
      "ON q.stream_seq = wanted.seq WHERE q.stream_seq BETWEEN $2 AND $3",
      pg::Params::of(sequences, *low, *high));
  std::set<StoredKey> out;
  for (int i = 0; i < rows.rows(); ++i)
    out.insert(StoredKey{static_cast<std::uint64_t>(rows.int64(i, 0)), std::string(rows.text(i, 1)),
                         std::string(rows.text(i, 2)), rows.int64(i, 3)});
  co_return out;
}

Task<> make_partitions(pg::Pool& pool, const std::vector<std::int64_t>& days) {
  std::vector<std::pair<std::string, pg::Params>> statements;
  for (const auto day : days)
    statements.emplace_back(
        "SELECT pulse_make_telemetry_partitions(date '1970-01-01' + $1::integer, "
        "date '1970-01-01' + $1::integer)",
        pg::Params::of(day));
  const auto scope = ingest_scope();
  co_await pool.batch(scope, std::move(statements));
}

Task<std::vector<CameOnline>> store_batch(pg::Transaction& tx, IngestBatch& batch,
                                          bool keep_refused, long stale_seconds) {
  if (batch.accepted() > 0) co_await tx.copy_in(copy_telemetry, std::move(batch.telemetry_rows()));
  std::vector<std::pair<std::string, pg::Params>> statements;
  if (batch.accepted() > 0) {
    const auto states = batch.device_states();
    statements.emplace_back(advance_states,
                            pg::Params::of(states.tenant, states.device, states.text1, states.text2,
                                           states.int1, states.int2, states.int3, states.int4,
                                           states.int5, states.int6, stale_seconds));
    static const auto per_minute = advance_rollups("telemetry_rollup_1m");
    static const auto per_hour = advance_rollups("telemetry_rollup_1h");
    statements.emplace_back(per_minute, rollup_params(batch.rollups(60)));
    statements.emplace_back(per_hour, rollup_params(batch.rollups(3600)));
    if (const auto fresh = batch.new_sensors(); !fresh.empty()) {
      Columns c;
      std::vector<std::string> unit;
      for (const auto& s : fresh) {
        c.tenant.push_back(s.device->tenant_id);
        c.device.push_back(s.device->device_id);
        c.text1.push_back(s.key);
        c.text2.push_back(s.display_name);
        unit.push_back(s.unit);
        c.int1.push_back(static_cast<std::int64_t>(s.device->sensor_limit));
      }
      statements.emplace_back(add_sensors,
                              pg::Params::of(c.tenant, c.device, c.text1, c.text2, unit, c.int1));
    }
    if (const auto moved = batch.positions(); moved.size() > 0)
      statements.emplace_back(move_devices, pg::Params::of(moved.tenant, moved.device, moved.num1,
                                                           moved.num2, moved.int1));
    if (const auto health = batch.health_rows(); !health.empty()) {
      Columns c;
      for (const auto& row : health) {
        c.tenant.push_back(row.device->tenant_id);
        c.device.push_back(row.device->device_id);
        c.int1.push_back(row.event_us);
        c.text1.push_back(row.json);
      }
      statements.emplace_back(keep_health, pg::Params::of(c.tenant, c.device, c.int1, c.text1));
    }
    if (auto faults = batch.templates().statement()) statements.push_back(std::move(*faults));
    add_uses(batch.token_uses(), statements);
  }
  if (!batch.refused().empty()) {
    const auto c = columns_of(batch.refused());
    statements.emplace_back(count_refusals, pg::Params::of(c.tenant, c.reason));
    if (keep_refused)
      statements.emplace_back(
          keep_refusals, pg::Params::of(c.topic, c.tenant, c.site, c.device, c.msg_type, c.reason,
                                        c.payload, c.received, c.sequence));
  }
  std::vector<CameOnline> online;
  if (statements.empty()) co_return online;
  const auto results = co_await tx.batch(std::move(statements));
  if (batch.accepted() > 0)
    for (int i = 0; i < results[0].rows(); ++i)
      online.push_back({std::string(results[0].text(i, 0)), std::string(results[0].text(i, 1)),
                        results[0].boolean(i, 2)});
  co_return online;
}

Task<> note_progress(pg::Transaction& tx, const std::string& worker, std::uint64_t stream_seq) {
  co_await tx.query(
      "INSERT INTO ingest_progress AS p (worker, stream_seq) VALUES ($1, $2) "
      "ON CONFLICT (worker) DO UPDATE SET stream_seq = greatest(p.stream_seq, "
      "excluded.stream_seq), "
      "updated_at = now()",
      pg::Params::of(worker, stream_seq));
}

Task<std::uint64_t> highest_stored(pg::Pool& pool) {
  const auto scope = ingest_scope();
  std::vector<std::pair<std::string, pg::Params>> statements;
  // The highest stays, however old.
  statements.emplace_back(
      "DELETE FROM ingest_progress p WHERE updated_at < now() - interval '1 day' AND EXISTS "
      "(SELECT FROM ingest_progress q WHERE q.stream_seq > p.stream_seq)",
      pg::Params());
  statements.emplace_back("SELECT coalesce(max(stream_seq), 0) FROM ingest_progress", pg::Params());
  const auto results = co_await pool.batch(scope, std::move(statements));
  co_return static_cast<std::uint64_t>(results[1].int64(0, 0));
}

Task<> store_dead_letter(pg::Pool& pool, const DeadLetter& letter) {
  const auto scope = ingest_scope();
  co_await pool.query(
      scope,
      "INSERT INTO dead_letter_messages (tenant_id, original_topic, original_subject, payload, "
      "destination_type, error_message, attempts, stream_seq) "
      "SELECT $1, $2, $3, $4::jsonb, 'ingest', $5, $6, $7 "
      "WHERE NOT EXISTS (SELECT FROM dead_letter_messages WHERE tenant_id = $1 "
      "AND stream_seq = $7 AND original_topic = $2)",
      pg::Params::of(letter.tenant_id, letter.topic, letter.subject, letter.payload_json,
                     letter.error, letter.attempts, letter.stream_seq));
}

Task<std::vector<std::pair<std::string, std::string>>> read_settings(pg::Pool& pool) {
  const auto scope = ingest_scope();
  const auto rows = co_await pool.query(scope, "SELECT key, value FROM app_settings");
  std::vector<std::pair<std::string, std::string>> out;
  for (int i = 0; i < rows.rows(); ++i)
    out.emplace_back(std::string(rows.text(i, 0)), std::string(rows.text(i, 1)));
  co_return out;
}

}  // namespace pulse::telemetry
