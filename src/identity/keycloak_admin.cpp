#include "identity/keycloak_admin.hpp"

#include <algorithm>

#include "platform/clock.hpp"
#include "platform/errors.hpp"
#include "platform/http/message.hpp"
#include "platform/limits.hpp"
#include "platform/log.hpp"
#include "platform/loop.hpp"

namespace pulse::identity {

namespace {

constexpr long first_pause_ms = 100;  // doubled with each try

HttpError directory_unavailable() { return unavailable("Directory unavailable", 5); }

/// Whether a request that failed so can't have reached Keycloak.
bool never_left(http::ClientError::Kind kind) {
  using Kind = http::ClientError::Kind;
  return kind == Kind::connect || kind == Kind::resolve || kind == Kind::tls;
}

}  // namespace

std::string text_of(const boost::json::value& object, std::string_view name) {
  const auto* o = object.if_object();
  const auto* member = o ? o->if_contains(name) : nullptr;
  return member && member->is_string() ? std::string(member->get_string()) : std::string();
}

std::string KeycloakAnswer::complaint() const {
  // Faults of a profile: {"errors":[{"field":"email","errorMessage":"error-invalid-email"}]}.
  const auto* o = body.if_object();
  const auto* errors = o ? o->if_contains("errors") : nullptr;
  std::string out;
  if (errors && errors->is_array())
    for (const auto& error : errors->get_array())
      out += (out.empty() ? "" : "; ") + text_of(error, "field") + ": " +
             text_of(error, "errorMessage");
  if (out.empty() && !text_of(body, "field").empty())
    out = text_of(body, "field") + ": " + text_of(body, "errorMessage");
  for (const char* name : {"errorMessage", "error_description", "error"})
    if (out.empty()) out = text_of(body, name);
  return out.empty() ? "The directory refuses it" : out;
}

struct KeycloakAdmin::Request {
  Request() = default;
  std::string method, url, body, content_type, token;
  bool repeatable = true;
  int tries = 3;
  long timeout_ms = 5'000;
};

/// What became of a request: an answer, or status 0 and why there is none.
struct KeycloakAdmin::Outcome {
  Outcome() = default;
  int status = 0;
  std::string body, location, problem;
  bool left = false;      // may have reached Keycloak
  bool repeated = false;  // an earlier one may have
  bool failed() const { return status == 0 || status == 429 || status >= 500; }
};

KeycloakAdmin::KeycloakAdmin(KeycloakSettings settings)
    : settings_(std::move(settings)),
      client_(limits::directory_requests_at_once, limits::directory_requests_waiting) {}

Task<KeycloakAdmin::Outcome> KeycloakAdmin::send(Request request) {
  http::OutboundOptions options;
  options.allow_private = true;  // the directory is our operator's choice, often in our own network
  options.timeout_ms = request.timeout_ms;
  options.connect_timeout_ms = std::min(request.timeout_ms, 2'000L);
  options.max_response_bytes = limits::directory_answer_bytes;
  options.headers.add("Accept", "application/json");
  if (!request.content_type.empty()) options.headers.add("Content-Type", request.content_type);
  if (!request.token.empty()) options.headers.add("Authorization", "Bearer " + request.token);
  Outcome out;
  try {
    const auto answer =
        co_await client_.request(request.method, request.url, request.body, options);
    out.status = answer.status;
    out.body = answer.body;
    out.location = std::string(answer.headers.get("Location"));
    out.left = true;
  } catch (const http::ClientError& e) {
    out.problem = e.what();
    out.left = !never_left(e.kind);
  }
  co_return out;
}

Task<KeycloakAdmin::Outcome> KeycloakAdmin::attempt(Request request) {
  long pause = first_pause_ms;
  bool repeated = false;
  for (int number = 1;; ++number) {
    auto outcome = co_await send(request);
    outcome.repeated = repeated;
    const bool again = outcome.failed() && number < request.tries &&
                       (request.repeatable || !outcome.left || outcome.status == 429);
    if (!again) co_return outcome;
    repeated = repeated || outcome.left;
    co_await sleep_ms(pause);
    pause *= 3;
  }
}

std::string KeycloakAdmin::cached_token() {
  const std::lock_guard lock(mutex_);
  return steady_ms() < token_until_ ? token_ : std::string();
}

void KeycloakAdmin::forget_token(const std::string& token) {
  const std::lock_guard lock(mutex_);
  if (token_ == token) token_until_ = 0;
}

Task<std::string> KeycloakAdmin::token(const KeycloakCall& call) {
  if (settings_.client_secret.empty())
    throw unavailable("Directory is not set up: KEYCLOAK_SERVICE_CLIENT_SECRET is missing", 60);
  auto known = cached_token();
  if (!known.empty()) co_return known;
  Request request;
  request.method = "POST";
  request.url = settings_.base_url + "/realms/" + http::percent_encode(settings_.realm) +
                "/protocol/openid-connect/token";
  request.content_type = "application/x-www-form-urlencoded";
  request.body =
      "grant_type=client_credentials&client_id=" + http::percent_encode(settings_.client_id) +
      "&client_secret=" + http::percent_encode(settings_.client_secret);
  request.tries = call.tries;
  request.timeout_ms = call.timeout_ms > 0 ? call.timeout_ms : settings_.timeout_ms;
  const auto begun = steady_ms();
  const auto answer = co_await attempt(std::move(request));
  if (answer.failed()) {
    log::error_throttled("the directory gives no token",
                         {{"error", answer.problem}, {"status", answer.status}});
    throw directory_unavailable();
  }
  boost::system::error_code ec;
  const auto json = boost::json::parse(answer.body, ec);
  auto fresh = ec ? std::string() : text_of(json, "access_token");
  if (answer.status != 200 || fresh.empty()) {
    log::error_throttled("the directory refuses the service account",
                         {{"status", answer.status},
                          {"client_id", settings_.client_id},
                          {"error", ec ? std::string() : text_of(json, "error")}});
    throw HttpError(502, "Directory refuses Pulse's service account");
  }
  const auto* life = json.as_object().if_contains("expires_in");
  const std::int64_t seconds = life && life->is_int64() ? life->get_int64() : 60;
  const std::lock_guard lock(mutex_);
  token_ = fresh;
  // Renewed before it ends, so that a request under way is not refused for it.
  token_until_ = begun + std::max<std::int64_t>(seconds * 1000 - 20'000, seconds * 500);
  co_return fresh;
}

Task<KeycloakAnswer> KeycloakAdmin::call(KeycloakCall call) {
  Request request;
  request.method = call.method;
  request.url =
      settings_.base_url + "/admin/realms/" + http::percent_encode(settings_.realm) + call.path;
  if (call.has_body) {
    request.body = boost::json::serialize(call.body);
    request.content_type = "application/json";
  }
  request.repeatable = call.repeatable;
  request.tries = call.tries;
  request.timeout_ms = call.timeout_ms > 0 ? call.timeout_ms : settings_.timeout_ms;
  request.token = co_await token(call);
  auto outcome = co_await attempt(request);
  if (outcome.status == 401) {  // ended before its time, e.g. by a restart with new keys
    forget_token(request.token);
    request.token = co_await token(call);
    outcome = co_await attempt(request);
  }
  if (outcome.failed() || outcome.status == 401 || outcome.status == 403)
    log::error_throttled("the directory does not do what it is asked",
                         {{"error", outcome.problem},
                          {"status", outcome.status},
                          {"method", call.method},
                          {"path", call.path.substr(0, call.path.find('?'))}});
  if (outcome.status == 0 || outcome.status == 429 ||
      (outcome.status >= 502 && outcome.status <= 504))
    throw directory_unavailable();
  if (outcome.status >= 500) throw HttpError(502, call.failure);
  if (outcome.status == 401 || outcome.status == 403)
    throw HttpError(502, "Directory refuses Pulse's service account");
  KeycloakAnswer out;
  out.status = outcome.status;
  out.location = std::move(outcome.location);
  out.repeated = outcome.repeated;
  if (!outcome.body.empty()) {
    boost::system::error_code ec;
    out.body = boost::json::parse(outcome.body, ec);
    if (ec && out.ok()) throw HttpError(502, "Directory answers what it should not");
  }
  if (!out.ok() && out.status != 400 && out.status != 404 && out.status != 409)
    throw HttpError(502, "Directory answers what it should not");
  co_return out;
}

}  // namespace pulse::identity
