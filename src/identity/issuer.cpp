#include "identity/issuer.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "platform/errors.hpp"
#include "platform/ids.hpp"
#include "platform/json/write.hpp"

namespace pulse::identity {

namespace {

constexpr int most_waiting = 64;

/// Keeps the number of those who wait right, also when the one who waits is destroyed.
class Waiting {
 public:
  explicit Waiting(std::atomic<int>& count) : count_(count), number_(++count) {}
  ~Waiting() { --count_; }
  Waiting(const Waiting&) = delete;
  bool too_many() const { return number_ > most_waiting; }

 private:
  std::atomic<int>& count_;
  int number_;
};

}  // namespace

PasswordWorkers::PasswordWorkers(int threads) : pool_(static_cast<std::size_t>(threads)) {}

Task<bool> PasswordWorkers::verify(std::string password, std::optional<std::string> hash) {
  std::call_once(made_, [&] { nobody_ = crypto::hash_password(crypto::random_token(16)); });
  const bool right = crypto::password_fits(password, hash.value_or(nobody_));
  co_return right&& hash.has_value();
}

Task<bool> PasswordWorkers::fits(std::string password, std::optional<std::string> hash) {
  const Waiting here(waiting_);
  if (here.too_many()) throw unavailable("Too many sign-ins at once");
  co_return co_await boost::asio::co_spawn(pool_.get_executor(),
                                           verify(std::move(password), std::move(hash)),
                                           boost::asio::use_awaitable);
}

namespace {
Task<std::string> hashed(std::string password) { co_return crypto::hash_password(password); }
}  // namespace

Task<std::string> PasswordWorkers::hash(std::string password) {
  const Waiting here(waiting_);
  if (here.too_many()) throw unavailable("Too many sign-ins at once");
  co_return co_await boost::asio::co_spawn(pool_.get_executor(), hashed(std::move(password)),
                                           boost::asio::use_awaitable);
}

Form::Form(std::string_view text) {
  while (!text.empty()) {
    const auto end = text.find('&');
    const auto field = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    const auto equals = field.find('=');
    const auto name = http::percent_decode(field.substr(0, equals), true);
    const auto value = equals == std::string_view::npos
                           ? std::optional<std::string>("")
                           : http::percent_decode(field.substr(equals + 1), true);
    if (name && value) fields_.emplace_back(*name, *value);
  }
}

std::string Form::get(std::string_view name) const {
  for (const auto& [key, value] : fields_)
    if (key == name) return value;
  return {};
}

std::string issuer_of(const IssuerSettings& s) { return s.base_url + "/realms/" + s.realm; }

std::string origin_of(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  const auto name = url.substr(0, scheme);
  if (name != "http" && name != "https") return {};
  const auto host = url.substr(scheme + 3);
  const auto authority = host.substr(0, host.find_first_of("/?#\\"));
  if (authority.empty() || authority.find('@') != std::string_view::npos) return {};
  return std::string(name) + "://" + std::string(authority);
}

bool may_redirect(const IssuerSettings& s, std::string_view url) {
  for (const char c : url)
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '\\') return false;
  const auto origin = origin_of(url);
  if (origin.empty()) return false;
  for (const auto& allowed : s.redirect_origins)
    if (origin == allowed) return true;
  if (!s.any_local_port) return false;
  const auto host = origin.substr(origin.find("://") + 3);
  const auto name = host.substr(0, host.find(':'));
  return name == "localhost" || name == "127.0.0.1";
}

bool pkce_fits(std::string_view verifier, std::string_view challenge) {
  return verifier.size() >= 43 && verifier.size() <= 128 &&
         crypto::equal(crypto::base64url(crypto::sha256(verifier)), challenge);
}

bool is_plain(std::string_view text) {
  for (const char c : text)
    if (c < 0x20 || c > 0x7e) return false;
  return true;
}

std::string granted_scope(std::string_view wanted) {
  std::string out = "openid";
  for (const std::string_view known : {"profile", "email", "organization"}) {
    for (std::string_view rest = wanted; !rest.empty();) {
      const auto end = rest.find(' ');
      const auto word = rest.substr(0, end);
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
      if (word != known) continue;
      out.append(" ").append(known);
      break;
    }
  }
  return out;
}

void add_profile(boost::json::object& c, const User& u) {
  c["preferred_username"] = u.username;
  if (u.email) {
    c["email"] = *u.email;
    c["email_verified"] = u.email_verified;
  }
  if (u.first_name) c["given_name"] = *u.first_name;
  if (u.last_name) c["family_name"] = *u.last_name;
  if (u.first_name || u.last_name)
    c["name"] = u.first_name.value_or("") + (u.first_name && u.last_name ? " " : "") +
                u.last_name.value_or("");
  if (u.tenant_id) {
    c["tenant_id"] = *u.tenant_id;
    c["organization"] = boost::json::object{{*u.tenant_id, {{"id", *u.tenant_id}}}};
  }
}

