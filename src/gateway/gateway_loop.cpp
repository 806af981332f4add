#include "gateway/gateway_loop.hpp"

#include <algorithm>
#include <future>

#include "account/deps.hpp"
#include "alerting/deps.hpp"
#include "connectivity/deps.hpp"
#include "fleet/broker_hooks.hpp"
#include "fleet/deps.hpp"
#include "fleet/device_api.hpp"
#include "fleet/device_side.hpp"
#include "fleet/jobs.hpp"
#include "fleet/provisioning.hpp"
#include "gateway/delivery_loop.hpp"
#include "gateway/files_api.hpp"
#include "gateway/health_api.hpp"
#include "gateway/pages.hpp"
#include "gateway/session_api.hpp"
#include "gateway/settings.hpp"
#include "operations/deps.hpp"
#include "platform/http/static_files.hpp"
#include "platform/log.hpp"
#include "routing/deps.hpp"
#include "telemetry/door.hpp"
#include "telemetry/mqtt_metrics.hpp"
#include "telemetry/query.hpp"

namespace pulse::gateway {

void run_and_wait(Loop& loop, Task<> task) {
  std::promise<void> done;
  loop.spawn(std::move(task), [&](std::exception_ptr error) {
    if (error)
      done.set_exception(error);
    else
      done.set_value();
  });
  done.get_future().get();
}

namespace {

EdgeSettings edge_settings(const Config& config) {
  EdgeSettings s;
  for (const auto& text : words(config.text("TRUSTED_PROXIES"))) {
    try {
      s.trusted_proxies.emplace_back(text);
    } catch (const std::invalid_argument& e) {
      throw ConfigError(std::string("TRUSTED_PROXIES: ") + e.what());
    }
  }
  s.cors_origins = words(config.text("CORS_ORIGINS"));
  if (!config.given("CORS_ORIGINS") && config.text("ENV") != "PROD")
    for (const char* scheme : {"http", "https"})
      for (const char* port : {"3000", "5173"})
        s.cors_origins.push_back(std::string(scheme) + "://localhost:" + port);
  s.secure_cookies = config.boolean("SECURE_COOKIES");
  if (config.text("PULSE_IDENTITY") == "keycloak") s.connect_sources = " " + issuer_base(config);
  return s;
}

std::vector<tenancy::Network> internal_networks(const Config& config) {
  std::vector<tenancy::Network> out;
  for (const auto& text : words(config.text("INTERNAL_NETWORKS"))) {
    try {
      out.emplace_back(text);
    } catch (const std::invalid_argument& e) {
      throw ConfigError(std::string("INTERNAL_NETWORKS: ") + e.what());
    }
  }
  return out;
}

fleet::ConnectionInfo connection_info(const Config& config) {
  fleet::ConnectionInfo c;
  c.http_url = config.text("UI_BASE_URL");
  c.mqtt_host = config.text("MQTT_HOST");
  c.mqtt_port = static_cast<int>(config.integer("MQTT_PORT"));
  if (config.integer("MQTT_TLS_PORT") > 0)
    c.mqtt_tls_port = static_cast<int>(config.integer("MQTT_TLS_PORT"));
  c.ws_url = c.http_url;
  if (c.ws_url.starts_with("http")) c.ws_url.replace(0, 4, "ws");
  c.ws_url += "/mqtt";
  return c;
}

}  // namespace

namespace {

/// What belongs to a loop may be looked at on that loop only, so its gauges are set from there.
Task<> follow_loop(metrics::Registry& metrics, pg::Pool& pool, const telemetry::MqttRole* mqtt,
                   std::string service) {
  while (true) {
    const auto s = pool.stats();
    metrics.set("pulse_db_pool_size", "Connections to PostgreSQL", {{"service", service}}, s.size);
    metrics.set("pulse_db_pool_free", "Connections to PostgreSQL that are idle",
                {{"service", service}}, s.idle);
    if (mqtt) telemetry::set_mqtt_metrics(metrics, mqtt->stats(), service);
    co_await sleep_ms(5'000);
  }
}

}  // namespace

struct GatewayLoop::Impl {
  Impl(Process& p, int number)
      : process(p),
        loop((p.roles.mqtt && !p.roles.gateway ? "mqtt-" : "gateway-") + std::to_string(number)),
        edge(edge_settings(p.config)) {}

