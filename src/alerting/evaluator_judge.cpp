// What the evaluator does with the turn: it reads what rules need, judges, and writes.
#include <algorithm>

#include "alerting/alert_outbox.hpp"
#include "alerting/evaluator_impl.hpp"
#include "fleet/registry_cache.hpp"
#include "platform/clock.hpp"
#include "platform/json/read.hpp"
#include "platform/log.hpp"
#include "platform/loop.hpp"
#include "telemetry/readings.hpp"

namespace pulse::alerting {

namespace {

constexpr std::int64_t groups_ms = 15'000;
constexpr std::int64_t aside_ms = 10'000;
/// Longer than a message of a part that changed hands takes to be delivered again.
constexpr std::int64_t quiet_ms = 7'000;
constexpr std::int64_t future_us = 60'000'000;  // how far ahead a device's clock may be
constexpr std::size_t decisions_at_once = 1'000;
constexpr std::size_t judged_without_pause = 500;
constexpr std::int64_t repeats_ms = 1'000;  // pages hear of a tenant's repeats at most so often

}  // namespace

void Evaluator::Impl::device_changed(const std::string& data) {
  const auto value = json::parse_text(data);
  const auto* o = value.if_object();
  if (!o || !o->contains("tenant_id") || !o->contains("device_id")) return;
  const std::string tenant(o->at("tenant_id").get_string());
  if (tenants.contains(tenant))
    changed_devices[tenant].insert(std::string(o->at("device_id").get_string()));
}

DeviceFilter Evaluator::Impl::mine(const std::string& tenant) const {
  std::set<int> held;
  for (const auto& [number, part] : parts) held.insert(number);
  return [tenant, held](std::string_view device) {
    return held.contains(telemetry::reading_part(tenant, device));
  };
}

/// Which tenants have rules, and whose changed since they were read. What a lost connection to NATS
/// did not tell is found by reading everything anew.
Task<> Evaluator::Impl::refresh_versions() {
  if (connection != nats.stats().reconnects) {
    start_over = start_over || connection.has_value();
    connection = nats.stats().reconnects;
  }
  if (start_over) {
    tenants.clear();
    changed_devices.clear();
    versions_due_ms = 0;
    start_over = false;
  }
  if (steady_ms() < versions_due_ms) co_return;
  versions_due_ms = steady_ms() + 1'000;
  const auto versions = co_await rule_versions(pool);
  std::erase_if(tenants, [&](const auto& entry) {
    const auto now = versions.find(entry.first);
    return now == versions.end() || now->second != entry.second.version;
  });
  for (const auto& [tenant, version] : versions) {
    if (tenants.contains(tenant)) continue;
    auto& run = tenants[tenant];
    run.version = version;
  }
}

/// The tenant's rules are read, and the devices of every part that is held.
Task<> Evaluator::Impl::ready(std::string tenant) {
  auto& run = tenants[tenant];
  if (!run.engine) {
    auto set = co_await load_rules(pool, tenant);
    run.engine =
        std::make_unique<TenantEngine>(tenant, std::move(set.rules), std::move(set.mappings),
                                       std::move(set.sensors), settings.engine);
    run.loaded.clear();
    run.unsettled.clear();
    run.groups_due_ms = steady_ms() + groups_ms;
  }
  std::set<int> missing;
  for (const auto& [number, part] : parts)
    if (!run.loaded.contains(number)) missing.insert(number);
  const bool groups_due = steady_ms() >= run.groups_due_ms && !run.engine->group_ids().empty();
  if (missing.empty() && !groups_due) co_return;
  run.groups_due_ms = steady_ms() + groups_ms;
  DeviceFilter filter = mine(tenant);
  if (!groups_due)
    filter = [tenant, missing](std::string_view device) {
      return missing.contains(telemetry::reading_part(tenant, device));
    };
  for (const auto number : missing) run.unsettled[number] = now_ms();
  co_await load_devices(pool, tenant, *run.engine, filter, {});
  run.loaded.insert(missing.begin(), missing.end());
}

/// `ready`; a tenant whose own data are at fault is set aside for a while and holds up nobody.
Task<bool> Evaluator::Impl::is_ready(std::string tenant) {
  const auto run = tenants.find(tenant);
  if (run == tenants.end() || steady_ms() < run->second.aside_until_ms) co_return false;
  std::string problem;
  try {
    co_await ready(tenant);
  } catch (const pg::Error& e) {
    if (!e.data_fault()) throw;
    problem = e.what();
  } catch (const std::invalid_argument& e) {
    problem = e.what();
  }
  if (problem.empty()) co_return true;
  log::error_throttled("a tenant's rules can't be judged for now",
                       {{"tenant", tenant}, {"error", problem}}, 30);
  run->second.engine.reset();
  run->second.aside_until_ms = steady_ms() + aside_ms;
  co_return false;
}

/// Devices that changed are read anew.
Task<> Evaluator::Impl::refresh_devices() {
  auto changed = std::move(changed_devices);
  changed_devices.clear();
  for (const auto& [tenant, devices] : changed) {
    const auto run = tenants.find(tenant);
    if (run == tenants.end() || !run->second.engine) continue;
    std::vector<std::string> ids(devices.begin(), devices.end());
    co_await load_devices(pool, tenant, *run->second.engine, mine(tenant), std::move(ids));
  }
}

/// Reads devices that were not there when the others were read, and, where rules aim at sensors,
/// those whose messages may have brought sensors.
Task<> Evaluator::Impl::know(std::string tenant, std::set<std::string> devices,
                             const std::vector<ReadingRow>& rows) {
  auto& engine = *tenants[tenant].engine;
  std::set<std::string> unread;
  for (const auto& id : devices)
    if (!engine.knows(id)) unread.insert(id);
  if (engine.aims_at_sensors())
    for (const auto& row : rows)
      if (row.tenant == tenant && engine.brings_new_keys(row.device, row.metrics))
        unread.insert(row.device);
  std::vector<std::string> ids(unread.begin(), unread.end());
  if (!ids.empty()) co_await load_devices(pool, tenant, engine, mine(tenant), std::move(ids));
}

/// What a message says. One that can't be read says nothing: it would be delivered for ever.
std::vector<ReadingRow> Evaluator::Impl::rows_of(const nats::Delivered& message) {
  std::vector<ReadingRow> out;
  try {
    auto value = json::parse_text(message.data);
    for (auto& t : value.as_object().at("tenants").as_array()) {
      auto& of = t.as_object();
      const std::string tenant(of.at("tenant_id").as_string());
      if (!tenants.contains(tenant)) continue;  // its last rule is gone
      for (auto& r : of.at("rows").as_array()) {
        auto& o = r.as_object();
        const auto at = parse_iso8601(o.at("ts").as_string());
        if (!at) continue;  // beyond the years that people live in
        ReadingRow row;
        row.tenant = tenant;
        row.device = std::string(o.at("device_id").as_string());
        row.heard_us = o.at("received_ms").to_number<std::int64_t>() * 1'000;
        // A clock that is ahead would make everything after it late.
        row.at_us = std::min(to_us(*at), row.heard_us + future_us);
        row.metrics = std::move(o.at("metrics").as_object());
        out.push_back(std::move(row));
      }
    }
  } catch (const std::exception& e) {
    log::error("a message of readings can't be read", {{"error", e.what()}});
    metrics.count("pulse_readings_passed_over_total", "Messages of readings nobody could judge",
                  {});
    out.clear();
  }
  return out;
}

Task<> Evaluator::Impl::judge(std::vector<std::shared_ptr<Waiting>> batch) {
  co_await refresh_versions();
  co_await refresh_devices();
  std::vector<ReadingRow> rows;
  std::map<std::string, std::set<std::string>> devices;
  std::vector<PartLease> before, after;
  for (const auto& w : batch) {
    auto lease = w->part->lease;
    for (const auto& message : w->messages) {
      const auto seq = static_cast<std::int64_t>(message.stream_sequence);
      if (seq <= lease.done_seq && message.stored_ms <= lease.done_ms) continue;
      lease.done_seq = seq;
      lease.done_ms = message.stored_ms;
      auto more = rows_of(message);
      for (auto& row : more) {
        devices[row.tenant].insert(row.device);
        rows.push_back(std::move(row));
      }
    }
    before.push_back(w->part->lease);
    after.push_back(std::move(lease));
  }
  std::set<std::string> judged;
  for (const auto& [tenant, ids] : devices) {
    const bool there = co_await is_ready(tenant);
    if (!there) continue;
    co_await know(tenant, ids, rows);
    judged.insert(tenant);
  }
  std::map<std::string, Decisions> decisions;
  const auto now_us = to_us(now());
  std::size_t without_pause = 0;
  for (const auto& row : rows) {
    if (!judged.contains(row.tenant)) continue;
    if (++without_pause % judged_without_pause == 0) co_await sleep_ms(0);
    tenants[row.tenant].engine->judge(row.device, row.at_us, row.metrics, now_us,
                                      decisions[row.tenant], row.heard_us);
  }
  if (!holds_leases()) throw std::runtime_error("the leases ended");
  co_await keep(std::move(before), after, std::move(decisions));
  for (const auto& lease : after) {
    const auto part = parts.find(lease.part);
    if (part == parts.end()) continue;
    part->second->lease = lease;
    part->second->judged_ms = lease.done_ms;
  }
  metrics.count("pulse_readings_judged_total", "Messages that rules were asked about", {},
                static_cast<double>(rows.size()));
}

/// What was restored is judged once no message from before it can come any more.
void Evaluator::Impl::settle(const std::string& tenant, TenantRun& run, Decisions& out) {
  std::set<int> settled;
  for (const auto& [number, loaded_ms] : run.unsettled) {
    const auto part = parts.find(number);
    if (part == parts.end()) continue;
    const auto& p = *part->second;
    if (!p.consumer) continue;  // nothing could come yet
    if (p.judged_ms > loaded_ms ||
        now_ms() - std::max({p.quiet_since_ms, p.begun_ms, loaded_ms}) > quiet_ms)
      settled.insert(number);
  }
  if (settled.empty()) return;
  for (const auto number : settled) run.unsettled.erase(number);
  run.engine->settle(
      [&](const std::string& device) {
        return settled.contains(telemetry::reading_part(tenant, device));
      },
      to_us(now()), out);
}

Task<> Evaluator::Impl::tick() {
  const auto turn = co_await turns.take();
  if (!holds_leases() || parts.empty()) co_return;
  const auto begun = steady_us();
  co_await refresh_versions();
  co_await refresh_devices();
  std::vector<std::string> names;
  for (const auto& [tenant, run] : tenants) names.push_back(tenant);
  std::map<std::string, Decisions> decisions;
  std::size_t devices = 0, rules = 0;
  for (const auto& tenant : names) {
    const bool there = co_await is_ready(tenant);
    if (!there) continue;
    auto& run = tenants[tenant];
    settle(tenant, run, decisions[tenant]);
    run.engine->tick(to_us(now()), decisions[tenant]);
    devices += run.engine->devices();
    rules += run.engine->rules().size();
    co_await sleep_ms(0);
  }
  if (!holds_leases()) throw std::runtime_error("the leases ended");
  std::vector<PartLease> held;
  for (const auto& [number, part] : parts) held.push_back(part->lease);
  co_await keep(held, held, std::move(decisions));
  tell_repeats();
  metrics.set("pulse_evaluator_devices", "Devices that this process judges", {},
              static_cast<double>(devices));
  metrics.set("pulse_evaluator_rules", "Rules that this process judges by", {},
              static_cast<double>(rules));
  metrics.observe("pulse_evaluator_tick_seconds", "Duration of a tick of the evaluator", {},
                  static_cast<double>(steady_us() - begun) / 1e6);
}

/// One transaction. Throws when it is not written.
Task<> Evaluator::Impl::keep_some(std::vector<PartLease> of,
                                  std::map<std::string, Decisions> decisions) {
  std::map<std::string, std::int64_t> versions;
  for (const auto& [tenant, d] : decisions) versions[tenant] = tenants[tenant].version;
  std::function<void(const Finding&)> held_back = [this](const Finding& f) {
    const auto run = tenants.find(f.tenant_id);
    if (run != tenants.end() && run->second.engine)
      run->second.engine->held_back(f.device_id, f.rule_id, to_us(now()));
  };
  const auto stored =
      co_await store_decisions(pool, member, std::move(of), decisions, versions, held_back);
  if (stored == Stored::part_lost) throw std::runtime_error("a part went to another evaluator");
  if (stored == Stored::rules_changed) {
    versions_due_ms = 0;
    throw std::runtime_error("rules were changed meanwhile");
  }
  for (const auto& [tenant, d] : decisions)
    if (std::any_of(d.list.begin(), d.list.end(), [](const Decision& one) { return one.opens; }))
      repeated.insert(tenant);
  tell_repeats();
}

/// Has pages look at alerts that were found again. That is no event of the alert: nobody is told,
/// and a device that breaks a rule does so with each message.
void Evaluator::Impl::tell_repeats() {
  const auto time = steady_ms();
  std::erase_if(repeated, [&](const std::string& tenant) {
    const auto run = tenants.find(tenant);
    if (run == tenants.end()) return true;
    if (time - run->second.told_ms < repeats_ms) return false;
    run->second.told_ms = time;
    nats.publish("live." + tenant, R"({"type":"changed","what":"alerts:repeated"})");
    return true;
  });
}

/// Writes what was decided, in transactions of bounded size; the last one says how far the parts
/// are. A tenant whose data PostgreSQL refuses is set aside, the others are written.
Task<> Evaluator::Impl::keep(std::vector<PartLease> before, std::vector<PartLease> after,
                             std::map<std::string, Decisions> decisions) {
  std::vector<std::map<std::string, Decisions>> chunks(1);
  std::size_t in_chunk = 0, opens = 0, clears = 0;
  for (auto& [tenant, d] : decisions) {
    if (!d.states.empty()) chunks.back()[tenant].states = std::move(d.states);
    for (auto& one : d.list) {
      ++(one.opens ? opens : clears);
      if (in_chunk++ == decisions_at_once) {
        chunks.emplace_back();
        in_chunk = 1;
      }
      chunks.back()[tenant].list.push_back(std::move(one));
    }
  }
  if (chunks.back().empty()) co_return;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    const auto& of = i + 1 == chunks.size() ? after : before;
    bool refused = false;
    std::string problem;
    try {
      co_await keep_some(of, chunks[i]);
    } catch (const pg::Error& e) {
      if (!e.data_fault()) throw;
      refused = true;
      problem = e.what();
    }
    if (!refused) continue;
    for (auto& [tenant, d] : chunks[i]) {
      bool at_fault = false;
      std::map<std::string, Decisions> alone;
      alone[tenant] = std::move(d);
      try {
        co_await keep_some(of, std::move(alone));
      } catch (const pg::Error& e) {
        if (!e.data_fault()) throw;
        at_fault = true;
        problem = e.what();
      }
      if (!at_fault) continue;
      log::error("a tenant's alerts can't be written", {{"tenant", tenant}, {"error", problem}});
      auto& run = tenants[tenant];
      run.engine.reset();
      run.aside_until_ms = steady_ms() + aside_ms;
    }
  }
  if (opens + clears == 0) co_return;
  alerts_changed(nats);
  metrics.count("pulse_alert_decisions_total", "What rules decided", {{"decision", "raise"}},
                static_cast<double>(opens));
  metrics.count("pulse_alert_decisions_total", "What rules decided", {{"decision", "clear"}},
                static_cast<double>(clears));
}

}  // namespace pulse::alerting
