#include "gateway/edge.hpp"

#include <algorithm>

#include "platform/crypto/crypto.hpp"
#include "platform/http/address.hpp"
#include "platform/ids.hpp"

namespace pulse::gateway {

namespace {

constexpr std::string_view csrf_exempt[] = {
    "/ingest/",   "/health",    "/metrics", "/webhook/", "/.well-known/", "/api/v1/internal/",
    "/customer/", "/operator/", "/realms/", "/device/",  "/api/device/",  "/api/admin/"};

bool changes_state(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH" || method == "DELETE";
}

std::string given_or_new_id(const http::Request& request) {
  const auto given = request.headers.get("X-Request-ID");
  const bool plain = !given.empty() && given.size() <= 64 &&
                     std::all_of(given.begin(), given.end(), [](unsigned char c) {
                       return std::isalnum(c) || c == '-' || c == '_' || c == '.';
                     });
  return plain ? std::string(given) : uuid7();
}

/// The last address of X-Forwarded-For that is no trusted proxy; only trusted peers are believed.
void find_client(const EdgeSettings& s, http::Request& request) {
  if (const auto peer = http::plain_address(request.peer_address)) request.client_address = *peer;
  if (s.trusted_proxies.empty() || !tenancy::in_any(s.trusted_proxies, request.peer_address))
    return;
  if (http::iequals(request.headers.get("X-Forwarded-Proto"), "https")) request.secure = true;
  std::string_view list = request.headers.get("X-Forwarded-For");
  while (!list.empty()) {
    const auto comma = list.rfind(',');
    auto last = comma == std::string_view::npos ? list : list.substr(comma + 1);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(0, comma);
    while (!last.empty() && last.front() == ' ') last.remove_prefix(1);
    while (!last.empty() && last.back() == ' ') last.remove_suffix(1);
    if (last.empty()) continue;
    // What is no address ("unknown", a made-up name) says nothing, and nothing before it is
    // believed.
    const auto address = http::plain_address(last);
    if (!address) return;
    request.client_address = *address;
    if (!tenancy::in_any(s.trusted_proxies, request.client_address)) return;
  }
}

bool needs_csrf(std::string_view method, std::string_view path) {
  if (!changes_state(method)) return false;
  for (const auto prefix : csrf_exempt)
    if (path.starts_with(prefix)) return false;
  return true;
}

bool csrf_passes(const http::Request& request) {
  if (!needs_csrf(request.method, request.path)) return true;
  // A browser never adds this header by itself, so what carries it was meant.
  if (request.headers.get("Authorization").starts_with("Bearer ")) return true;
  const auto cookie = http::cookie(request.headers, "csrf_token");
  return cookie && !cookie->empty() && crypto::equal(*cookie, request.headers.get("X-CSRF-Token"));
}

void add_cors(const EdgeSettings& s, const http::Request& request, http::Response& response) {
  const auto origin = request.headers.get("Origin");
  if (origin.empty()) return;
  if (std::find(s.cors_origins.begin(), s.cors_origins.end(), origin) == s.cors_origins.end())
    return;
  response.headers.set("Access-Control-Allow-Origin", std::string(origin));
  response.headers.set("Access-Control-Allow-Credentials", "true");
  response.headers.set("Access-Control-Expose-Headers",
                       "X-Request-ID, X-CSRF-Token, Retry-After, ETag");
  response.headers.add("Vary", "Origin");
}

http::Response preflight(const EdgeSettings& s, const http::Request& request) {
  http::Response r;
  r.status = 204;
  add_cors(s, request, r);
  if (r.headers.find("Access-Control-Allow-Origin")) {
    r.headers.add("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS");
    r.headers.add("Access-Control-Allow-Headers",
                  "Authorization, Content-Type, If-Match, X-CSRF-Token, X-Request-ID, "
                  "X-Tenant-ID");
    r.headers.add("Access-Control-Max-Age", "600");
  }
  return r;
}

void add_security(const EdgeSettings& s, http::Response& response) {
  response.headers.set("X-Content-Type-Options", "nosniff");
  response.headers.set("Referrer-Policy", "strict-origin-when-cross-origin");
  if (!response.headers.find("Content-Security-Policy"))
    response.headers.set(
        "Content-Security-Policy",
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "font-src 'self' data:; connect-src 'self'" +
            s.connect_sources +
            "; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; "
            "frame-ancestors 'none'");
  if (s.secure_cookies)
    response.headers.set("Strict-Transport-Security", "max-age=31536000; includeSubDomains");
}

void add_csrf(const EdgeSettings& s, const http::Request& request, http::Response& response) {
  if (request.method != "GET" && request.method != "HEAD") return;
  // Assets are cached by browsers and proxies: no caller's token belongs into them.
  if (request.path.starts_with("/app/assets/")) return;
  auto token = http::cookie(request.headers, "csrf_token").value_or("");
  if (token.size() < 20 || token.size() > 100) {
    token = crypto::random_token(24);
    response.headers.add(
        "Set-Cookie", http::set_cookie("csrf_token", token, -1, true, "Strict", s.secure_cookies));
  }
  response.headers.set("X-CSRF-Token", token);
}

/// Devices need none of what protects browsers, and send most requests.
bool for_devices(std::string_view path) { return path.starts_with("/ingest/"); }

http::Response detail(int status, const std::string& text) {
  return http::Response::json(status, "{\"detail\":\"" + text + "\"}");
}

/// What every answer gets on its way out.
void complete(const EdgeSettings& s, const http::Request& request, http::Response& response) {
  response.headers.set("X-Request-ID", request.request_id);
  if (for_devices(request.path)) return;
  if (response.status == 401 && request.method == "GET" &&
      request.headers.get("Accept").find("text/html") != std::string_view::npos)
    response = http::Response::redirect("/").with("X-Request-ID", request.request_id);
  add_cors(s, request, response);
  add_security(s, response);
  add_csrf(s, request, response);
}

}  // namespace

Task<std::optional<http::Response>> admit_at_edge(const EdgeSettings& s, http::Router& router,
                                                  http::Request& head) {
  head.request_id = given_or_new_id(head);
  find_client(s, head);
  std::optional<http::Response> answer;
  if (head.method == "OPTIONS" && head.headers.find("Access-Control-Request-Method")) {
    answer = preflight(s, head);
  } else if (!csrf_passes(head)) {
    answer = detail(403, "CSRF token missing or invalid");
  } else {
    answer = co_await router.admit(head);
  }
  if (answer) complete(s, head, *answer);
  co_return answer;
}

Task<http::Response> serve_at_edge(const EdgeSettings& s, http::Router& router,
                                   http::Request& request) {
  auto response = co_await router.handle(request);
  complete(s, request, response);
  co_return response;
}

void describe_edge(const http::EndpointSpec& spec, boost::json::object& responses) {
  const bool device = for_devices(spec.pattern);
  // A page without its session goes home, where people sign in.
  if (spec.method == "GET" && responses.contains("401") && !device && !responses.contains("302")) {
    boost::json::object home{{"description", "A browser's page (Accept: text/html) gets no 401"}};
    http::add_header(home, "Location");
    responses["302"] = std::move(home);
  }
  if (needs_csrf(spec.method, spec.pattern)) {
    constexpr std::string_view words = "CSRF token missing or invalid";
    auto& refused = responses["403"];
    if (!refused.is_object()) {
      refused = responses.at("500");  // the same shape
      refused.as_object()["description"] = words;
    } else {
      auto& told = refused.as_object()["description"];
      told = std::string(told.as_string()) + "; " + std::string(words);
    }
  }
  for (auto& [status, answer] : responses) {
    // A body that is too large is refused before anything of the request is read.
    if (status == "413" || status == "101") continue;
    auto& said = answer.as_object();
    http::add_header(said, "X-Request-ID");
    if (spec.method == "GET" && !device) http::add_header(said, "X-CSRF-Token");
    if (spec.access != http::Access::open && (status.starts_with("2") || status == "429"))
      for (const auto name : {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"})
        http::add_header(said, name);
  }
}

}  // namespace pulse::gateway
