#include "tenancy/token.hpp"

#include <cjose/cjose.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/json.hpp>
#include <mutex>

#include "platform/clock.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/errors.hpp"
#include "platform/limits.hpp"
#include "platform/log.hpp"
#include "platform/loop.hpp"

namespace pulse::tenancy {

namespace bj = boost::json;
namespace asio = boost::asio;

struct KeySet::Key {
  cjose_jwk_t* jwk = nullptr;
  std::string type;       ///< RSA or EC
  std::string algorithm;  ///< as the key says; may be empty
  ~Key() { cjose_jwk_release(jwk); }
};

struct KeySet::Impl : std::enable_shared_from_this<KeySet::Impl> {
  using Map = std::unordered_map<std::string, std::shared_ptr<const Key>>;
  FetchKeys fetch;
  std::int64_t ttl_ms = 0;
  std::mutex mutex;
  Map keys;
  bool ever = false;
  std::int64_t fetched_ms = 0, tried_ms = INT64_MIN / 2;
  bool fetching = false;

  static Map parse(const std::string& document);
  static Task<> refresh(std::shared_ptr<Impl> self);
};

namespace {

constexpr std::int64_t refresh_interval_ms = 10'000;
constexpr std::size_t token_bytes = 16 * 1024;

std::string text_of(const bj::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  return v && v->is_string() ? std::string(v->get_string()) : std::string();
}

std::optional<std::int64_t> number_of(const bj::object& o, std::string_view name, double below) {
  const auto* v = o.if_contains(name);
  if (!v || !v->is_number()) return std::nullopt;
  const double d = v->to_number<double>();
  if (!(d >= 0 && d < below)) return std::nullopt;
  return static_cast<std::int64_t>(d);
}

std::optional<std::int64_t> seconds_of(const bj::object& o, std::string_view name) {
  return number_of(o, name, 1e12);
}

std::optional<bj::object> json_part(std::string_view base64) {
  const auto bytes = crypto::from_base64(base64);
  if (!bytes) return std::nullopt;
  boost::system::error_code ec;
  auto value = bj::parse(*bytes, ec);
  if (ec || !value.is_object()) return std::nullopt;
  return std::move(value.as_object());
}

}  // namespace

KeySet::Impl::Map KeySet::Impl::parse(const std::string& document) {
  boost::system::error_code ec;
  const auto json = bj::parse(document, ec);
  if (ec || !json.is_object()) throw std::runtime_error("the JWKS document is no JSON object");
  const auto* list = json.as_object().if_contains("keys");
  if (!list || !list->is_array()) throw std::runtime_error("the JWKS document has no keys");
  Map out;
  for (const auto& item : list->get_array()) {
    if (!item.is_object()) continue;
    const auto& o = item.get_object();
    const auto type = text_of(o, "kty"), id = text_of(o, "kid"), use = text_of(o, "use");
    if (id.empty() || (type != "RSA" && type != "EC") || (!use.empty() && use != "sig")) continue;
    const auto text = bj::serialize(item);
    cjose_err error{};
    auto* jwk = cjose_jwk_import(text.data(), text.size(), &error);
    if (!jwk) continue;  // a kind of key that we can't use; its tokens are refused by key id
    auto key = std::make_shared<Key>();
    key->jwk = jwk;
    key->type = type;
    key->algorithm = text_of(o, "alg");
    out[id] = std::move(key);
  }
  return out;
}

/// One fetch at a time and at most every 10 s; failures leave the known keys in place.
Task<> KeySet::Impl::refresh(std::shared_ptr<Impl> self) {
  {
    const std::lock_guard lock(self->mutex);
    if (self->fetching || steady_ms() - self->tried_ms < refresh_interval_ms) co_return;
    self->fetching = true;
    self->tried_ms = steady_ms();
  }
  std::string problem;
  Map fresh;
  try {
    const auto document = co_await self->fetch();
    fresh = parse(document);
  } catch (const std::exception& e) {
    problem = e.what();
  }
  const std::lock_guard lock(self->mutex);
  self->fetching = false;
  if (!problem.empty()) {
    log::error_throttled("signing keys can't be fetched", {{"error", problem}});
    // Without any keys the next caller may try soon again.
    if (!self->ever) self->tried_ms = steady_ms() - refresh_interval_ms + 1'000;
    co_return;
  }
  self->keys = std::move(fresh);
  self->ever = true;
  self->fetched_ms = steady_ms();
}

KeySet::KeySet(FetchKeys fetch, long ttl_s) : impl_(std::make_shared<Impl>()) {
  impl_->fetch = std::move(fetch);
  impl_->ttl_ms = ttl_s * 1000;
}
KeySet::~KeySet() = default;

Task<std::shared_ptr<const KeySet::Key>> KeySet::find(std::string key_id) {
  auto& self = *impl_;
  const auto executor = co_await asio::this_coro::executor;
  // Twice: with what is known, and after a refresh (ours, or the one that another caller started).
  for (int attempt = 0; attempt < 2; ++attempt) {
    bool wait = false, old = false;
    std::shared_ptr<const Key> known;
    {
      const std::lock_guard lock(self.mutex);
      if (const auto it = self.keys.find(key_id); it != self.keys.end()) known = it->second;
      old = steady_ms() - self.fetched_ms > self.ttl_ms;
      wait = self.fetching;
    }
    if (known) {
      // It serves at once; when it is old, it is looked at again behind the caller's back.
      if (old && !wait) asio::co_spawn(executor, Impl::refresh(impl_), asio::detached);
      co_return known;
    }
    if (attempt > 0) break;
    if (!wait) co_await Impl::refresh(impl_);
    for (int i = 0; wait && i < 100; ++i) {
      co_await sleep_ms(20);
      const std::lock_guard lock(self.mutex);
      wait = self.fetching;
    }
  }
  const std::lock_guard lock(self.mutex);
  if (!self.ever) throw unavailable("Auth service unavailable");
  throw unauthorized("Unknown signing key");
}

TokenVerifier::TokenVerifier(std::shared_ptr<KeySet> keys, TokenRules rules)
    : keys_(std::move(keys)), rules_(std::move(rules)) {}

namespace {

void check_signature(const std::string& token, const KeySet::Key& key) {
  cjose_err error{};
  auto* jws = cjose_jws_import(token.data(), token.size(), &error);
  if (!jws) throw unauthorized("Invalid token");
  const bool good = cjose_jws_verify(jws, key.jwk, &error);
  cjose_jws_release(jws);
  if (!good) throw unauthorized("Invalid token");
}

bool has_audience(const bj::object& claims, const std::string& wanted) {
  const auto* aud = claims.if_contains("aud");
  if (!aud) return false;
  if (aud->is_string()) return aud->get_string() == wanted;
  if (!aud->is_array()) return false;
  for (const auto& a : aud->get_array())
    if (a.is_string() && a.get_string() == wanted) return true;
  return false;
}

Caller caller_of(const bj::object& claims) {
  Caller c;
  c.user_id = text_of(claims, "sub");
  c.username = text_of(claims, "preferred_username");
  c.email = text_of(claims, "email");
  c.session_id = text_of(claims, "sid");
  if (const auto* access = claims.if_contains("realm_access"); access && access->is_object())
    if (const auto* roles = access->get_object().if_contains("roles"); roles && roles->is_array())
      for (const auto& role : roles->get_array())
        if (role.is_string()) c.roles.emplace_back(role.get_string());
  if (const auto* organization = claims.if_contains("organization")) {
    c.organization = *organization;
    if (organization->is_object() && !organization->get_object().empty()) {
      c.tenant_id = std::string(organization->get_object().begin()->key());
    } else if (organization->is_array()) {
      for (const auto& item : organization->get_array())
        if (item.is_string() && c.tenant_id.empty()) c.tenant_id = std::string(item.get_string());
    }
  }
  if (c.tenant_id.empty()) c.tenant_id = text_of(claims, "tenant_id");
  return c;
}

}  // namespace

Task<Caller> TokenVerifier::verify(std::string token) {
  if (token.size() > token_bytes) throw unauthorized("Invalid token");
  const auto now_s = now_ms() / 1000;
  const auto hash = crypto::sha256(token);
  if (const auto it = verified_.find(hash); it != verified_.end()) {
    if (it->second.expires_at_s + rules_.leeway_s > now_s) co_return it->second;
    verified_.erase(it);
    throw unauthorized("Token expired");
  }
  const auto first = token.find('.');
  const auto second = first == std::string::npos ? first : token.find('.', first + 1);
  if (second == std::string::npos || token.find('.', second + 1) != std::string::npos)
    throw unauthorized("Invalid token");
  const auto header = json_part(std::string_view(token).substr(0, first));
  const auto claims = json_part(std::string_view(token).substr(first + 1, second - first - 1));
  if (!header || !claims) throw unauthorized("Invalid token");
  const auto algorithm = text_of(*header, "alg");
  if (algorithm != "RS256" && algorithm != "PS256" && algorithm != "ES256")
    throw unauthorized("Invalid token");
  // Extensions that we don't know must be refused (RFC 7515, 4.1.11).
  if (header->contains("crit")) throw unauthorized("Invalid token");
  const auto key = co_await keys_->find(text_of(*header, "kid"));
  // Only what the key is for: one that names no algorithm is for the usual one of its kind.
  const std::string usual = key->type == "EC" ? "ES256" : "RS256";
  if (algorithm != (key->algorithm.empty() ? usual : key->algorithm))
    throw unauthorized("Invalid token");
  check_signature(token, *key);
  const auto expires = seconds_of(*claims, "exp");
  if (!expires) throw unauthorized("Invalid token claims");
  if (*expires + rules_.leeway_s <= now_s) throw unauthorized("Token expired");
  const auto not_before = seconds_of(*claims, "nbf");
  if ((claims->contains("nbf") && !not_before) ||
      (not_before && *not_before > now_s + rules_.leeway_s) ||
      text_of(*claims, "iss") != rules_.issuer || !has_audience(*claims, rules_.audience))
    throw unauthorized("Invalid token claims");
  // An id token or a refresh token of the same issuer is no access token.
  const auto type = text_of(*claims, "typ");
  if (!type.empty() && type != "Bearer") throw unauthorized("Invalid token claims");
  Caller caller = caller_of(*claims);
  if (caller.user_id.empty()) throw unauthorized("Invalid token claims");
  caller.expires_at_s = *expires;
  // `iat` tells whole seconds; our own issuer adds the milliseconds, so that who signs in in the
  // second of a revocation is not refused.
  caller.issued_at_ms = seconds_of(*claims, "iat").value_or(0) * 1000;
  const auto exact = number_of(*claims, "iat_ms", 1e15);
  if (exact && *exact / 1000 * 1000 == caller.issued_at_ms) caller.issued_at_ms = *exact;
  if (verified_.size() >= limits::token_verify_entries) {
    std::erase_if(verified_, [&](const auto& e) { return e.second.expires_at_s <= now_s; });
    if (verified_.size() >= limits::token_verify_entries) verified_.clear();
  }
  verified_.emplace(hash, caller);
  co_return caller;
}

}  // namespace pulse::tenancy