namespace {

boost::json::object identity_claims(const IssuerDeps& d, const SessionUser& who) {
  const auto& u = who.user;
  const auto at_ms = now_ms();
  const auto now_s = at_ms / 1000;
  boost::json::object c{{"iss", issuer_of(d.settings)},
                        {"aud", d.settings.client_id},
                        {"azp", d.settings.client_id},
                        {"sub", u.id},
                        {"sid", who.session_id},
                        {"session_state", who.session_id},
                        {"jti", uuid7()},
                        {"iat", now_s},
                        {"iat_ms", at_ms},
                        {"exp", now_s + d.settings.access_s}};
  add_profile(c, u);
  return c;
}

}  // namespace

TokenSet make_tokens(const IssuerDeps& d, const SessionUser& who, const std::string& scope,
                     const std::string& nonce) {
  auto access = identity_claims(d, who);
  boost::json::array roles;
  for (const auto& r : who.user.realm_roles) roles.emplace_back(r);
  access["typ"] = "Bearer";
  access["scope"] = scope;
  access["realm_access"] = boost::json::object{{"roles", std::move(roles)}};
  auto id = identity_claims(d, who);
  id["typ"] = "ID";
  id["auth_time"] = who.signed_in_s;
  if (!nonce.empty()) {
    id["nonce"] = nonce;
    access["nonce"] = nonce;
  }
  TokenSet out;
  out.access = d.keys->sign(json::to_text(access));
  out.id = d.keys->sign(json::to_text(id));
  return out;
}

Visitor visitor_of(const http::Request& request) {
  return {request.client_address, std::string(request.headers.get("User-Agent")),
          request.request_id};
}

Task<> note_security(IssuerDeps d, std::string event_type, std::string severity,
                     std::string message, const User* user, std::string name, Visitor from,
                     boost::json::object details) {
  if (!d.audit) co_return;
  tenancy::AuditEvent e;
  e.category = "security";
  e.severity = std::move(severity);
  e.action = event_type.substr(event_type.find('.') + 1);
  e.event_type = std::move(event_type);
  e.message = std::move(message);
  e.details = std::move(details);
  e.entity_type = "user";
  e.actor_type = "user";
  if (user) {
    e.tenant_id = user->tenant_id.value_or("");
    e.entity_id = e.actor_id = user->id;
    e.entity_name = e.actor_name = user->username;
  }
  // What was typed may be anything, and goes where only text can be.
  if (!name.empty()) e.details["name"] = can_be_name(name) ? name : "(unreadable)";
  e.ip_address = from.address;
  e.request_id = from.request_id;
  co_await d.audit->record(std::move(e));
}

namespace {

/// Counts a failure; the one that fills the measure is told as a lock, once.
Task<> failed(IssuerDeps d, std::optional<User> user, std::string name, std::string counted,
              Visitor from) {
  const User* who = user ? &*user : nullptr;
  // Counted before anything is waited for, so that tries side by side are counted one by one.
  d.failures_by_address->failed(from.address);
  d.failures_by_user->failed(counted);
  const bool user_locked = d.failures_by_user->blocked_for(counted) > 0;
  const bool address_locked = d.failures_by_address->blocked_for(from.address) > 0;
  co_await note_security(d, "auth.login_failed", "warning", "Sign-in failed", who, name, from);
  if (user_locked)
    co_await note_security(d, "auth.login_locked", "warning",
                           "Too many failed sign-ins of one user", who, name, from);
  if (address_locked)
    co_await note_security(d, "auth.login_locked", "warning",
                           "Too many failed sign-ins from one address", nullptr, name, from);
}

}  // namespace

Task<std::optional<User>> check_password(IssuerDeps d, std::string name, std::string password,
                                         Visitor from) {
  for (auto& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (const int wait = d.failures_by_address->blocked_for(from.address); wait > 0)
    throw too_many("Too many failed sign-ins", wait);
  auto user = co_await find_user(*d.pool, name);
  // One user has several spellings (name, email): they count together.
  const std::string counted = user ? user->id : name.substr(0, 320);
  if (const int wait = d.failures_by_user->blocked_for(counted); wait > 0)
    throw too_many("Too many failed sign-ins", wait);
  std::optional<std::string> hash;
  if (user && !password.empty() && password.size() <= 1024) hash = user->password_hash;
  const bool right = co_await d.passwords->fits(std::move(password), hash);
  if (right && user->enabled) co_return user;
  co_await failed(d, user, name, counted, from);
  co_return std::nullopt;
}

void mount(http::Router& router, IssuerDeps deps) {
  mount_authorization(router, deps);
  mount_passwords(router, deps);
  mount_tokens(router, deps);
  mount_documents(router, deps);
}

}  // namespace pulse::identity
