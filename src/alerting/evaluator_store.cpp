#include "alerting/evaluator_store.hpp"

#include <algorithm>

#include "fleet/group_targets.hpp"
#include "platform/clock.hpp"
#include "platform/json/read.hpp"
#include "platform/log.hpp"
#include "platform/pg/rows.hpp"
#include "tenancy/caller.hpp"

namespace pulse::alerting {

namespace {
constexpr std::size_t devices_at_once = 500;
constexpr std::int64_t future_us = 60'000'000;  // how far ahead a device's clock may be
}  // namespace

pg::Scope worker_scope() {
  pg::Scope scope;
  scope.role = "pulse_ingest";
  return scope;
}

Task<std::map<std::string, std::int64_t>> rule_versions(pg::Pool& pool) {
  const auto rows = co_await pool.query(
      worker_scope(), "SELECT tenant_id, version FROM alert_rule_versions WHERE enabled_rules > 0");
  std::map<std::string, std::int64_t> out;
  for (int i = 0; i < rows.rows(); ++i) out.emplace(rows.text(i, 0), rows.int64(i, 1));
  co_return out;
}

namespace {

// Who may be opened for is a device of ours by name: the registry's site may be empty.
constexpr const char* select_devices = R"sql(
  SELECT r.device_id, coalesce(r.site_id, '') AS site_id, coalesce(r.device_type, '') AS type,
    (extract(epoch FROM r.created_at) * 1000000)::bigint AS created_us,
    (SELECT jsonb_object_agg(k, jsonb_build_array(s.state -> k, s.state_times -> k))
     FROM unnest($2::text[]) k WHERE s.state ? k AND s.state_times ? k) AS latest,
    coalesce(greatest(0, (extract(epoch FROM s.last_telemetry_at - s.newest_event_at)
                          * 1000000)::bigint), 0) AS behind_us
  FROM device_registry r LEFT JOIN device_state s USING (tenant_id, device_id)
  WHERE r.tenant_id = $1 AND r.status = 'ACTIVE'
    AND (cardinality($3::text[]) = 0 OR r.device_id = ANY ($3))
)sql";

constexpr const char* select_samples = R"sql(
  SELECT t.device_id, m.k, (extract(epoch FROM t.time) * 1000000)::bigint AS at_us,
    CASE jsonb_typeof(t.metrics -> m.k) WHEN 'boolean'
      THEN (t.metrics -> m.k)::boolean::integer::float8
      ELSE (t.metrics ->> m.k)::float8 END AS value
  FROM telemetry t CROSS JOIN unnest($2::text[], $3::bigint[]) AS m (k, keep_us)
  WHERE t.tenant_id = $1 AND t.device_id = ANY ($4)
    AND t.time > now() - interval '1 hour' AND t.time < now() + interval '1 minute'
    AND t.time > now() - make_interval(secs => m.keep_us / 1000000.0)
    AND jsonb_typeof(t.metrics -> m.k) IN ('number', 'boolean')
)sql";

constexpr const char* select_moments = R"sql(
  SELECT device_id, k, window_us, (floor(at_us / (window_us / 60)) * (window_us / 60))::bigint,
    count(*), avg(value), var_pop(value) * count(*)
  FROM (
    SELECT t.device_id, m.k, m.window_us, extract(epoch FROM t.time) * 1000000 AS at_us,
      CASE jsonb_typeof(t.metrics -> m.k)
        WHEN 'number' THEN (t.metrics ->> m.k)::float8
        WHEN 'boolean' THEN (t.metrics -> m.k)::boolean::integer::float8 END AS value
    FROM telemetry t CROSS JOIN unnest($2::text[], $3::bigint[]) AS m (k, window_us)
    WHERE t.tenant_id = $1 AND t.device_id = ANY ($4)
      AND t.time > now() - interval '1 day' AND t.time < now() + interval '1 minute'
      AND t.time > now() - make_interval(secs => m.window_us / 1000000.0)
  ) v
  WHERE abs(value) < 1e100
  GROUP BY 1, 2, 3, 4
)sql";

constexpr const char* select_states = R"sql(
  SELECT device_id, rule_id::text, state::text FROM alert_rule_state
  WHERE tenant_id = $1 AND device_id = ANY ($2)
)sql";

constexpr const char* select_open = R"sql(
  SELECT device_id, rule_id::text FROM fleet_alert
  WHERE tenant_id = $1 AND device_id = ANY ($2) AND rule_id IS NOT NULL
    AND status IN ('OPEN', 'ACKNOWLEDGED')
)sql";

