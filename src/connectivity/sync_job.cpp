#include "connectivity/sync_job.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <cmath>

#include "connectivity/integrations.hpp"
#include "platform/log.hpp"
#include "platform/loop.hpp"
#include "platform/pg/described.hpp"

namespace pulse::connectivity {

namespace {

constexpr double megabyte = 1024.0 * 1024.0;
/// Between two calls about single SIMs: no carrier is asked more than some ten times a second.
constexpr long pause_ms = 100;
/// A tenant with very many SIMs holds up the others no longer than this; those that were asked
/// longest ago come first, so the rest follows with the next sync.
constexpr std::int64_t longest_ms = 10 * 60'000;
/// Integrations that are synced at a time: of all tenants, and of one, so that others always find a
/// place.
constexpr std::size_t most_at_once = 6;
constexpr int most_of_a_tenant = 2;
constexpr long pause_between_looks_ms = 1'000;
/// So many devices are written together.
constexpr std::size_t chunk = 100;

/// The share of its limit from which a device's use of data is a warning.
constexpr double usage_warning = 0.8;

/// A device with its SIM, and what its carrier said of it.
struct SyncedSim {
  std::int64_t id = 0;
  std::string carrier_device_id;
  std::optional<double> data_used_mb, data_limit_mb;
  std::optional<std::string> sim_status, network_status, ip_address, sim_iccid;
};
BOOST_DESCRIBE_STRUCT(SyncedSim, (),
                      (id, carrier_device_id, data_used_mb, data_limit_mb, sim_status,
                       network_status, ip_address, sim_iccid))

/// How a sync went.
struct Outcome {
  std::size_t good = 0, bad = 0;
  std::string error;  ///< the last one
  bool gave_up = false, unfinished = false;
  std::string status() const {
    return bad == 0 && !gave_up && !unfinished ? "success" : good ? "partial" : "error";
  }
};

/// Whoever runs it has half an hour; then it is due again.
constexpr const char* claim_next = R"sql(
  UPDATE carrier_integrations SET next_sync_at = now() + interval '30 minutes'
  WHERE id = (SELECT i.id FROM carrier_integrations i JOIN tenants t USING (tenant_id)
              WHERE i.enabled AND i.sync_enabled AND t.deleted_at IS NULL
                AND (i.next_sync_at IS NULL OR i.next_sync_at <= now())
                AND i.tenant_id <> ALL ($1::text[])
              ORDER BY i.next_sync_at NULLS FIRST, i.id LIMIT 1 FOR UPDATE OF i SKIP LOCKED)
  RETURNING id, tenant_id
)sql";

// Only the transports that still name what was asked for: one that was linked anew meanwhile has
// another SIM. Answers the devices that went over $3 of their limit by it.
constexpr const char* store_sims = R"sql(
  WITH said AS (
    SELECT s.*, t.tenant_id, t.device_id,
           CASE jsonb_typeof(t.connectivity_config -> 'data_used_mb') WHEN 'number'
             THEN (t.connectivity_config ->> 'data_used_mb')::float8 ELSE 0 END AS used_before,
           coalesce(s.data_limit_mb,
             CASE jsonb_typeof(t.connectivity_config -> 'data_limit_mb') WHEN 'number'
               THEN (t.connectivity_config ->> 'data_limit_mb')::float8 END) AS limit_mb
    FROM jsonb_to_recordset($1::jsonb) AS s (id integer, carrier_device_id text,
      data_used_mb float8, data_limit_mb float8, sim_status text, network_status text,
      ip_address text, sim_iccid text)
    JOIN device_transports t USING (id)
    WHERE t.carrier_integration_id = $2
      AND t.connectivity_config ->> 'carrier_device_id' = s.carrier_device_id
    FOR UPDATE OF t
  ), stored AS (
    UPDATE device_transports t SET connectivity_config = t.connectivity_config ||
      jsonb_strip_nulls(jsonb_build_object('data_used_mb', s.data_used_mb,
        'data_used_updated_at', CASE WHEN s.data_used_mb IS NOT NULL THEN now() END,
        'sim_status', s.sim_status, 'network_status', s.network_status,
        'ip_address', s.ip_address, 'sim_iccid', s.sim_iccid))
    FROM said s WHERE t.id = s.id
    RETURNING t.id
  )
  SELECT s.device_id, s.data_used_mb, s.limit_mb FROM said s JOIN stored USING (id)
  WHERE s.limit_mb > 0 AND s.used_before < $3 * s.limit_mb AND s.data_used_mb >= $3 * s.limit_mb
)sql";

