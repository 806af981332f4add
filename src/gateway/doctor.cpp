#include <filesystem>
#include <iostream>
#include <thread>

#include "gateway/admin.hpp"
#include "gateway/gateway_loop.hpp"
#include "gateway/process.hpp"
#include "gateway/settings.hpp"
#include "platform/clock.hpp"
#include "platform/crypto/x509.hpp"
#include "platform/errors.hpp"
#include "platform/log.hpp"

namespace pulse::gateway {

namespace {

struct Report {
  int problems = 0;
  void good(const std::string& what) { std::cout << "ok    " << what << '\n'; }
  void bad(const std::string& what, const std::string& fix) {
    ++problems;
    std::cout << "WRONG " << what << "\n      " << fix << '\n';
  }
};

void check_database(const Config& config, Report& report) {
  try {
    const auto pending =
        pg::pending_migrations(conninfo(config), config.text("PULSE_MIGRATIONS_DIR"));
    report.good("PostgreSQL answers");
    if (pending.empty())
      report.good("all migrations are applied");
    else
      report.bad(
          std::to_string(pending.size()) + " migrations are not applied, first " + pending.front(),
          "Run: pulse migrate");
  } catch (const std::exception& e) {
    report.bad(std::string("PostgreSQL: ") + e.what(),
               "Check DATABASE_URL (or PG_HOST, PG_PORT, PG_DB, PG_USER, PG_PASS), and that the "
               "server runs.");
  }
}

void check_nats(const Config& config, Report& report) {
  nats::Client client(nats_options(config, "pulse-doctor"));
  for (int i = 0; i < 30 && !client.connected(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  if (!client.connected()) {
    report.bad("NATS does not answer", "Check NATS_URL, and that nats-server runs with JetStream.");
    return;
  }
  report.good("NATS answers");
  Loop loop("doctor");
  loop.start();
  try {
    run_and_wait(loop, telemetry::ensure_streams(client, ingest_settings(config)));
    report.good("JetStream has the streams TELEMETRY, SHADOW, COMMANDS, ROUTES");
  } catch (const std::exception& e) {
    report.bad(std::string("JetStream: ") + e.what(),
               "Start nats-server with -js and room on its disk.");
  }
  loop.stop();
}

/// Throws HttpError when the service account may not what it must.
Task<> ask_for_people(identity::KeycloakAdmin& admin) {
  static constexpr const char* paths[] = {"/organizations?max=1", "/users?max=1", "/roles?max=1"};
  for (const char* path : paths) {
    const identity::KeycloakCall call("GET", path);
    const auto answer = co_await admin.call(call);
    if (!answer.ok()) throw HttpError(502, std::string("no answer to ") + path);
  }
}

void check_identity(const Config& config, Report& report) {
  if (config.text("PULSE_IDENTITY") == "embedded") {
    if (config.text("PULSE_SECRET_KEY").empty())
      report.bad("PULSE_SECRET_KEY is not set",
                 "The embedded issuer seals its keys with it. Make one: openssl rand -hex 32");
    else
      report.good("PULSE_SECRET_KEY is set");
    return;
  }
  http::OutboundClient client(1);
  Loop loop("doctor");
  loop.start();
  try {
    http::OutboundOptions options;
    options.allow_private = true;
    auto ask = [&]() -> Task<> {
      const auto answer = co_await client.get(
          internal_issuer(config) + "/.well-known/openid-configuration", options);
      boost::system::error_code ec;
      const auto json = boost::json::parse(answer.body, ec);
      const std::string issuer = !ec && json.is_object() && json.as_object().contains("issuer")
                                     ? std::string(json.as_object().at("issuer").as_string())
                                     : "";
      if (issuer == public_issuer(config))
        report.good("the issuer is " + issuer);
      else
        report.bad("the issuer calls itself '" + issuer + "', tokens are expected from '" +
                       public_issuer(config) + "'",
                   "Set KEYCLOAK_PUBLIC_URL and KEYCLOAK_REALM to the issuer's own name.");
    };
    run_and_wait(loop, ask());
  } catch (const std::exception& e) {
    report.bad(std::string("the issuer: ") + e.what(),
               "Check KEYCLOAK_INTERNAL_URL (or KEYCLOAK_PUBLIC_URL) and KEYCLOAK_REALM.");
  }
  try {
    identity::KeycloakAdmin admin(keycloak_settings(config));
    run_and_wait(loop, ask_for_people(admin));
    report.good("the service account may manage people and organizations");
  } catch (const HttpError& e) {
    report.bad(std::string("the directory: ") + e.what(),
               "Check KEYCLOAK_SERVICE_CLIENT_ID and KEYCLOAK_SERVICE_CLIENT_SECRET, and that the "
               "realm is that of deploy/keycloak.");
  }
  loop.stop();
}

void check_device_ca(const Config& config, Report& report) {
  if (config.text("DEVICE_CA_CERT").empty()) {
    report.good("no CA for devices is configured: they authenticate by tokens");
    return;
  }
  try {
    const auto authority =
        crypto::Authority::from_files(config.text("DEVICE_CA_CERT"), config.text("DEVICE_CA_KEY"));
    const auto& facts = authority.certificate().facts();
    const auto days = (facts.not_after_s - now_ms() / 1000) / 86'400;
    if (days < 90)
      report.bad("the CA for devices ends in " + std::to_string(days) + " days",
                 "Make another one: docs/fleet-certificates.md, \"Set it up\".");
    else
      report.good("the CA for devices is " + facts.subject);
  } catch (const crypto::Error& e) {
    report.bad(e.what(), "Check DEVICE_CA_CERT and DEVICE_CA_KEY.");
  }
}

}  // namespace

int doctor(const Config& config) {
  log::configure("error", "pulse");
  Report report;
  report.good("the configuration can be read");
  check_database(config, report);
  check_nats(config, report);
  check_identity(config, report);
  check_device_ca(config, report);
  std::error_code ec;
  std::filesystem::create_directories(config.text("PULSE_DATA_DIR"), ec);
  if (ec)
    report.bad("PULSE_DATA_DIR " + config.text("PULSE_DATA_DIR") + ": " + ec.message(),
               "Name a directory that this user may write.");
  else
    report.good("PULSE_DATA_DIR can be written");
  if (std::filesystem::exists(config.text("PULSE_WEB_DIR") + "/index.html"))
    report.good("the web application is built");
  else
    report.bad("no web application in PULSE_WEB_DIR " + config.text("PULSE_WEB_DIR"),
               "Build it: cd web && npm ci && npm run build");
  return report.problems == 0 ? 0 : 1;
}

}  // namespace pulse::gateway