void restore_latest(TenantEngine& engine, const std::string& device, std::string_view json,
                    std::int64_t behind_us) {
  const auto latest = json::parse_text(json);
  const auto most_us = to_us(now()) + future_us;
  for (const auto& [metric, pair] : latest.get_object()) {
    const auto& value = pair.get_array()[0];
    const auto at_us = std::min(most_us, pair.get_array()[1].to_number<std::int64_t>() * 1000);
    if (value.is_number())
      engine.restore_latest(device, metric, value.to_number<double>(), at_us, behind_us);
    else if (value.is_bool())
      engine.restore_latest(device, metric, value.get_bool() ? 1 : 0, at_us, behind_us);
  }
}

/// Which of the groups that rules name each device is in.
Task<std::map<std::string, std::vector<std::string>>> memberships(pg::Pool& pool,
                                                                  std::string tenant_id,
                                                                  std::vector<std::string> groups) {
  std::map<std::string, std::vector<std::string>> out;
  const auto db = tenancy::TenantDb::for_worker(pool, tenant_id, "groups that rules name");
  for (const auto& group : groups) {
    const auto members = co_await fleet::targets_in_group(db, group);
    if (!members) continue;
    for (const auto& device : *members) out[device].push_back(group);
  }
  co_return out;
}

/// Samples, moments, states and open alerts of devices that were put into the engine.
Task<> load_history(pg::Pool& pool, std::string tenant_id, TenantEngine& engine,
                    std::vector<std::string> devices) {
  std::vector<std::string> metrics;
  std::vector<std::int64_t> times;
  for (const auto& [metric, keep_us] : engine.sample_needs()) {
    metrics.push_back(metric);
    times.push_back(keep_us);
  }
  if (!metrics.empty()) {
    std::function<Task<bool>(const pg::Result&)> take =
        [&engine](const pg::Result& rows) -> Task<bool> {
      for (int i = 0; i < rows.rows(); ++i)
        engine.restore_sample(rows.text(i, 0), rows.text(i, 1), rows.float8(i, 3),
                              rows.int64(i, 2));
      co_return true;
    };
    auto params = pg::Params::of(tenant_id, metrics, times, devices);
    co_await pool.stream(worker_scope(), select_samples, std::move(params), take);
  }
  metrics.clear();
  times.clear();
  for (const auto& [metric, window_us] : engine.moment_needs()) {
    metrics.push_back(metric);
    times.push_back(window_us);
  }
  if (!metrics.empty()) {
    std::function<Task<bool>(const pg::Result&)> take =
        [&engine](const pg::Result& rows) -> Task<bool> {
      for (int i = 0; i < rows.rows(); ++i) {
        Moments m;
        m.count = rows.int64(i, 4);
        m.mean = rows.float8(i, 5);
        m.m2 = rows.float8(i, 6);
        engine.restore_moments(rows.text(i, 0), rows.text(i, 1), rows.int64(i, 2), rows.int64(i, 3),
                               m);
      }
      co_return true;
    };
    auto params = pg::Params::of(tenant_id, metrics, times, devices);
    co_await pool.stream(worker_scope(), select_moments, std::move(params), take);
  }
  std::vector<pg::Statement> statements;
  statements.emplace_back(select_states, pg::Params::of(tenant_id, devices));
  statements.emplace_back(select_open, pg::Params::of(tenant_id, devices));
  const auto results = co_await pool.batch(worker_scope(), std::move(statements));
  for (int i = 0; i < results[0].rows(); ++i)
    engine.restore_state(results[0].text(i, 0), results[0].text(i, 1), results[0].text(i, 2));
  for (int i = 0; i < results[1].rows(); ++i)
    engine.restore_open(results[1].text(i, 0), results[1].text(i, 1));
}

}  // namespace

Task<> load_devices(pg::Pool& pool, std::string tenant_id, TenantEngine& engine,
                    DeviceFilter filter, std::vector<std::string> only) {
  const auto groups = co_await memberships(pool, tenant_id, engine.group_ids());
  std::set<std::string> gone(only.begin(), only.end());
  std::vector<std::string> fresh;
  std::function<Task<bool>(const pg::Result&)> take = [&](const pg::Result& rows) -> Task<bool> {
    for (int i = 0; i < rows.rows(); ++i) {
      RuledDevice device;
      device.device_id = rows.text(i, 0);
      gone.erase(device.device_id);
      if (!filter(device.device_id)) continue;
      device.site_id = rows.text(i, 1);
      device.device_type = rows.text(i, 2);
      device.created_us = rows.int64(i, 3);
      if (const auto in = groups.find(device.device_id); in != groups.end())
        device.group_ids = in->second;
      const auto id = device.device_id;
      if (!engine.knows(id)) fresh.push_back(id);
      engine.put_device(std::move(device));
      if (!fresh.empty() && fresh.back() == id && !rows.null(i, 4))
        restore_latest(engine, id, rows.text(i, 4), rows.int64(i, 5));
    }
    co_return true;
  };
  auto params = pg::Params::of(tenant_id, engine.raw_metrics(), only);
  co_await pool.stream(worker_scope(), select_devices, std::move(params), take);
  for (const auto& id : gone) engine.drop_device(id);
  // In slices: each is a statement of its own, within the time that one may take.
  for (std::size_t from = 0; from < fresh.size(); from += devices_at_once) {
    const auto to = std::min(fresh.size(), from + devices_at_once);
    std::vector<std::string> slice(fresh.begin() + static_cast<std::ptrdiff_t>(from),
                                   fresh.begin() + static_cast<std::ptrdiff_t>(to));
    co_await load_history(pool, tenant_id, engine, std::move(slice));
  }
}

