// Which parts an evaluator holds, and what it writes.
#include "alerting/evaluator_store.hpp"

#include <set>

#include "platform/pg/rows.hpp"

namespace pulse::alerting {

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