Task<std::vector<SyncedSim>> sims_of(tenancy::TenantDb db, std::int64_t integration_id) {
  const auto rows = co_await db.query(
      "SELECT t.id, t.connectivity_config ->> 'carrier_device_id' AS carrier_device_id "
      "FROM device_transports t JOIN device_registry r USING (tenant_id, device_id) "
      "WHERE t.carrier_integration_id = $1 AND r.status <> 'DELETED' "
      "AND coalesce(t.connectivity_config ->> 'carrier_device_id', '') <> '' "
      "ORDER BY t.connectivity_config ->> 'data_used_updated_at' NULLS FIRST, t.id",
      pg::Params::of(integration_id));
  co_return pg::rows_as<SyncedSim>(rows);
}

/// Writes what carriers said; of a device that used up most of its data the activity log tells.
Task<> store(ConnectivityDeps d, tenancy::TenantDb db, std::string tenant_id,
             std::int64_t integration_id, std::vector<SyncedSim> sims) {
  const auto over = co_await db.query(
      store_sims, pg::Params::of(json::to_text(sims), integration_id, usage_warning));
  for (int i = 0; i < over.rows(); ++i) {
    tenancy::AuditEvent event;
    event.tenant_id = tenant_id;
    event.event_type = "device.data_usage_high";
    event.category = "device";
    event.severity = "warning";
    event.entity_type = "device";
    event.entity_id = std::string(over.text(i, 0));
    event.entity_name = event.entity_id;
    event.action = "sync";
    event.message = "Device " + event.entity_id + " used more than 80 % of its data";
    event.details["data_used_mb"] = over.float8(i, 1);
    event.details["data_limit_mb"] = over.float8(i, 2);
    d.audit->write(std::move(event));
  }
}

/// After these the carrier is left alone: it does not answer, refuses the key, or is asked too
/// much.
bool hopeless(const CarrierError& e) {
  return e.upstream == 0 || e.upstream == 401 || e.upstream == 403 || e.upstream == 429 ||
         e.upstream >= 500;
}

Task<SyncedSim> sync_one(const Carrier& carrier, CarrierCall call, SyncedSim sim,
                         std::optional<double> bytes) {
  if (!bytes) {
    const auto used = co_await carrier.usage(call, sim.carrier_device_id);
    bytes = used.used_bytes;
    if (used.limit_bytes) sim.data_limit_mb = *used.limit_bytes / megabyte;
    co_await sleep_ms(pause_ms);
  }
  sim.data_used_mb = std::round(*bytes / megabyte * 100) / 100;
  const auto info = co_await carrier.info(call, sim.carrier_device_id);
  sim.sim_status = info.sim_status;
  sim.network_status = info.network_status;
  sim.ip_address = info.ip_address;
  sim.sim_iccid = info.iccid;
  co_return sim;
}

Task<Outcome> sync_sims(ConnectivityDeps d, const Carrier& carrier, CarrierCall call,
                        tenancy::TenantDb db, std::string tenant_id, std::int64_t integration_id) {
  Outcome out;
  const auto sims = co_await sims_of(db, integration_id);
  if (sims.empty()) co_return out;
  UsageOfAll all;
  if (carrier.usage_of_all) all = co_await carrier.usage_of_all(call);
  std::vector<SyncedSim> done;
  const auto until = steady_ms() + longest_ms;
  for (std::size_t i = 0; i < sims.size() && !out.gave_up && !out.unfinished; ++i) {
    std::optional<double> bytes;
    if (all) {
      const auto found = all->find(sims[i].carrier_device_id);
      bytes = found == all->end() ? 0 : found->second;
    }
    try {
      auto one = co_await sync_one(carrier, call, sims[i], bytes);
      done.push_back(std::move(one));
      ++out.good;
    } catch (const CarrierError& e) {
      ++out.bad;
      out.error = e.what();
      out.gave_up = hopeless(e);
    }
    out.unfinished = i + 1 < sims.size() && !out.gave_up && steady_ms() > until;
    const bool last = i + 1 == sims.size() || out.gave_up || out.unfinished;
    if (done.size() == chunk || (last && !done.empty())) {
      co_await store(d, db, tenant_id, integration_id, done);
      done.clear();
    }
    co_await sleep_ms(pause_ms);
  }
  co_return out;
}

