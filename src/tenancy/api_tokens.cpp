#include "tenancy/api_tokens.hpp"

#include <mutex>
#include <unordered_map>

#include "platform/clock.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/errors.hpp"
#include "platform/limits.hpp"
#include "tenancy/audit.hpp"

namespace pulse::tenancy {

namespace {

constexpr const char* changed_subject = "pulse.api-tokens.changed";
constexpr std::int64_t fresh_ms = 30'000;
constexpr std::int64_t note_use_every_ms = 60'000;
constexpr std::int64_t tell_every_ms = 3'600'000, tell_unknown_every_ms = 60'000;

constexpr const char* token_of_hash = R"sql(
  SELECT t.id, t.tenant_id, coalesce(t.user_id, '') AS user_id, t.owner_is_admin, t.owner_name,
         t.revoked_at IS NOT NULL OR s.disabled_at IS NOT NULL OR t.owner_disabled_at IS NOT NULL
           AS refused,
         coalesce(t.service_account_id::text, '') AS service_account_id, t.name, t.scopes,
         coalesce(extract(epoch FROM t.expires_at)::bigint, 0) AS expires_at_s
  FROM api_tokens t LEFT JOIN service_accounts s ON s.id = t.service_account_id
  WHERE t.token_hash = $1
)sql";

pg::Scope scope() { return pg::Scope("pulse_ingest", {}); }

Caller caller_of(const pg::Result& r) {
  const auto text = [&](const char* name) { return std::string(r.text(0, r.column(name))); };
  Caller c;
  c.by_api_token = text("id");
  c.tenant_id = text("tenant_id");
  c.scopes = pg::parse_text_array(r.text(0, r.column("scopes")));
  c.expires_at_s = r.int64(0, r.column("expires_at_s"));
  if (const auto service = text("service_account_id"); !service.empty()) {
    c.user_id = "service:" + service;
    c.username = text("owner_name");
    c.is_service = true;
    c.roles = {"customer"};
  } else {
    c.user_id = text("user_id");
    c.username = text("owner_name");
    c.roles = {"customer"};
    if (r.boolean(0, r.column("owner_is_admin"))) c.roles.emplace_back("tenant-admin");
  }
  return c;
}

}  // namespace

bool looks_like_api_token(std::string_view token) { return token.starts_with("pulse_"); }

NewApiToken make_api_token(std::string_view kind) {
  NewApiToken t;
  t.secret = "pulse_" + std::string(kind) + "_" + crypto::random_token(32);
  t.hash = crypto::sha256_hex(t.secret);
  t.hint = t.secret.substr(0, 10) + "..." + t.secret.substr(t.secret.size() - 4);
  return t;
}

struct ApiTokens::Impl {
  struct Entry {
    std::shared_ptr<const Caller> caller;  // null: no such token
    std::string name;
    bool refused = false;  // revoked, or its owner is disabled
    std::int64_t read_ms = 0, noted_ms = 0;
  };
  nats::Client* nats = nullptr;
  std::mutex mutex;
  std::unordered_map<std::string, Entry> entries;      // by hash
  std::unordered_map<std::string, std::int64_t> told;  // when, by what was told
  std::shared_ptr<AuditLog> audit;
  std::uint64_t changes = 0;
  std::unique_ptr<nats::Subscription> subscription;

  void forget(const std::string& token_id) {
    const std::lock_guard lock(mutex);
    ++changes;
    if (token_id.empty())
      entries.clear();
    else
      std::erase_if(entries, [&](const auto& e) {
        return e.second.caller && e.second.caller->by_api_token == token_id;
      });
  }
  bool telling_is_due(const std::string& what, std::int64_t every_ms = tell_every_ms) {
    const std::lock_guard lock(mutex);
    if (told.size() >= limits::api_token_entries) told.clear();
    auto& at = told[what];
    if (at != 0 && steady_ms() - at < every_ms) return false;
    at = steady_ms();
    return true;
  }
  bool use_is_due(const std::string& hash) {
    const std::lock_guard lock(mutex);
    const auto it = entries.find(hash);
    if (it == entries.end()) return true;
    if (steady_ms() - it->second.noted_ms < note_use_every_ms) return false;
    it->second.noted_ms = steady_ms();
    return true;
  }
};

