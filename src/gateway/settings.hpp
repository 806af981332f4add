#pragma once
// Every setting of the binary, in one table: names and defaults as the contract fixes them.
#include <string>
#include <vector>

#include "platform/config.hpp"
#include "platform/mail/mailer.hpp"
#include "platform/nats/client.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::gateway {

/// The table of settings.
std::vector<Setting> all_settings();
/// Throws ConfigError when ENV=PROD and a default secret is still in use, or settings contradict.
void check_settings(const Config& config);
/// libpq connection string: DATABASE_URL when set, else from PG_HOST, PG_PORT, PG_DB, PG_USER,
/// PG_PASS.
std::string conninfo(const Config& config);
pg::PoolOptions pool_options(const Config& config, std::string application_name);
nats::Options nats_options(const Config& config, std::string name);
mail::MailerOptions mailer_options(const Config& config);
/// The comma-separated words of a setting, trimmed, empty ones left out.
std::vector<std::string> words(const std::string& list);
/// Where browsers reach the issuer: KEYCLOAK_PUBLIC_URL (or KEYCLOAK_URL); with the embedded issuer
/// and neither given, UI_BASE_URL.
std::string issuer_base(const Config& config);

}  // namespace pulse::gateway