  Process& process;
  Loop loop;
  EdgeSettings edge;
  std::unique_ptr<pg::Pool> pool;
  /// Of samples and replays: slow destinations of routes hold up no notification.
  std::unique_ptr<http::OutboundClient> route_http;
  std::shared_ptr<tenancy::Authenticator> tokens;
  tenancy::GuardDeps guard;
  std::shared_ptr<fleet::DeviceLookup> lookup;
  std::shared_ptr<telemetry::LiveHub> hub;
  std::unique_ptr<telemetry::MqttRole> mqtt;
  http::Router router;
  std::unique_ptr<http::Server> server;

  void build();
  void mount_rooms();
  void mount_people();
};

void GatewayLoop::Impl::build() {
  const auto& config = process.config;
  const auto executor = loop.io().get_executor();
  pool = std::make_unique<pg::Pool>(executor, pool_options(config, "pulse-" + loop.name()));
  tenancy::TokenRules rules;
  rules.issuer = public_issuer(config);
  rules.audience = config.text("JWT_AUDIENCE");
  tenancy::AuthenticatorDeps auth;
  auth.pool = pool.get();
  auth.tokens = std::make_shared<tenancy::TokenVerifier>(process.identity.keys, std::move(rules));
  auth.api_tokens = process.api_tokens;
  auth.revocations = process.revocations;
  auth.failures = process.auth_failures;
  tokens = std::make_shared<tenancy::Authenticator>(std::move(auth));
  lookup = std::make_shared<fleet::DeviceLookup>(process.devices, *pool, executor);
  hub = std::make_shared<telemetry::LiveHub>(process.nats, *pool, executor, process.live_counter);
  if (process.roles.mqtt) {
    telemetry::MqttRoleDeps deps;
    deps.auth = process.devices;
    deps.lookup = lookup;
    deps.connections = process.connections;
    deps.failures = process.device_failures;
    deps.nats = &process.nats;
    deps.pending = fleet::pending_for_devices(*pool, process.nats, process.files);
    deps.require_token = config.boolean("REQUIRE_TOKEN");
    deps.payload_bytes_max = static_cast<std::size_t>(config.integer("MAX_PAYLOAD_BYTES"));
    mqtt = std::make_unique<telemetry::MqttRole>(loop.io(), std::move(deps));
  }
  guard.pool = pool.get();
  guard.tokens = tokens;
  guard.memberships = process.memberships;
  guard.limits = process.request_limits;
  guard.audit = process.audit;
  guard.internal_secret = config.text("MQTT_INTERNAL_AUTH_SECRET");
  guard.internal_networks = internal_networks(config);
  router.authorize_with(tenancy::guard(guard));
  router.observe_with(
      [this](const http::Request& request, std::string_view pattern, int status, double seconds) {
        process.metrics.count("pulse_http_requests_total", "HTTP requests",
                              {{"method", std::string(http::method_label(request.method))},
                               {"route", std::string(pattern)},
                               {"status", std::to_string(status)}});
        process.metrics.observe("pulse_http_request_seconds", "Duration of HTTP requests",
                                {{"route", std::string(pattern)}}, seconds);
      });
  router.describe_also(describe_edge);
  mount_rooms();
  router.check();
}

void GatewayLoop::Impl::mount_rooms() {
  const auto& config = process.config;
  const auto executor = loop.io().get_executor();
  if (process.roles.gateway) {
    fleet::FleetDeps fleet_deps;
    fleet_deps.audit = process.audit;
    fleet_deps.nats = &process.nats;
    fleet_deps.auth = process.devices;
    fleet_deps.lookup = lookup;
    fleet_deps.creates = process.creates;
    fleet_deps.device_ca = process.device_ca;
    fleet_deps.connection = connection_info(config);
    fleet_deps.storage = process.files;
    fleet_deps.firmware_bytes_max = config.integer("FIRMWARE_MAX_MIB") * 1024 * 1024;
    fleet_deps.stored_bytes_max = config.integer("STORAGE_TENANT_MIB") * 1024 * 1024;
    fleet_deps.recent = telemetry::recent_messages;
    fleet::mount(router, fleet_deps);
    fleet::DeviceApiDeps devices;
    devices.pool = pool.get();
    devices.nats = &process.nats;
    devices.auth = process.devices;
    devices.lookup = lookup;
    devices.owners = std::make_shared<fleet::TokenOwners>(*pool);
    devices.job_news = std::make_shared<fleet::JobNews>(executor, process.nats);
    devices.failures = process.device_failures;
    devices.stopping = [&p = process] { return p.stopping.load(); };
    fleet::mount_device_api(router, devices);
    fleet::ProvisioningDeps provisioning;
    provisioning.fleet = fleet_deps;
    provisioning.pool = pool.get();
    provisioning.failures = process.provision_failures;
    provisioning.address_failures = process.auth_failures;
    provisioning.admin_key = config.text("PROVISION_ADMIN_KEY");
    provisioning.code_minutes = config.integer("ACTIVATION_CODE_TTL_MINUTES");
    fleet::mount_activation(router, provisioning);
    fleet::mount_claim(router, provisioning);
    connectivity::mount(router, connectivity_deps(process));
    auto alerts = alerting_deps(process);
    alerts.pool = pool.get();
    alerting::mount(router, alerts);
    routing::RoutingDeps routes;
    constexpr int route_sends = 8;  // a thread each
    route_http = std::make_unique<http::OutboundClient>(route_sends, 200);
    routes.tools = destination_tools(process, *route_http, *pool, executor);
    routes.sealer = &process.sealer;
    routes.audit = process.audit;
    routes.metrics = &process.metrics;
    routes.shares = std::make_shared<routing::SendShares>(route_sends, route_sends);
    routing::mount(router, routes);
    if (process.local_files) mount_files(router, process.local_files);
    telemetry::DoorDeps door;
    door.auth = process.devices;
    door.lookup = lookup;
    door.nats = &process.nats;
    door.require_token = config.boolean("REQUIRE_TOKEN");
    door.payload_bytes =
        std::min(door.payload_bytes, static_cast<std::size_t>(config.integer("MAX_PAYLOAD_BYTES")));
    telemetry::mount_door(router, door);
    telemetry::mount_queries(router);
    telemetry::LiveDeps live;
    live.hub = hub;
    live.tokens = tokens;
    live.tickets = process.tickets;
    live.standing = [deps = guard](tenancy::Caller who, std::string address) {
      return tenancy::check_standing(deps, std::move(who), std::move(address));
    };
    live.origins = edge.cors_origins;
    live.origins.push_back(config.text("UI_BASE_URL"));
    telemetry::mount_stream(router, live);
    telemetry::mount_channel(router, live);
    fleet::BrokerHookDeps hooks;
    hooks.lookup = lookup;
    hooks.service_username = config.text("MQTT_USERNAME");
    hooks.service_password = config.text("MQTT_PASSWORD");
    fleet::mount_broker_hooks(router, hooks);
    if (process.identity.mount) process.identity.mount(router, *pool);
    mount_people();
    SessionDeps session;
    session.ui_base = config.text("UI_BASE_URL");
    session.issuer_public = public_issuer(config);
    session.issuer_internal = internal_issuer(config);
    session.client_id = config.text("JWT_AUDIENCE");
    session.secure_cookies = config.boolean("SECURE_COOKIES");
    session.refresh_seconds = config.integer("UI_REFRESH_SECONDS");
    session.http = std::make_shared<http::Client>(executor);
    session.tokens = tokens;
    session.audit = process.audit;
    session.issuer_tells_sessions = static_cast<bool>(process.identity.mount);
    mount_session(router, session);
    PageDeps pages;
    pages.web = std::make_shared<http::StaticFiles>(config.text("PULSE_WEB_DIR"));
    pages.tokens = tokens;
    pages.router = &router;
    pages.version = process.version;
    pages.open_documents = config.text("MODE") == "DEV";
    mount_pages(router, pages);
  }
  if (mqtt) mqtt->mount(router);
  HealthDeps health;
  health.process = &process;
  health.pool = pool.get();
  health.tokens = tokens;
  mount_health(router, health);
}

/// The rooms about people, who live in the directory.
void GatewayLoop::Impl::mount_people() {
  account::AccountDeps account;
  account.pool = pool.get();
  account.directory = process.identity.directory(*pool, loop.io().get_executor());
  account.audit = process.audit;
  account.memberships = process.memberships;
  account.api_tokens = process.api_tokens;
  account.revocations = process.revocations;
  account.request_limits = process.request_limits;
  account::mount(router, account);
  operations::OperationsDeps operations;
  operations.pool = account.pool;
  operations.directory = account.directory;
  operations.audit = account.audit;
  operations.memberships = account.memberships;
  operations.api_tokens = account.api_tokens;
  operations.revocations = account.revocations;
  operations::mount(router, operations);
}

GatewayLoop::GatewayLoop(Process& process, int number)
    : impl_(std::make_unique<Impl>(process, number)) {
  impl_->build();
}
GatewayLoop::~GatewayLoop() { halt(); }

void GatewayLoop::halt() { impl_->loop.stop(); }

http::Router& GatewayLoop::router() { return impl_->router; }

void GatewayLoop::start() {
  auto& self = *impl_;
  const auto& config = self.process.config;
  http::ServerOptions options;
  options.host = config.text("PULSE_HOST");
  options.port = static_cast<unsigned short>(config.integer("PULSE_PORT"));
  http::ServerHandlers handlers;
  handlers.admit = [&self](http::Request& head) {
    return admit_at_edge(self.edge, self.router, head);
  };
  handlers.handle = [&self](http::Request& request) {
    return serve_at_edge(self.edge, self.router, request);
  };
  handlers.body_limit = [&self](std::string_view method, std::string_view path) {
    return self.router.body_limit(method, path);
  };
  self.server = std::make_unique<http::Server>(self.loop.io(), options, std::move(handlers));
  if (self.mqtt) {
    telemetry::MqttListen listen;
    listen.host = config.text("MQTT_LISTEN_HOST");
    listen.port = static_cast<std::uint16_t>(config.integer("MQTT_PORT"));
    listen.tls_port = static_cast<std::uint16_t>(config.integer("MQTT_TLS_PORT"));
    listen.certificate_file = config.text("MQTT_TLS_CERT");
    listen.key_file = config.text("MQTT_TLS_KEY");
    self.mqtt->listen(listen);
  }
  self.server->start();
  self.loop.spawn("gauges",
                  follow_loop(self.process.metrics, *self.pool, self.mqtt.get(), self.loop.name()));
  self.loop.start();
}

void GatewayLoop::stop() {
  auto& self = *impl_;
  if (self.mqtt) run_and_wait(self.loop, self.mqtt->stop(limits::http_stop_grace_ms / 2));
  if (self.server) run_and_wait(self.loop, self.server->stop());
  self.pool->close();
  self.loop.stop();
}

boost::json::value describe_api(Process& process) {
  GatewayLoop loop(process, 0);
  return loop.router().openapi(process.version);
}

}  // namespace pulse::gateway