Task<> sync_integration(ConnectivityDeps d, tenancy::TenantDb db, std::string tenant_id,
                        std::int64_t id) {
  const auto integration = co_await stored_integration(db, id);
  if (!integration) co_return;
  Outcome outcome;
  try {
    const auto& carrier = carrier_named(integration->carrier_name);
    const auto call = call_of(d, *integration);
    outcome = co_await sync_sims(d, carrier, call, db, tenant_id, id);
  } catch (const HttpError& e) {  // no key, an unknown carrier, or no list of usage
    outcome.error = e.what();
    outcome.gave_up = true;
  }
  if (outcome.unfinished && outcome.error.empty())
    outcome.error =
        "Not all SIMs could be asked in 10 minutes: the rest follows with the next sync";
  const auto status = outcome.status();
  co_await db.query(
      "UPDATE carrier_integrations SET last_sync_at = now(), last_sync_status = $2, "
      "last_sync_error = nullif($3, ''), "
      "sync_failures = CASE WHEN $4 THEN least(sync_failures + 1, 10) ELSE 0 END, "
      // Nothing: it was changed meanwhile, and is due at once.
      "next_sync_at = CASE WHEN next_sync_at IS NOT NULL THEN now() + least(interval '1 day', "
      "make_interval(mins => sync_interval_minutes * "
      "CASE WHEN $4 THEN power(2, least(sync_failures + 1, 10))::integer ELSE 1 END)) END "
      "WHERE id = $1",
      pg::Params::of(id, status, outcome.error, outcome.gave_up));
  d.metrics->count("pulse_carrier_syncs_total", "Syncs with carriers",
                   {{"carrier", integration->carrier_name == "1nce"       ? "1nce"
                                : integration->carrier_name == "hologram" ? "hologram"
                                                                          : "other"},
                    {"status", status}});
  if (outcome.gave_up)
    log::warn("carrier sync failed", {{"tenant", tenant_id},
                                      {"integration", id},
                                      {"devices", static_cast<long long>(outcome.good)},
                                      {"error", outcome.error}});
  tell_pages(*d.nats, tenant_id, "carriers");
  if (outcome.good > 0) tell_pages(*d.nats, tenant_id, "devices");
}

/// The tenants of the integrations that are being synced: one entry for each integration.
struct UnderWay {
  std::vector<std::string> tenants;
  /// Those that have as many as they may.
  std::vector<std::string> busy() const {
    std::vector<std::string> out;
    for (const auto& tenant : tenants)
      if (std::count(tenants.begin(), tenants.end(), tenant) >= most_of_a_tenant)
        out.push_back(tenant);
    return out;
  }
};

struct Claimed {
  std::int64_t id = 0;
  std::string tenant_id;
};

void tell(const std::string& problem) {
  log::error_throttled("carrier sync failed, trying again", {{"error", problem}}, 30);
}

/// The next integration that is due; nothing when there is none, or none could be looked for.
Task<std::optional<Claimed>> claim_one(pg::Pool* pool, std::vector<std::string> busy) {
  std::optional<Claimed> out;
  std::string problem;
  try {
    pg::Scope everywhere;
    everywhere.role = "pulse_ingest";
    const auto rows = co_await pool->query(everywhere, claim_next, pg::Params::of(busy));
    if (!rows.empty()) out = Claimed{rows.int64(0, 0), std::string(rows.text(0, 1))};
  } catch (const std::exception& e) {
    problem = e.what();
  }
  if (!problem.empty()) tell(problem);
  co_return out;
}

Task<> sync_claimed(ConnectivityDeps d, pg::Pool* pool, std::shared_ptr<UnderWay> under_way,
                    Claimed claimed) {
  std::string problem;
  try {
    const auto db =
        tenancy::TenantDb::for_worker(*pool, claimed.tenant_id, "sync with its carriers");
    co_await sync_integration(d, db, claimed.tenant_id, claimed.id);
  } catch (const std::exception& e) {
    problem = e.what();
  }
  auto& tenants = under_way->tenants;
  tenants.erase(std::find(tenants.begin(), tenants.end(), claimed.tenant_id));
  if (!problem.empty()) tell(problem);
}

}  // namespace

/// While some wait for slow carriers, others that become due are begun. All of it is on one loop,
/// so what they share needs no lock.
Task<> sync_due_integrations(ConnectivityDeps d, pg::Pool& pool) {
  const auto under_way = std::make_shared<UnderWay>();
  const auto executor = co_await boost::asio::this_coro::executor;
  while (true) {
    std::optional<Claimed> claimed;
    if (under_way->tenants.size() < most_at_once) {
      auto busy = under_way->busy();
      claimed = co_await claim_one(&pool, std::move(busy));
    }
    if (claimed) {
      under_way->tenants.push_back(claimed->tenant_id);
      auto sync = sync_claimed(d, &pool, under_way, *claimed);
      boost::asio::co_spawn(executor, std::move(sync), boost::asio::detached);
    } else if (under_way->tenants.empty()) {
      co_return;
    } else {
      co_await sleep_ms(pause_between_looks_ms);
    }
  }
}

}  // namespace pulse::connectivity
