#include "connectivity/carrier.hpp"

#include <algorithm>
#include <charconv>

#include "platform/clock.hpp"
#include "platform/loop.hpp"

namespace pulse::connectivity {

namespace {

/// Our own words: libcurl's may repeat the address, which may carry the key.
std::string words_of(http::ClientError::Kind kind) {
  using Kind = http::ClientError::Kind;
  switch (kind) {
    case Kind::bad_url:
      return "its address is no URL";
    case Kind::resolve:
      return "its name has no address";
    case Kind::connect:
      return "nobody answers there";
    case Kind::forbidden:
      return "its address is not a public one";
    case Kind::tls:
      return "its certificate can't be verified";
    case Kind::timeout:
      return "no answer in time";
    case Kind::too_large:
      return "its answer is too large";
    default:
      return "the connection broke";
  }
}

bool listed(const CarrierAccess& access, const http::UrlParts& url) {
  const auto host = url.host + ":" + std::to_string(url.port);
  return std::find(access.private_hosts.begin(), access.private_hosts.end(), host) !=
         access.private_hosts.end();
}

/// What is too short to be a secret is left: it may be part of any word.
void hide(std::string& text, const std::string& secret) {
  if (secret.size() < 8) return;
  for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3))
    text.replace(at, secret.size(), "***");
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

}  // namespace

const Carrier& carrier_named(std::string_view name) {
  const auto wanted = lower(name);
  for (const Carrier* c : {&hologram(), &one_nce()})
    if (c->name == wanted) return *c;
  throw bad_request("Unsupported carrier provider");
}

std::vector<std::string> capabilities_of(const Carrier& carrier) {
  std::vector<std::string> out;
  const auto add = [&](bool there, const char* word) {
    if (there) out.emplace_back(word);
  };
  add(carrier.activate, "activate");
  add(carrier.suspend, "suspend");
  add(carrier.deactivate, "deactivate");
  add(carrier.send_sms, "reboot");
  add(carrier.diagnostics, "diagnostics");
  add(carrier.claim, "provision");
  add(carrier.plans, "plans");
  return out;
}

namespace {

constexpr long look_again_ms = 50;

/// A call that its integration may make now; given back at its end.
class Slot {
 public:
  Slot(std::shared_ptr<CallSlots> slots, std::int64_t id) : slots_(std::move(slots)), id_(id) {}
  ~Slot() { slots_->give_back(id_); }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;

 private:
  std::shared_ptr<CallSlots> slots_;
  std::int64_t id_;
};

/// Waits in line behind the integration's other calls, no longer than a call may take.
Task<> wait_for_slot(std::shared_ptr<CallSlots> slots, std::int64_t id, long timeout_ms) {
  const auto until = steady_ms() + timeout_ms;
  while (!slots->take(id)) {
    if (steady_ms() >= until)
      throw CarrierError(0, "Failed to reach carrier API: earlier calls have no answer yet");
    co_await sleep_ms(look_again_ms);
  }
}

}  // namespace

Task<boost::json::value> ask(CarrierCall call, std::string method, std::string target,
                             http::Headers headers, boost::json::value body) {
  std::string base = call.base_url;
  while (!base.empty() && base.back() == '/') base.pop_back();
  http::OutboundOptions options;
  options.headers = std::move(headers);
  options.headers.set("Accept", "application/json");
  options.timeout_ms = call.access->timeout_ms;
  options.connect_timeout_ms = std::min(5'000L, options.timeout_ms);
  options.max_response_bytes = 8 << 20;
  std::string text, trouble;
  if (!body.is_null()) {
    text = json::to_text(body);
    options.headers.set("Content-Type", "application/json");
  }
  co_await wait_for_slot(call.access->slots, call.integration_id, options.timeout_ms);
  const Slot slot(call.access->slots, call.integration_id);
  http::ClientResponse answer;
  try {
    const auto url = http::parse_url(base);
    options.allow_private = listed(*call.access, url);
    if (url.scheme != "https" && !options.allow_private)
      throw CarrierError(0, "Failed to reach carrier API: its address must begin with https");
    std::string whole = base + target;
    answer = co_await call.access->http->request(std::move(method), std::move(whole),
                                                 std::move(text), std::move(options));
  } catch (const http::ClientError& e) {
    trouble = words_of(e.kind);
  }
  if (!trouble.empty()) throw CarrierError(0, "Failed to reach carrier API: " + trouble);
  if (answer.status < 200 || answer.status > 299)
    throw CarrierError(answer.status, "Carrier API error: " + std::to_string(answer.status));
  if (answer.body.empty()) co_return boost::json::object();
  hide(answer.body, call.api_key);
  hide(answer.body, http::percent_encode(call.api_key));
  try {
    co_return json::parse_text(answer.body);
  } catch (const ValidationError&) {
    throw CarrierError(0, "Failed to reach carrier API: its answer is no JSON");
  }
}

void check_base_url(const CarrierAccess& access, const std::string& url) {
  http::UrlParts parts;
  try {
    parts = http::parse_url(url);
  } catch (const http::ClientError&) {
    throw bad_request("api_base_url is no URL");
  }
  if (url.find_first_of("?#") != std::string::npos)
    throw bad_request("api_base_url must have no query and no fragment");
  if (parts.scheme != "https" && !listed(access, parts))
    throw bad_request("api_base_url must begin with https");
}

std::string path_part(const std::string& id) {
  if (id.empty() || id == "." || id == "..") throw bad_request("No such device at the carrier");
  return http::percent_encode(id);
}

const boost::json::value* member(const boost::json::value& v,
                                 std::initializer_list<std::string_view> path) {
  const boost::json::value* at = &v;
  for (const auto name : path) {
    if (const auto* object = at->if_object()) {
      at = object->if_contains(name);
    } else if (const auto* array = at->if_array()) {
      std::size_t index = 0;
      const auto read = std::from_chars(name.data(), name.data() + name.size(), index);
      at = read.ec == std::errc{} && index < array->size() ? &(*array)[index] : nullptr;
    } else {
      at = nullptr;
    }
    if (!at) return nullptr;
  }
  return at;
}

Text text_at(const boost::json::value& v, std::initializer_list<std::string_view> path) {
  const auto* found = member(v, path);
  if (!found) return std::nullopt;
  if (const auto* s = found->if_string())
    return s->empty() ? std::nullopt : Text(std::string(s->data(), s->size()));
  if (found->is_int64() || found->is_uint64()) return json::to_text(*found);
  return std::nullopt;
}

std::optional<double> number_at(const boost::json::value& v,
                                std::initializer_list<std::string_view> path) {
  const auto* found = member(v, path);
  if (!found || !found->is_number()) return std::nullopt;
  return found->to_number<double>();
}

Text time_text(Text carriers) {
  if (!carriers) return std::nullopt;
  const auto t = parse_iso8601(*carriers);
  return t ? iso8601(*t) : *carriers;
}

Cycle current_cycle(int day) {
  using namespace std::chrono;
  const auto today = floor<days>(now().at);
  const year_month_day date(today);
  auto month = date.year() / date.month();
  const std::chrono::day first(static_cast<unsigned>(std::clamp(day, 1, 28)));
  if (date.day() < first) month -= months(1);
  Cycle out;
  out.start.at = sys_days(month / first);
  out.end.at = sys_days((month + months(1)) / first);
  return out;
}

}  // namespace pulse::connectivity