namespace {

constexpr const char* live_member = R"sql(
  INSERT INTO evaluator_members (member) VALUES ($1::uuid)
  ON CONFLICT (member) DO UPDATE SET seen_at = now()
)sql";
constexpr const char* forget_members = R"sql(
  DELETE FROM evaluator_members WHERE seen_at < now() - interval '1 minute'
)sql";
constexpr const char* renew_mine = R"sql(
  UPDATE evaluator_parts SET lease_until = now() + interval '5 seconds' WHERE owner = $1::uuid
  RETURNING part
)sql";
constexpr const char* fair_share = R"sql(
  SELECT ceil((SELECT count(*) FROM evaluator_parts)::float8 / greatest(1, count(*)))::bigint
  FROM evaluator_members WHERE seen_at > now() - interval '5 seconds'
)sql";
constexpr const char* claim_free = R"sql(
  UPDATE evaluator_parts SET owner = $1::uuid, epoch = epoch + 1,
    lease_until = now() + interval '5 seconds'
  WHERE part IN (SELECT part FROM evaluator_parts WHERE lease_until < now()
                 ORDER BY part LIMIT $2 FOR UPDATE SKIP LOCKED)
)sql";
constexpr const char* give_back = R"sql(
  UPDATE evaluator_parts SET owner = NULL, lease_until = '-infinity'
  WHERE owner = $1::uuid AND part = ANY ($2::bigint[])
)sql";
constexpr const char* all_mine = R"sql(
  SELECT part, epoch, done_seq, done_ms FROM evaluator_parts WHERE owner = $1::uuid ORDER BY part
)sql";

// Holds the rows, so that nobody takes over before this transaction has ended.
constexpr const char* fence = R"sql(
  UPDATE evaluator_parts p SET done_seq = f.done_seq, done_ms = f.done_ms
  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])
    AS f (part, epoch, done_seq, done_ms)
  WHERE p.part = f.part AND p.epoch = f.epoch AND p.owner = $5::uuid
)sql";

// The rules can't be changed before this transaction has ended, and who changed them has committed.
constexpr const char* same_rules = R"sql(
  SELECT v.tenant_id, v.version FROM alert_rule_versions v
  WHERE v.tenant_id = ANY ($1) ORDER BY v.tenant_id FOR SHARE
)sql";

constexpr const char* keep_states = R"sql(
  WITH s AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
      AS s (tenant_id, rule_id, device_id, state)
  ), gone AS (
    DELETE FROM alert_rule_state k USING s WHERE s.state = '' AND k.tenant_id = s.tenant_id
      AND k.rule_id = s.rule_id::uuid AND k.device_id = s.device_id
  )
  INSERT INTO alert_rule_state (tenant_id, rule_id, device_id, state)
  SELECT tenant_id, rule_id::uuid, device_id, state::jsonb FROM s
  WHERE state <> '' AND EXISTS (SELECT FROM alert_rules r WHERE r.tenant_id = s.tenant_id
                                AND r.rule_id = s.rule_id::uuid)
  ON CONFLICT (tenant_id, rule_id, device_id)
  DO UPDATE SET state = excluded.state, updated_at = now()
)sql";

/// Decisions on one fingerprint keep their order: each round has at most one of them.
struct Round {
  std::vector<Finding> findings;
  std::vector<Recovery> recoveries;
};

std::vector<Round> rounds_of(const std::map<std::string, Decisions>& by_tenant) {
  std::vector<Round> rounds;
  for (const auto& [tenant, decisions] : by_tenant) {
    std::map<std::string, std::size_t> next;
    for (const auto& d : decisions.list) {
      const auto at = next[d.opens ? d.finding.fingerprint : d.recovery.fingerprint]++;
      if (rounds.size() <= at) rounds.resize(at + 1);
      if (d.opens)
        rounds[at].findings.push_back(d.finding);
      else
        rounds[at].recoveries.push_back(d.recovery);
    }
  }
  return rounds;
}

}  // namespace

