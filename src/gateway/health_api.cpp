#include "gateway/health_api.hpp"

#include <filesystem>

#include "gateway/limit_metrics.hpp"
#include "gateway/settings.hpp"
#include "platform/errors.hpp"
#include "platform/json/write.hpp"

namespace pulse::gateway {

namespace {

struct Alive {
  std::string status = "ok", service = "pulse", version;
};
BOOST_DESCRIBE_STRUCT(Alive, (), (status, service, version))
struct ApiHealth {
  std::string status = "ok", service = "pulse-ui", api_version = "v1", docs_url = "/docs",
              openapi_url = "/openapi.json";
};
BOOST_DESCRIBE_STRUCT(ApiHealth, (), (status, service, api_version, docs_url, openapi_url))
struct Checks {
  std::string db, keycloak, nats, storage, broker;
};
BOOST_DESCRIBE_STRUCT(Checks, (), (db, keycloak, nats, storage, broker))
struct Health {
  std::string status = "ok";
  Checks checks;
  std::string api_version = "v1", openapi_url = "/openapi.json";
};
BOOST_DESCRIBE_STRUCT(Health, (), (status, checks, api_version, openapi_url))
struct Readiness {
  bool ready = false;
  bool db = false, migrations = false, nats = false, streams = false, identity = false;
};
BOOST_DESCRIBE_STRUCT(Readiness, (), (ready, db, migrations, nats, streams, identity))

Task<bool> database_answers(pg::Pool& pool) {
  bool ok = true;
  try {
    const pg::Scope scope;
    co_await pool.query(scope, "SELECT 1");
  } catch (const pg::Error&) {
    ok = false;
  }
  co_return ok;
}

std::string word(bool ok) { return ok ? "ok" : "error"; }

Task<Alive> alive(HealthDeps d) { co_return Alive{"ok", "pulse", d.process->version}; }
Task<ApiHealth> api_health(HealthDeps) { co_return ApiHealth{}; }

Task<Health> health(HealthDeps d) {
  Health h;
  h.checks.db = word(co_await database_answers(*d.pool));
  bool keys = true;
  if (d.process->config.text("PULSE_IDENTITY") == "keycloak") {
    try {
      http::OutboundOptions options;
      options.allow_private =
          true;  // the issuer is our operator's choice, often in our own network
      co_await d.process->outbound.get(internal_issuer(d.process->config), std::move(options));
    } catch (const http::ClientError&) {
      keys = false;
    }
  }
  h.checks.keycloak = word(keys);
  h.checks.nats = word(d.process->nats.connected());
  std::error_code ec;
  std::filesystem::create_directories(d.process->config.text("PULSE_DATA_DIR"), ec);
  h.checks.storage = word(!ec);
  h.checks.broker = d.process->roles.mqtt ? "ok" : "elsewhere";
  if (h.checks.db != "ok" || h.checks.nats != "ok" || h.checks.keycloak != "ok" ||
      h.checks.storage != "ok")
    h.status = "degraded";
  co_return h;
}

Task<http::Response> ready(HealthDeps d) {
  Readiness r;
  r.db = co_await database_answers(*d.pool);
  r.migrations = d.process->migrated;
  r.nats = d.process->nats.connected();
  r.streams = d.process->streams_ready;
  r.identity = !d.process->identity.ready || d.process->identity.ready();
  r.ready = r.db && r.migrations && r.nats && r.streams && r.identity && !d.process->stopping;
  co_return http::Response::json(r.ready ? 200 : 503, json::to_text(r));
}

Task<http::Response> metrics_text(HealthDeps d, http::Raw request) {
  // It names tenants: outside development for operators, or inside with the shared secret.
  if (d.process->config.text("MODE") != "DEV") {
    const auto& secret = d.process->config.text("MQTT_INTERNAL_AUTH_SECRET");
    if (secret.empty() || !crypto::equal(request->headers.get("X-Internal-Auth"), secret)) {
      bool by_cookie = false;
      auto token = tenancy::token_of(*request.request, by_cookie);
      if (token.empty()) throw unauthorized("Authentication required");
      const auto who = co_await d.tokens->verify(std::move(token), request->client_address);
      if (!who.is_operator()) throw forbidden("Operator role required");
    }
  }
  http::Response r;
  r.headers.add("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  r.body = d.process->metrics.text();
  co_return r;
}

std::string host_of(std::string_view url) {
  const auto scheme = url.find("://");
  auto rest = scheme == std::string_view::npos ? url : url.substr(scheme + 3);
  return std::string(rest.substr(0, rest.find_first_of(":/")));
}

/// Which of the URLs, names and cookies of the sign-in disagree.
Task<http::Response> debug_auth(HealthDeps d, http::Raw request) {
  const auto& config = d.process->config;
  if (config.text("MODE") != "DEV") throw not_found("Not found");
  const auto issuer = public_issuer(config), internal = internal_issuer(config);
  const auto ui = config.text("UI_BASE_URL");
  std::string actual;
  bool reachable = true;
  try {
    http::OutboundOptions options;
    options.allow_private = true;
    const auto answer = co_await d.process->outbound.get(
        internal + "/.well-known/openid-configuration", std::move(options));
    boost::system::error_code ec;
    const auto json = boost::json::parse(answer.body, ec);
    if (!ec && json.is_object() && json.as_object().contains("issuer"))
      actual = std::string(json.as_object().at("issuer").as_string());
  } catch (const http::ClientError&) {
    reachable = false;
  }
  const bool same_host = host_of(issuer) == host_of(ui), same_issuer = actual == issuer;
  const auto present = [&](std::string_view name) {
    return http::cookie(request->headers, name).has_value();
  };
  const boost::json::object out{
      {"status", same_host && same_issuer ? "ok" : "mismatch"},
      {"urls",
       {{"keycloak_public", issuer},
        {"keycloak_internal", internal},
        {"ui_base", ui},
        {"callback", ui + "/callback"}}},
      {"hostname_check",
       {{"keycloak_hostname", host_of(issuer)},
        {"ui_hostname", host_of(ui)},
        {"match", same_host},
        {"verdict", same_host ? "ok" : "cookies of one host are not sent to the other"}}},
      {"keycloak_check",
       {{"reachable", reachable},
        {"actual_issuer", actual},
        {"expected_issuer", issuer},
        {"issuer_match", same_issuer},
        {"verdict", !reachable ? "KEYCLOAK_INTERNAL_URL does not answer"
                    : same_issuer
                        ? "ok"
                        : "tokens will be refused: set KEYCLOAK_PUBLIC_URL to the issuer"}}},
      {"cookies",
       {{"pulse_session", present("pulse_session")},
        {"pulse_refresh", present("pulse_refresh")},
        {"oauth_state", present("oauth_state")},
        {"oauth_verifier", present("oauth_verifier")}}},
      {"request",
       {{"host_header", request->headers.get("Host")},
        {"origin", request->headers.get("Origin")},
        {"x_forwarded_for", request->headers.get("X-Forwarded-For")}}}};
  co_return http::Response::json(200, json::to_text(out));
}

}  // namespace

void mount_health(http::Router& api, HealthDeps d) {
  api.get("/health", http::bound(d, alive))
      .open("load balancers ask")
      .tag("Health")
      .summary("The process serves");
  api.get("/healthz", http::bound(d, health))
      .open("load balancers ask")
      .tag("Health")
      .summary("Each dependency");
  api.get("/readyz", http::bound(d, ready))
      .open("load balancers ask")
      .tag("Health")
      .summary("Ready to serve")
      .returns<Readiness>()
      .fails_with<Readiness>(503, "Not ready");
  api.get("/api/v1/health", http::bound(d, api_health))
      .open("load balancers ask")
      .tag("Health")
      .summary("The API's version and documents");
  api.get("/metrics", http::bound(d, metrics_text))
      .open("outside DEV the handler checks")
      .tag("Health")
      .summary("Prometheus metrics")
      .produces("text/plain")
      .fails(401, "Authentication required")
      .fails(403, "Operator role required");
  api.get("/debug/auth", http::bound(d, debug_auth))
      .open("DEV only")
      .tag("Health")
      .summary("What disagrees about the sign-in")
      .returns<boost::json::object>()
      .fails(404, "Not found");
}

void register_gauges(Process& p) {
  set_limit_metrics(p.metrics, p.config);
  p.metrics.on_scrape([&p](metrics::Registry& m) {
    m.set("pulse_nats_connected", "1 while connected to NATS", {}, p.nats.connected() ? 1 : 0);
    const auto n = p.nats.stats();
    m.set("pulse_nats_in_flight", "Publishes that wait for their PubAck", {},
          static_cast<double>(n.in_flight));
    m.set("pulse_live_connections", "Open live connections", {},
          static_cast<double>(p.live_counter->total()));
    const auto d = p.devices->stats();
    m.set("pulse_device_cache_entries", "Devices known at the door", {},
          static_cast<double>(d.entries));
    m.set("pulse_audit_dropped", "Audit events lost to a full buffer", {},
          static_cast<double>(p.audit->dropped()));
    if (const auto* i = p.ingest) {
      m.set("pulse_ingest_stored_total", "Messages stored", {}, static_cast<double>(i->stored));
      m.set("pulse_ingest_quarantined_total", "Messages refused", {},
            static_cast<double>(i->refused));
      m.set("pulse_ingest_duplicates_total", "Redelivered messages that were stored before", {},
            static_cast<double>(i->duplicates));
      m.set("pulse_readings_given_up_total", "Messages of readings that the rules were not given",
            {}, static_cast<double>(i->readings_given_up));
      m.set("pulse_ingest_routed_total", "Messages that were handed to routes", {},
            static_cast<double>(i->routed));
      m.set("pulse_ingest_routed_dead_letters_total", "Messages of routes that could not be queued",
            {}, static_cast<double>(i->routed_buried));
      m.set("pulse_ingest_routes_left_out_total",
            "Routes that went without a message: more took it than may", {},
            static_cast<double>(i->routes_left_out));
      m.set("pulse_ingest_dead_letters_total", "Messages that PostgreSQL refused", {},
            static_cast<double>(i->dead_letters));
      using fleet::MetricProblem;
      for (const auto problem :
           {MetricProblem::type, MetricProblem::word, MetricProblem::range, MetricProblem::missing})
        m.set("pulse_ingest_template_faults_total", "Values that break their device's template",
              {{"problem", std::string(fleet::name_of(problem))}},
              static_cast<double>(i->template_faults[static_cast<std::size_t>(problem)]));
      m.set("pulse_ingest_retries_total", "Batches tried again", {},
            static_cast<double>(i->retries));
      m.set("pulse_ingest_lag_seconds", "Age of the oldest message of the last batch", {},
            static_cast<double>(i->lag_ms) / 1000);
    }
  });
}

namespace {

/// Jobs and campaigns of the tenants that have any.
Task<> refresh_rollout_gauges(Process& p, pg::Scope scope) {
  const auto jobs = co_await p.pool->query(scope, R"sql(
    SELECT tenant_id, status, sum(executions) FROM job_execution_counts GROUP BY 1, 2
  )sql");
  std::map<metrics::Labels, double> executions, campaigns;
  for (int i = 0; i < jobs.rows(); ++i)
    executions[{{"tenant_id", std::string(jobs.text(i, 0))},
                {"result", std::string(jobs.text(i, 1))}}] = static_cast<double>(jobs.int64(i, 2));
  // Of what is aborted, people did some.
  const auto rows = co_await p.pool->query(scope, R"sql(
    SELECT tenant_id, count(*) FILTER (WHERE status = 'RUNNING'),
           count(*) FILTER (WHERE status = 'PAUSED'),
           count(*) FILTER (WHERE status = 'ABORTED' AND status_reason <> 'by hand')
    FROM ota_campaigns GROUP BY 1
  )sql");
  for (int i = 0; i < rows.rows(); ++i) {
    int column = 1;
    for (const char* state : {"running", "paused", "halted"})
      campaigns[{{"tenant_id", std::string(rows.text(i, 0))}, {"state", state}}] =
          static_cast<double>(rows.int64(i, column++));
  }
  p.metrics.replace("pulse_job_executions", "Executions of jobs by tenant and result", executions);
  p.metrics.replace("pulse_campaigns",
                    "Campaigns that run, that are paused, and that failures halted", campaigns);
}

}  // namespace

Task<> refresh_fleet_gauges(Process& p) {
  pg::Scope scope;
  scope.role = "pulse_ingest";
  // Every tenant, with all three: what fell to nothing must be said, too.
  const auto rows = co_await p.pool->query(scope, R"sql(
    SELECT t.tenant_id, count(*) FILTER (WHERE s.status = 'ONLINE'),
           count(*) FILTER (WHERE s.status = 'STALE'),
           count(r.device_id) FILTER (WHERE coalesce(s.status, 'OFFLINE') = 'OFFLINE'),
           (SELECT count(*) FROM fleet_alert a
            WHERE a.tenant_id = t.tenant_id AND a.status = 'OPEN')
    FROM tenants t
    LEFT JOIN device_registry r ON r.tenant_id = t.tenant_id AND r.status = 'ACTIVE'
    LEFT JOIN device_state s ON s.tenant_id = r.tenant_id AND s.device_id = r.device_id
    WHERE t.deleted_at IS NULL GROUP BY 1
  )sql");
  std::map<metrics::Labels, double> by_status, alerts;
  for (int i = 0; i < rows.rows(); ++i) {
    const std::string tenant(rows.text(i, 0));
    int column = 1;
    for (const char* status : {"ONLINE", "STALE", "OFFLINE"})
      by_status[{{"tenant_id", tenant}, {"status", status}}] =
          static_cast<double>(rows.int64(i, column++));
    alerts[{{"tenant_id", tenant}}] = static_cast<double>(rows.int64(i, column));
  }
  p.metrics.replace("fleet_devices_by_status", "Active devices by tenant and status", by_status);
  p.metrics.replace("fleet_active_alerts", "Open alerts by tenant", alerts);
  co_await refresh_rollout_gauges(p, scope);
}

}  // namespace pulse::gateway
