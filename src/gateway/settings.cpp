#include "gateway/settings.hpp"

#include <algorithm>

#include "platform/mail/mime.hpp"
#include "platform/pg/conninfo.hpp"

namespace pulse::gateway {

namespace {
constexpr auto text = SettingKind::text;
constexpr auto integer = SettingKind::integer;
constexpr auto boolean = SettingKind::boolean;
}  // namespace

std::vector<Setting> all_settings() {
  return {
      // Processes
      {"PULSE_ROLES", "gateway,mqtt,ingest,evaluator,notifier,delivery,ops", text, false,
       "Roles this process runs"},
      {"PULSE_HOST", "127.0.0.1", text, false, "Address the gateway listens on"},
      {"PULSE_PORT", "8080", integer, false, "Port of the gateway", 0, 65535},
      {"PULSE_THREADS", "0", integer, false, "Gateway loops; 0: half the cores", 0, 256},
      {"PULSE_URL", "", text, false, "For shells (.dev/env); Pulse itself uses UI_BASE_URL"},
      {"PULSE_WEB_DIR", "web/dist", text, false, "Built web application"},
      {"PULSE_MIGRATIONS_DIR", "migrations", text, false, "SQL migrations"},
      {"PULSE_DATA_DIR", ".dev/data", text, false, "Local files"},
      {"PULSE_SECRET_KEY", "", text, true, "32 bytes in hex or base64url; seals secrets at rest"},
      {"PULSE_SECRET_KEYS_OLD", "", text, true, "Former keys, comma-separated"},
      {"LOG_LEVEL", "info", text, false, "debug, info, warning or error"},
      {"ENV", "DEV", text, false, "PROD closes what is open in development"},
      {"MODE", "DEV", text, false, "DEV opens /docs and the password grant"},
      // PostgreSQL
      {"DATABASE_URL", "", text, true, "Connection URI; preferred over PG_*"},
      {"PG_HOST", "iot-postgres", text, false, "PostgreSQL host"},
      {"PG_PORT", "5432", integer, false, "PostgreSQL port", 1, 65535},
      {"PG_DB", "iotcloud", text, false, "Database"},
      {"PG_USER", "iot", text, false, "Login role"},
      {"PG_PASS", "iot_dev", text, true, "Its password"},
      {"PG_POOL_MIN", "2", integer, false, "Connections opened at start, per loop", 0, 1000},
      {"PG_POOL_MAX", "10", integer, false, "Connections at most, per loop", 1, 1000},
      {"PG_PREPARED", "true", boolean, false, "Prepared statements; off behind PgBouncer < 1.21"},
      // NATS
      {"NATS_URL", "nats://iot-nats:4222", text, true, "NATS servers, comma-separated"},
      {"NATS_REPLICAS", "1", integer, false, "Replicas of each stream", 1, 5},
      {"STREAM_MAX_MIB", "8192", integer, false, "Size of TELEMETRY; full: publishes are refused",
       1, 1'000'000'000},
      {"STREAM_KEEP_SECONDS", "600", integer, false, "How long processed messages stay", 0,
       864'000},
      // Devices
      {"AUTH_CACHE_TTL_SECONDS", "60", integer, false, "Device credentials in memory", 1, 3600},
      {"REQUIRE_TOKEN", "1", boolean, false, "Devices must authenticate"},
      {"PROVISION_ADMIN_KEY", "", text, true, "X-Admin-Key of /api/admin/devices; empty: closed"},
      {"ACTIVATION_CODE_TTL_MINUTES", "60", integer, false, "How long an activation code works", 1,
       43'200},
      {"RATE_LIMIT_RPS", "5", integer, false, "Messages a second and device", 1, 1'000'000},
      {"RATE_LIMIT_BURST", "20", integer, false, "Burst of a device", 1, 1'000'000},
      {"RATE_LIMIT_TENANT_RPS", "50000", integer, false, "Messages a second and tenant", 1,
       100'000'000},
      {"RATE_LIMIT_GLOBAL_RPS", "200000", integer, false, "Messages a second in all", 1,
       100'000'000},
      {"API_RATE_PER_MINUTE", "3000", integer, false, "Requests of a caller; 0: no limit", 0,
       100'000'000},
      {"API_ADDRESS_RATE_PER_MINUTE", "12000", integer, false,
       "Requests from an address; 0: no limit", 0, 100'000'000},
      {"MAX_PAYLOAD_BYTES", "16384", integer, false,
       "Largest payload, by HTTP 8192 at most; goes before app_settings", 256, 1'048'576},
      {"HEARTBEAT_STALE_SECONDS", "30", integer, false, "Silence until STALE; tenfold: OFFLINE", 1,
       86'400},
      {"FLUSH_INTERVAL_MS", "1000", integer, false,
       "An ingest batch that took longer is followed by a smaller one", 1, 60'000},
      {"BATCH_SIZE", "500", integer, false,
       "Messages of an ingest batch at most; not set: more while there is a backlog", 1, 100'000},
      {"METRIC_MAP_CACHE_TTL", "300", integer, false, "Seconds", 1, 86'400},
      {"METRIC_MAP_CACHE_SIZE", "10000", integer, false, "Entries", 1, 10'000'000},
      // MQTT
      {"MQTT_LISTEN_HOST", "127.0.0.1", text, false, "Address the MQTT endpoint listens on"},
      {"MQTT_HOST", "localhost", text, false, "Host name that devices are told"},
      {"MQTT_PORT", "1883", integer, false, "MQTT over TCP; 0: off", 0, 65535},
      {"MQTT_TLS_PORT", "0", integer, false, "MQTT over TLS; 0: off", 0, 65535},
      {"MQTT_TLS_CERT", "", text, false, "PEM certificate chain"},
      {"MQTT_TLS_KEY", "", text, false, "PEM private key"},
      {"DEVICE_CA_CERT", "", text, false, "PEM certificate of the CA that issues to devices"},
      {"DEVICE_CA_KEY", "", text, false, "PEM private key of that CA"},
      {"DEVICE_CRL_FILE", "", text, false, "Where its revocation list is written; empty: nowhere"},
      {"MQTT_USERNAME", "service_pulse", text, false, "Service account at an outside broker"},
      {"MQTT_PASSWORD", "", text, true, "Its password"},
      {"MQTT_INTERNAL_AUTH_SECRET", "", text, true, "X-Internal-Auth of the broker hooks"},
      {"INTERNAL_NETWORKS", "127.0.0.0/8,::1/128,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16", text,
       false, "Who may call /api/v1/internal/"},
      {"CAMPAIGN_SECONDS", "10", integer, false, "Between two rounds of campaigns", 1, 600},
      // Objects
      {"PULSE_STORAGE", "local", text, false, "local (PULSE_DATA_DIR/objects) or s3"},
      {"FIRMWARE_MAX_MIB", "512", integer, false, "Largest firmware file", 1, 40'000},
      {"STORAGE_TENANT_MIB", "10240", integer, false, "Stored files of a tenant", 1, 1'000'000'000},
      {"S3_ENDPOINT", "http://iot-minio:9000", text, false, "S3"},
      {"S3_PUBLIC_ENDPOINT", "", text, false, "S3 as clients reach it"},
      {"S3_BUCKET", "exports", text, false, "Bucket"},
      {"S3_ACCESS_KEY", "minioadmin", text, true, "Access key"},
      {"S3_SECRET_KEY", "minioadmin", text, true, "Secret key"},
      {"S3_REGION", "us-east-1", text, false, "Region"},
      // Web and identity
      {"UI_BASE_URL", "http://localhost:8080", text, false, "Where browsers reach Pulse"},
      {"UI_REFRESH_SECONDS", "5", integer, false, "Polling fallback of the web application", 1,
       3600},
      {"CORS_ORIGINS", "", text, false, "Comma-separated; unset: none with ENV=PROD"},
      {"SECURE_COOKIES", "false", boolean, false, "Secure cookies and HSTS"},
      {"TRUSTED_PROXIES", "", text, false, "Networks whose X-Forwarded-For is believed"},
      {"PULSE_IDENTITY", "embedded", text, false, "embedded or keycloak"},
      {"KEYCLOAK_URL", "", text, false, "Older name of KEYCLOAK_PUBLIC_URL"},
      {"KEYCLOAK_PUBLIC_URL", "http://localhost:8180", text, false,
       "The issuer as browsers see it"},
      {"KEYCLOAK_INTERNAL_URL", "", text, false, "The issuer as Pulse reaches it"},
      {"KEYCLOAK_REALM", "pulse", text, false, "Realm"},
      {"KEYCLOAK_JWKS_URI", "", text, false, "Keys; default: from the internal URL"},
      {"KEYCLOAK_SERVICE_CLIENT_ID", "pulse-service", text, false,
       "Keycloak's client that manages people and organizations"},
      {"KEYCLOAK_SERVICE_CLIENT_SECRET", "", text, true, "Its secret; needed with keycloak"},
      {"JWKS_TTL_SECONDS", "300", integer, false, "Keys in memory", 1, 86'400},
      {"JWT_AUDIENCE", "pulse-ui", text, false, "Audience of access tokens"},
      // Carriers and other services that customers name
      {"OUTBOUND_PRIVATE_HOSTS", "", text, false,
       "host:port of customers' services that may be private and plain http, comma-separated"},
      {"CARRIER_TIMEOUT_SECONDS", "10", integer, false, "How long a carrier's API may take", 1,
       120},
      {"CARRIER_SYNC_SECONDS", "300", integer, false,
       "How often carrier integrations that are due are looked for", 1, 86'400},
      // Email
      {"SMTP_HOST", "", text, false,
       "Mail server; without one emails go into PULSE_DATA_DIR/outbox"},
      {"SMTP_PORT", "587", integer, false, "Its port", 1, 65535},
      {"SMTP_USERNAME", "", text, false, "User at the mail server; empty: no authentication"},
      {"SMTP_PASSWORD", "", text, true, "Its password"},
      {"SMTP_FROM", "Pulse <pulse@localhost>", text, false, "Sender of emails"},
      {"SMTP_SECURITY", "starttls", text, false, "starttls, tls (from the first byte) or none"},
      {"EMAIL_LINK_HOURS", "72", integer, false, "How long the link of an invitation works", 1,
       720},
      {"PULSE_DEMO_HINT", "", text, false, "A line under the sign-in form, for demonstrations"},
  };
}

std::vector<std::string> words(const std::string& list) {
  std::vector<std::string> out;
  std::size_t at = 0;
  while (at <= list.size()) {
    auto end = list.find(',', at);
    if (end == std::string::npos) end = list.size();
    auto word = list.substr(at, end - at);
    while (!word.empty() && word.front() == ' ') word.erase(0, 1);
    while (!word.empty() && word.back() == ' ') word.pop_back();
    if (!word.empty()) out.push_back(std::move(word));
    at = end + 1;
  }
  return out;
}

void check_settings(const Config& config) {
  static const std::vector<std::string> roles{"gateway",  "mqtt",     "ingest", "evaluator",
                                              "notifier", "delivery", "ops"};
  for (const auto& role : words(config.text("PULSE_ROLES")))
    if (std::find(roles.begin(), roles.end(), role) == roles.end())
      throw ConfigError(
          "PULSE_ROLES: '" + role +
          "' is no role; known: gateway, mqtt, ingest, evaluator, notifier, delivery, ops");
  const auto& identity = config.text("PULSE_IDENTITY");
  if (identity != "embedded" && identity != "keycloak")
    throw ConfigError("PULSE_IDENTITY must be embedded or keycloak");
  const auto& storage = config.text("PULSE_STORAGE");
  if (storage != "local" && storage != "s3") throw ConfigError("PULSE_STORAGE must be local or s3");
  const auto& security = config.text("SMTP_SECURITY");
  if (security != "starttls" && security != "tls" && security != "none")
    throw ConfigError("SMTP_SECURITY must be starttls, tls or none");
  if (!mail::read_mailbox(config.text("SMTP_FROM")))
    throw ConfigError("SMTP_FROM must be an address, e.g. Pulse <pulse@example.com>");
  if (config.integer("MQTT_TLS_PORT") != 0 &&
      (config.text("MQTT_TLS_CERT").empty() || config.text("MQTT_TLS_KEY").empty()))
    throw ConfigError("MQTT_TLS_PORT needs MQTT_TLS_CERT and MQTT_TLS_KEY");
  const auto& admin_key = config.text("PROVISION_ADMIN_KEY");
  if (!admin_key.empty() && admin_key.size() < 32)
    throw ConfigError("PROVISION_ADMIN_KEY must have at least 32 characters");
  if (config.text("DEVICE_CA_CERT").empty() != config.text("DEVICE_CA_KEY").empty())
    throw ConfigError("DEVICE_CA_CERT and DEVICE_CA_KEY go together");
  if (config.text("ENV") != "PROD") return;
  const auto refuse = [&](const std::string& name, const std::string& unsafe) {
    if (config.text(name) == unsafe)
      throw ConfigError(name + ": the default value must not be used with ENV=PROD");
  };
  if (config.text("DATABASE_URL").empty()) refuse("PG_PASS", "iot_dev");
  refuse("S3_ACCESS_KEY", "minioadmin");
  refuse("S3_SECRET_KEY", "minioadmin");
  refuse("MQTT_INTERNAL_AUTH_SECRET", "");
  refuse("PULSE_SECRET_KEY", "");
  if (identity == "keycloak") refuse("KEYCLOAK_SERVICE_CLIENT_SECRET", "");
  if (identity == "embedded")
    throw ConfigError(
        "PULSE_IDENTITY: the embedded issuer is for one machine; with ENV=PROD use keycloak");
}

std::string conninfo(const Config& config) {
  if (const auto& url = config.text("DATABASE_URL"); !url.empty()) return url;
  return "host=" + pg::conninfo_value(config.text("PG_HOST")) +
         " port=" + pg::conninfo_value(config.text("PG_PORT")) +
         " dbname=" + pg::conninfo_value(config.text("PG_DB")) +
         " user=" + pg::conninfo_value(config.text("PG_USER")) +
         " password=" + pg::conninfo_value(config.text("PG_PASS"));
}

pg::PoolOptions pool_options(const Config& config, std::string application_name) {
  pg::PoolOptions o;
  o.conninfo = conninfo(config);
  o.min_size = static_cast<int>(config.integer("PG_POOL_MIN"));
  o.max_size = static_cast<int>(config.integer("PG_POOL_MAX"));
  o.prepare = config.boolean("PG_PREPARED");
  o.application_name = std::move(application_name);
  return o;
}

nats::Options nats_options(const Config& config, std::string name) {
  return {config.text("NATS_URL"), std::move(name)};
}

mail::MailerOptions mailer_options(const Config& config) {
  mail::MailerOptions o;
  o.host = config.text("SMTP_HOST");
  o.port = static_cast<int>(config.integer("SMTP_PORT"));
  o.username = config.text("SMTP_USERNAME");
  o.password = config.text("SMTP_PASSWORD");
  o.from = config.text("SMTP_FROM");
  o.security = config.text("SMTP_SECURITY");
  o.outbox = config.text("PULSE_DATA_DIR") + "/outbox";
  return o;
}

std::string issuer_base(const Config& config) {
  std::string base = config.text("KEYCLOAK_PUBLIC_URL");
  if (!config.given("KEYCLOAK_PUBLIC_URL")) {
    if (!config.text("KEYCLOAK_URL").empty())
      base = config.text("KEYCLOAK_URL");
    else if (config.text("PULSE_IDENTITY") == "embedded")
      base = config.text("UI_BASE_URL");
  }
  while (!base.empty() && base.back() == '/') base.pop_back();
  return base;
}

}  // namespace pulse::gateway
