#include "gateway/process.hpp"

#include "gateway/settings.hpp"

namespace pulse::gateway {

Roles roles_of(const Config& config) {
  Roles r;
  for (const auto& role : words(config.text("PULSE_ROLES"))) {
    r.gateway = r.gateway || role == "gateway";
    r.mqtt = r.mqtt || role == "mqtt";
    r.ingest = r.ingest || role == "ingest";
    r.evaluator = r.evaluator || role == "evaluator";
    r.notifier = r.notifier || role == "notifier";
    r.delivery = r.delivery || role == "delivery";
    r.ops = r.ops || role == "ops";
  }
  return r;
}

telemetry::IngestSettings ingest_settings(const Config& config) {
  telemetry::IngestSettings s;
  s.keep_processed_s = config.integer("STREAM_KEEP_SECONDS");
  s.stale_seconds = config.integer("HEARTBEAT_STALE_SECONDS");
  s.flush_interval_ms = config.integer("FLUSH_INTERVAL_MS");
  s.batch_size = static_cast<std::size_t>(config.integer("BATCH_SIZE"));
  // Whoever sets a size means it; the default one may be exceeded to work off a backlog.
  s.batch_most = config.given("BATCH_SIZE") ? s.batch_size : limits::ingest_worker_batch;
  s.judge.require_token = config.boolean("REQUIRE_TOKEN");
  s.judge.limits.payload_bytes = static_cast<std::size_t>(config.integer("MAX_PAYLOAD_BYTES"));
  s.judge.payload_bytes_given = config.given("MAX_PAYLOAD_BYTES");
  s.replicas = static_cast<int>(config.integer("NATS_REPLICAS"));
  s.stream_max_bytes = static_cast<std::int64_t>(config.integer("STREAM_MAX_MIB")) << 20;
  return s;
}

std::string public_issuer(const Config& config) {
  return issuer_base(config) + "/realms/" + config.text("KEYCLOAK_REALM");
}

std::string internal_issuer(const Config& config) {
  std::string base = config.text("KEYCLOAK_INTERNAL_URL");
  if (base.empty())
    base = config.text("PULSE_IDENTITY") == "embedded"
               ? "http://127.0.0.1:" + config.text("PULSE_PORT")
               : issuer_base(config);
  while (!base.empty() && base.back() == '/') base.pop_back();
  return base + "/realms/" + config.text("KEYCLOAK_REALM");
}

namespace {

std::vector<std::string> sealing_keys(const Config& config) {
  std::vector<std::string> keys;
  if (!config.text("PULSE_SECRET_KEY").empty()) keys.push_back(config.text("PULSE_SECRET_KEY"));
  for (auto& old : words(config.text("PULSE_SECRET_KEYS_OLD"))) keys.push_back(std::move(old));
  return keys;
}

storage::S3Options s3_options(const Config& config) {
  storage::S3Options o;
  o.endpoint = config.text("S3_ENDPOINT");
  o.public_endpoint = config.text("S3_PUBLIC_ENDPOINT");
  o.bucket = config.text("S3_BUCKET");
  o.region = config.text("S3_REGION");
  o.access_key = config.text("S3_ACCESS_KEY");
  o.secret_key = config.text("S3_SECRET_KEY");
  return o;
}

storage::LocalOptions local_options(const Config& config) {
  storage::LocalOptions o;
  o.directory = config.text("PULSE_DATA_DIR") + "/objects";
  o.base_url = config.text("UI_BASE_URL");
  // Derived: what signs links opens nothing else. Without a key links work in this process only.
  for (const auto& key : sealing_keys(config))
    o.signing_keys.push_back(crypto::hmac_sha256(key, "links to files"));
  if (o.signing_keys.empty()) o.signing_keys.push_back(crypto::random_bytes(32));
  return o;
}

fleet::DeviceAuthOptions door_options(const Config& config) {
  fleet::DeviceAuthOptions o;
  o.ttl_s = config.integer("AUTH_CACHE_TTL_SECONDS");
  o.device = Rate{static_cast<double>(config.integer("RATE_LIMIT_RPS")),
                  static_cast<double>(config.integer("RATE_LIMIT_BURST"))};
  o.tenant_per_second = static_cast<double>(config.integer("RATE_LIMIT_TENANT_RPS"));
  o.global_per_second = static_cast<double>(config.integer("RATE_LIMIT_GLOBAL_RPS"));
  return o;
}

/// Throws ConfigError when a file is not what it should be.
std::shared_ptr<fleet::DeviceCa> device_ca(const Config& config) {
  const auto &certificate = config.text("DEVICE_CA_CERT"), &key = config.text("DEVICE_CA_KEY");
  if (certificate.empty()) return nullptr;
  try {
    return std::make_shared<fleet::DeviceCa>(crypto::Authority::from_files(certificate, key));
  } catch (const crypto::Error& e) {
    throw ConfigError(std::string("DEVICE_CA_CERT, DEVICE_CA_KEY: ") + e.what());
  }
}

}  // namespace

Process::Process(const Config& config_)
    : config(config_),
      roles(roles_of(config_)),
      nats(nats_options(config_, "pulse")),
      sealer(sealing_keys(config_)),
      outbound(2),
      carrier_http(32, 500),
      notify_http(32, 2'000),
      notify_threads(std::make_shared<boost::asio::thread_pool>(8)),
      mailer(std::make_shared<mail::Mailer>(mailer_options(config_))) {
  const auto executor = base.io().get_executor();
  pool = std::make_unique<pg::Pool>(executor, pool_options(config, "pulse-base"));
  audit = std::make_shared<tenancy::AuditLog>(executor, *pool, "pulse");
  connections = std::make_shared<fleet::ConnectionLog>(executor, *pool);
  devices = std::make_shared<fleet::DeviceAuth>(nats, executor, door_options(config));
  device_ca = gateway::device_ca(config);
  creates = std::make_shared<TokenBuckets>(10'000);
  auth_failures = std::make_shared<tenancy::FailureLimit>(100, 60, limits::failed_auth_addresses);
  device_failures =
      std::make_shared<tenancy::FailureLimit>(1'000, 60, limits::failed_auth_addresses);
  provision_failures =
      std::make_shared<tenancy::FailureLimit>(20, 60, limits::failed_auth_addresses);
  memberships = std::make_shared<tenancy::Memberships>(nats, executor);
  api_tokens = std::make_shared<tenancy::ApiTokens>(nats, executor, audit);
  revocations = std::make_shared<tenancy::Revocations>(nats, executor);
  tenancy::RequestLimitOptions requests;
  requests.caller_per_minute = config.integer("API_RATE_PER_MINUTE");
  requests.address_per_minute = config.integer("API_ADDRESS_RATE_PER_MINUTE");
  request_limits = std::make_shared<tenancy::RequestLimits>(requests);
  live_counter = std::make_shared<telemetry::LiveCounter>();
  const auto& secret = config.text("PULSE_SECRET_KEY");
  tickets = std::make_shared<telemetry::TicketOffice>(
      nats, executor, secret.empty() ? crypto::random_bytes(32) : secret);
  auto access = std::make_shared<connectivity::CarrierAccess>();
  access->http = &carrier_http;
  access->private_hosts = words(config.text("OUTBOUND_PRIVATE_HOSTS"));
  access->timeout_ms = config.integer("CARRIER_TIMEOUT_SECONDS") * 1'000;
  carriers = std::move(access);
  if (config.text("PULSE_STORAGE") == "s3") {
    files = storage::s3(s3_options(config), outbound);
  } else {
    local_files = std::make_shared<storage::LocalStorage>(local_options(config));
    files = local_files;
  }
  identity = make_identity(*this);
}

alerting::AlertingDeps alerting_deps(Process& process) {
  alerting::AlertingDeps d;
  d.audit = process.audit;
  d.nats = &process.nats;
  d.sealer = &process.sealer;
  d.http = &process.notify_http;
  d.private_hosts = words(process.config.text("OUTBOUND_PRIVATE_HOSTS"));
  d.threads = process.notify_threads;
  d.mailer = process.mailer;
  d.metrics = &process.metrics;
  d.ui_base = process.config.text("UI_BASE_URL");
  return d;
}

connectivity::ConnectivityDeps connectivity_deps(Process& process) {
  connectivity::ConnectivityDeps d;
  d.access = process.carriers;
  d.sealer = &process.sealer;
  d.audit = process.audit;
  d.nats = &process.nats;
  d.metrics = &process.metrics;
  return d;
}

Process::~Process() { stop_outbound(); }

void Process::stop_outbound() {
  for (auto* client : {&outbound, &carrier_http, &notify_http}) client->stop();
  notify_threads->join();
}

}  // namespace pulse::gateway