ApiTokens::ApiTokens(nats::Client& nats, boost::asio::any_io_executor executor,
                     std::shared_ptr<AuditLog> audit)
    : impl_(std::make_shared<Impl>()) {
  impl_->nats = &nats;
  impl_->audit = std::move(audit);
  std::weak_ptr<Impl> weak = impl_;
  impl_->subscription =
      nats.subscribe(changed_subject, "", std::move(executor), [weak](nats::Message message) {
        if (const auto self = weak.lock()) self->forget(message.data);
      });
}
ApiTokens::~ApiTokens() = default;

Task<Caller> ApiTokens::verify(pg::Pool& pool, std::string token, std::string client_address) {
  return verify_hash(pool, crypto::sha256_hex(token), std::move(client_address));
}

Task<> ApiTokens::recheck(pg::Pool& pool, const Caller& caller, std::string client_address) {
  co_await verify_hash(pool, caller.api_token_hash, std::move(client_address));
}

Task<Caller> ApiTokens::verify_hash(pg::Pool& pool, std::string hash, std::string client_address) {
  auto& self = *impl_;
  std::shared_ptr<const Caller> caller;
  std::string name;
  bool known = false, refused = false;
  std::uint64_t seen = 0;
  {
    const std::lock_guard lock(self.mutex);
    seen = self.changes;
    const auto it = self.entries.find(hash);
    if (it != self.entries.end() && steady_ms() - it->second.read_ms < fresh_ms) {
      caller = it->second.caller;
      name = it->second.name;
      refused = it->second.refused;
      known = true;
    }
  }
  if (!known) {
    const auto rows = co_await pool.query(scope(), token_of_hash, pg::Params::of(hash));
    if (!rows.empty()) {
      auto found = caller_of(rows);
      found.api_token_hash = hash;
      caller = std::make_shared<const Caller>(std::move(found));
      name = std::string(rows.text(0, rows.column("name")));
      refused = rows.boolean(0, rows.column("refused"));
    }
    const std::lock_guard lock(self.mutex);
    if (seen == self.changes) {
      if (self.entries.size() >= limits::api_token_entries) self.entries.clear();
      auto& entry = self.entries[hash];
      entry.caller = caller;
      entry.name = name;
      entry.refused = refused;
      entry.read_ms = steady_ms();
    }
  }
  if (!caller) {
    co_await tell_unknown(std::move(client_address));
    throw unauthorized("Invalid token");
  }
  const bool expired = caller->expires_at_s != 0 && caller->expires_at_s <= now_ms() / 1000;
  co_await tell(*caller, std::move(name), refused || expired, client_address);
  if (refused) throw unauthorized("Invalid token");
  if (expired) throw unauthorized("Token expired");
  if (self.use_is_due(hash))
    co_await pool.query(scope(),
                        "UPDATE api_tokens SET last_used_at = now(), last_used_ip = "
                        "nullif($2, '')::inet WHERE id = $1",
                        pg::Params::of(caller->by_api_token, client_address));
  co_return *caller;
}

/// Whose it should be is not known, so it is the platform's event.
Task<> ApiTokens::tell_unknown(std::string client_address) {
  auto& self = *impl_;
  if (!self.audit || !self.telling_is_due("unknown " + client_address, tell_unknown_every_ms))
    co_return;
  const Caller nobody;
  auto event = AuditLog::security(nobody, client_address, "", "", "api_token.unknown", "refuse",
                                  "api_token", "", "A token that nobody has was refused");
  event.severity = "warning";
  co_await self.audit->record(std::move(event));
}

Task<> ApiTokens::tell(Caller caller, std::string name, bool refused, std::string client_address) {
  auto& self = *impl_;
  const std::string type = refused ? "api_token.refused" : "api_token.used";
  if (!self.audit || !self.telling_is_due(type + caller.by_api_token + client_address)) co_return;
  auto event = AuditLog::security(
      caller, client_address, "", caller.tenant_id, type, refused ? "refuse" : "use", "api_token",
      caller.by_api_token,
      "Token " + name + " of " + caller.username + (refused ? " was refused" : " was used"));
  event.entity_name = std::move(name);
  if (refused) event.severity = "warning";
  co_await self.audit->record(std::move(event));
}

void ApiTokens::changed(const std::string& token_id) {
  impl_->forget(token_id);
  impl_->nats->publish(changed_subject, token_id);
}

}  // namespace pulse::tenancy
