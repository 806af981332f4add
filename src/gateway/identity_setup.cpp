#include "gateway/process.hpp"
#include "gateway/settings.hpp"
#include "identity/embedded_directory.hpp"
#include "identity/issuer.hpp"
#include "identity/keycloak_directory.hpp"
#include "platform/log.hpp"

namespace pulse::gateway {

namespace {

using DirectoryMaker = decltype(IdentityParts::directory);

/// Who signs: our own key store.
Task<std::string> own_keys(std::shared_ptr<identity::KeyStore> store) {
  if (!store->ready()) throw std::runtime_error("the issuer's keys are not loaded yet");
  co_return store->jwks();
}

Task<std::string> fetched_keys(http::OutboundClient& client, std::string url) {
  http::OutboundOptions options;
  options.allow_private = true;  // the issuer is our operator's choice, often in our own network
  options.timeout_ms = 5'000;
  const auto answer = co_await client.get(std::move(url), std::move(options));
  if (answer.status != 200)
    throw std::runtime_error("the JWKS endpoint answers " + std::to_string(answer.status));
  co_return answer.body;
}

/// Loads the issuer's keys as soon as the schema is there, and again every minute.
Task<> keep_keys(std::shared_ptr<identity::KeyStore> store, pg::Pool& pool) {
  while (true) {
    std::string problem;
    try {
      co_await store->refresh(pool);
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (!problem.empty())
      log::error_throttled("signing keys not loaded, trying again", {{"error", problem}});
    co_await sleep_ms(store->ready() ? 60'000 : 100);
  }
}

identity::IssuerSettings issuer_settings(const Config& config) {
  identity::IssuerSettings s;
  s.base_url = issuer_base(config);
  s.realm = config.text("KEYCLOAK_REALM");
  s.client_id = config.text("JWT_AUDIENCE");
  const bool dev = config.text("MODE") == "DEV" && config.text("ENV") != "PROD";
  s.password_grant = dev;
  s.any_local_port = dev;
  s.secure_cookies = config.boolean("SECURE_COOKIES");
  s.redirect_origins.push_back(identity::origin_of(config.text("UI_BASE_URL")));
  s.application_url = config.text("UI_BASE_URL");
  while (s.application_url.ends_with('/')) s.application_url.pop_back();
  const auto& secret = config.text("PULSE_SECRET_KEY");
  s.form_key =
      crypto::hmac_sha256(secret.empty() ? crypto::random_bytes(32) : secret, "pulse sign-in form");
  s.demo_hint = config.text("PULSE_DEMO_HINT");
  return s;
}

/// One account and its token for all loops.
DirectoryMaker keycloak_directories(const Config& config) {
  auto admin = std::make_shared<identity::KeycloakAdmin>(keycloak_settings(config));
  return [admin](pg::Pool& pool, boost::asio::any_io_executor) {
    return std::make_shared<identity::KeycloakDirectory>(admin, pool);
  };
}

}  // namespace

identity::KeycloakSettings keycloak_settings(const Config& config) {
  identity::KeycloakSettings s;
  s.realm = config.text("KEYCLOAK_REALM");
  s.base_url = internal_issuer(config);
  s.base_url.resize(s.base_url.size() - s.realm.size() - std::string("/realms/").size());
  s.client_id = config.text("KEYCLOAK_SERVICE_CLIENT_ID");
  s.client_secret = config.text("KEYCLOAK_SERVICE_CLIENT_SECRET");
  s.ui_client = config.text("JWT_AUDIENCE");
  s.ui_url = config.text("UI_BASE_URL");
  while (s.ui_url.ends_with('/')) s.ui_url.pop_back();
  s.ui_url += "/app/";
  s.invitation_s = config.integer("EMAIL_LINK_HOURS") * 3600;
  return s;
}

IdentityParts make_identity(Process& p) {
  IdentityParts parts;
  const long ttl = p.config.integer("JWKS_TTL_SECONDS");
  if (p.config.text("PULSE_IDENTITY") == "keycloak") {
    std::string url = p.config.text("KEYCLOAK_JWKS_URI");
    if (url.empty()) url = internal_issuer(p.config) + "/protocol/openid-connect/certs";
    parts.keys =
        std::make_shared<tenancy::KeySet>([&p, url] { return fetched_keys(p.outbound, url); }, ttl);
    parts.directory = keycloak_directories(p.config);
    return parts;
  }
  auto store = std::make_shared<identity::KeyStore>(p.sealer);
  parts.keys = std::make_shared<tenancy::KeySet>([store] { return own_keys(store); }, ttl);
  identity::IssuerDeps deps;
  deps.keys = store;
  deps.passwords = std::make_shared<identity::PasswordWorkers>();
  deps.failures_by_address =
      std::make_shared<tenancy::FailureLimit>(100, 60, limits::failed_auth_addresses);
  deps.failures_by_user =
      std::make_shared<tenancy::FailureLimit>(10, 300, limits::failed_auth_addresses);
  deps.resets_by_address =
      std::make_shared<tenancy::FailureLimit>(10, 3600, limits::failed_auth_addresses);
  deps.audit = p.audit;
  deps.revocations = p.revocations;
  deps.settings = issuer_settings(p.config);
  deps.links.mailer = p.mailer;
  deps.links.issuer = identity::issuer_of(deps.settings);
  deps.links.invitation_s = p.config.integer("EMAIL_LINK_HOURS") * 3600;
  parts.mount = [deps](http::Router& router, pg::Pool& pool) {
    auto mine = deps;
    mine.pool = &pool;
    identity::mount(router, mine);
  };
  parts.directory = [deps](pg::Pool& pool, boost::asio::any_io_executor) {
    identity::EmbeddedDirectoryDeps mine;
    mine.pool = &pool;
    mine.passwords = deps.passwords;
    mine.links = deps.links;
    return std::make_shared<identity::EmbeddedDirectory>(std::move(mine));
  };
  parts.ready = [store] { return store->ready(); };
  parts.maintain = [store](pg::Pool& pool) { return keep_keys(store, pool); };
  return parts;
}

}  // namespace pulse::gateway