Task<int> renew_leases(pg::Pool& pool, std::string member) {
  std::vector<pg::Statement> statements;
  statements.emplace_back(live_member, pg::Params::of(member));
  statements.emplace_back(forget_members, pg::Params());
  statements.emplace_back(renew_mine, pg::Params::of(member));
  statements.emplace_back(fair_share, pg::Params());
  const auto results = co_await pool.batch(worker_scope(), std::move(statements));
  co_return results[2].rows() - static_cast<int>(results[3].int64(0, 0));
}

Task<> claim_parts(pg::Pool& pool, std::string member, int most) {
  co_await pool.query(worker_scope(), claim_free,
                      pg::Params::of(member, static_cast<std::int64_t>(most)));
}

Task<> release_parts(pg::Pool& pool, std::string member, std::vector<std::int64_t> parts) {
  co_await pool.query(worker_scope(), give_back, pg::Params::of(member, parts));
}

Task<std::vector<PartLease>> held_parts(pg::Pool& pool, std::string member) {
  const auto rows = co_await pool.query(worker_scope(), all_mine, pg::Params::of(member));
  std::vector<PartLease> out;
  for (int i = 0; i < rows.rows(); ++i) {
    PartLease lease;
    lease.part = static_cast<int>(rows.int64(i, 0));
    lease.epoch = rows.int64(i, 1);
    lease.done_seq = rows.int64(i, 2);
    lease.done_ms = rows.int64(i, 3);
    out.push_back(lease);
  }
  co_return out;
}

Task<> end_leases(pg::Pool& pool, std::string member) {
  std::vector<pg::Statement> statements;
  statements.emplace_back(
      "UPDATE evaluator_parts SET owner = NULL, lease_until = '-infinity' WHERE owner = $1::uuid",
      pg::Params::of(member));
  statements.emplace_back("DELETE FROM evaluator_members WHERE member = $1::uuid",
                          pg::Params::of(member));
  co_await pool.batch(worker_scope(), std::move(statements));
}

Task<Stored> store_decisions(pg::Pool& pool, std::string member, std::vector<PartLease> parts,
                             const std::map<std::string, Decisions>& by_tenant,
                             const std::map<std::string, std::int64_t>& versions,
                             std::function<void(const Finding&)> held_back) {
  std::vector<std::int64_t> numbers, epochs, sequences, times;
  for (const auto& p : parts) {
    numbers.push_back(p.part);
    epochs.push_back(p.epoch);
    sequences.push_back(p.done_seq);
    times.push_back(p.done_ms);
  }
  std::vector<std::string> tenants, rules, devices, states;
  for (const auto& [tenant, decisions] : by_tenant)
    for (const auto& [key, state] : decisions.states) {
      tenants.push_back(tenant);
      rules.push_back(key.first);
      devices.push_back(key.second);
      states.push_back(state);
    }
  const auto rounds = rounds_of(by_tenant);
  std::vector<Finding> refused;
  auto tx = co_await pool.begin(worker_scope());
  auto fence_params = pg::Params::of(numbers, epochs, sequences, times, member);
  const auto held = co_await tx.query(fence, std::move(fence_params));
  if (held.affected() != static_cast<std::int64_t>(parts.size())) co_return Stored::part_lost;
  std::vector<std::string> concerned;
  for (const auto& [tenant, decisions] : by_tenant) concerned.push_back(tenant);
  if (!concerned.empty()) {
    const auto now = co_await tx.query(same_rules, pg::Params::of(concerned));
    std::size_t same = 0;
    for (int i = 0; i < now.rows(); ++i) {
      const auto judged_by = versions.find(std::string(now.text(i, 0)));
      if (judged_by != versions.end() && judged_by->second == now.int64(i, 1)) ++same;
    }
    if (same != concerned.size()) co_return Stored::rules_changed;
  }
  for (const auto& round : rounds) {
    const auto raised = co_await raise_alerts(tx, round.findings);
    std::set<std::pair<std::string, std::string>> there;
    for (const auto& r : raised) there.emplace(r.tenant_id, r.fingerprint);
    for (const auto& f : round.findings)
      if (!there.contains({f.tenant_id, f.fingerprint})) refused.push_back(f);
    co_await clear_alerts(tx, round.recoveries);
  }
  if (!states.empty()) {
    auto params = pg::Params::of(tenants, rules, devices, states);
    co_await tx.query(keep_states, std::move(params));
  }
  co_await tx.commit();
  for (const auto& f : refused) held_back(f);
  co_return Stored::yes;
}

}  // namespace pulse::alerting
