#include "identity/forms.hpp"

#include <charconv>

namespace pulse::identity {

namespace {

constexpr const char* login_cookie = "PULSE_LOGIN";
constexpr std::int64_t form_life_s = 1800;

std::string mac_of(const IssuerDeps& d, std::string_view purpose, std::string_view body,
                   std::string_view browser) {
  std::string text(purpose);
  text.append(".").append(body).append(".").append(browser);
  return crypto::hmac_sha256(d.settings.form_key, text);
}

}  // namespace

std::string realm_path(const IssuerSettings& s) { return "/realms/" + s.realm + "/"; }

std::string issuer_cookie(const IssuerDeps& d, std::string_view name, std::string_view value,
                          long age_s, bool http_only) {
  return http::set_cookie(name, value, age_s, http_only, "Lax", d.settings.secure_cookies,
                          realm_path(d.settings));
}

FormBrowser::FormBrowser(const http::Request& request)
    : id_(http::cookie(request.headers, login_cookie).value_or("")) {
  fresh_ = id_.size() < 20;
  if (fresh_) id_ = crypto::random_token(24);
}

std::string FormBrowser::seal(const IssuerDeps& d, std::string_view purpose,
                              std::string_view content) const {
  const auto body =
      crypto::base64url(content) + "." + std::to_string(now_ms() / 1000 + form_life_s);
  return body + "." + crypto::base64url(mac_of(d, purpose, body, id_));
}

std::optional<std::string> FormBrowser::open(const IssuerDeps& d, std::string_view purpose,
                                             const std::string& sealed) const {
  const auto dot = sealed.rfind('.');
  if (dot == std::string::npos || fresh_) return std::nullopt;
  const auto body = sealed.substr(0, dot);
  const auto mac = crypto::from_base64(std::string_view(sealed).substr(dot + 1));
  if (!mac || !crypto::equal(*mac, mac_of(d, purpose, body, id_))) return std::nullopt;
  const auto middle = body.find('.');
  std::int64_t ends = 0;
  std::from_chars(body.data() + middle + 1, body.data() + body.size(), ends);
  if (ends < now_ms() / 1000) return std::nullopt;
  return crypto::from_base64(std::string_view(body).substr(0, middle));
}

void FormBrowser::keep(const IssuerDeps& d, http::Response& response) const {
  if (fresh_) response.headers.add("Set-Cookie", issuer_cookie(d, login_cookie, id_, -1));
}

}  // namespace pulse::identity
