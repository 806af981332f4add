// The twin for its device, by HTTP.
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "fleet/device_api.hpp"
#include "fleet/device_mounts.hpp"
#include "fleet/documents.hpp"
#include "fleet/twin.hpp"

namespace pulse::fleet {

namespace {

struct DeviceShadow {
  boost::json::object desired;
  std::int64_t version = 0;
};
BOOST_DESCRIBE_STRUCT(DeviceShadow, (), (desired, version))

struct ShadowQuery {
  std::int64_t wait = 0;
};
BOOST_DESCRIBE_STRUCT(ShadowQuery, (), (wait))
inline auto constraints(json::As<ShadowQuery>) {
  return json::rules<ShadowQuery>()
      .range(&ShadowQuery::wait, 0, 60)
      .describe(&ShadowQuery::wait,
                "Seconds to wait for a version other than that of If-None-Match");
}

struct ReportedUpdate {
  boost::json::object reported;
  std::int32_t version = 0;
};
BOOST_DESCRIBE_STRUCT(ReportedUpdate, (), (reported, version))
struct ReportedAnswer {
  bool accepted = true;
  std::int64_t version = 0;  ///< that Pulse holds now: a newer one than was sent stays
};
BOOST_DESCRIBE_STRUCT(ReportedAnswer, (), (accepted, version))

/// Wakes one request when the device's desired document changes.
class DesiredNews {
 public:
  DesiredNews(const DeviceApiDeps& d, const DeviceCaller& device,
              boost::asio::any_io_executor executor)
      : timer_(std::make_shared<boost::asio::steady_timer>(executor)),
        came_(std::make_shared<bool>(false)),
        subscription_(
            d.nats->subscribe(to_device_subject(device.tenant, device.device, "shadow/desired"), "",
                              executor, [timer = timer_, came = came_](nats::Message) {
                                *came = true;
                                timer->cancel();
                              })) {}
  /// Until there are news, at most `ms`.
  Task<> wait(long ms) {
    if (*came_) co_return;
    timer_->expires_after(std::chrono::milliseconds(ms));
    boost::system::error_code ec;
    co_await timer_->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ec));
  }
  /// Whether there were any; forgets them.
  bool take() { return std::exchange(*came_, false); }

 private:
  std::shared_ptr<boost::asio::steady_timer> timer_;
  std::shared_ptr<bool> came_;
  std::unique_ptr<nats::Subscription> subscription_;
};

Task<Twin> twin_of(DeviceCaller device) {
  auto twin = co_await find_twin(device.db, device.device);
  if (!twin) throw not_found("Device not found");
  co_return std::move(*twin);
}

/// Whether an If-None-Match header (RFC 9110, section 13.1.2) names the version.
bool names_version(std::string_view header, std::int64_t version) {
  const auto digits = std::to_string(version);
  return http::lists(header, "\"" + digits + "\"") || http::lists(header, "W/\"" + digits + "\"") ||
         http::lists(header, digits);
}

Task<http::Response> get_shadow(DeviceApiDeps d, http::Raw request,
                                http::Query<ShadowQuery> query) {
  const auto device = co_await device_caller(d, request);
  const std::string known(request->headers.get("If-None-Match"));
  // Who waits listens before the first look, so that no change falls between.
  const auto executor = co_await boost::asio::this_coro::executor;
  std::unique_ptr<DesiredNews> news;
  if (query->wait > 0) news = std::make_unique<DesiredNews>(d, device, executor);
  const auto until = steady_ms() + query->wait * 1'000;
  auto twin = co_await twin_of(device);
  while (news && names_version(known, twin.desired_version) && !d.stopping()) {
    const auto left = until - steady_ms();
    if (left <= 0) {
      // What was told while NATS was away is in the table.
      twin = co_await twin_of(device);
      break;
    }
    co_await news->wait(std::min<long>(left, 1'000));  // a stopping process waits for nobody
    if (news->take()) twin = co_await twin_of(device);
  }
  const std::string etag = "\"" + std::to_string(twin.desired_version) + "\"";
  http::Response out;
  if (names_version(known, twin.desired_version)) {
    out.status = 304;
  } else {
    DeviceShadow body;
    body.desired = std::move(twin.desired);
    body.version = twin.desired_version;
    out = http::Response::json(200, json::to_text(body));
  }
  out.headers.add("ETag", etag);
  co_return out;
}

/// The body of a report. Throws HttpError 400 naming what is wrong.
ReportedUpdate read_reported(const http::Request& request) {
  http::require_json(request);
  try {
    return json::from_text<ReportedUpdate>(request.body);
  } catch (const ValidationError& e) {
    const auto& fault = e.faults.front();
    throw bad_request((fault.loc.size() > 1 ? fault.loc[1] + " " : "body ") + fault.msg);
  }
}

Task<ReportedAnswer> post_reported(DeviceApiDeps d, http::Raw request) {
  const auto device = co_await device_caller(d, request);
  const auto update = read_reported(*request.request);
  if (update.version < 0) throw bad_request("version must not be negative");
  ReportedState state;
  state.tenant_id = device.tenant;
  state.device_id = device.device;
  state.document = checked_document(update.reported, "reported");
  state.version = update.version;
  state.received_ms = now_ms();
  std::vector<ReportedState> states;
  states.push_back(std::move(state));
  auto statements = report_statements(states, "http");
  statements.emplace_back("SELECT reported_version FROM device_state WHERE device_id = $1",
                          pg::Params::of(device.device));
  const auto results = co_await device.db.batch(std::move(statements));
  if (results.back().empty()) throw not_found("Device not found");
  if (results[1].rows() > 0) tell_twin(*d.nats, device.tenant, device.device);
  ReportedAnswer out;
  out.version = results.back().int64(0, 0);
  co_return out;
}

}  // namespace

void mount_device_shadow(http::Router& api, const DeviceApiDeps& d) {
  by_device(api.get("/device/v1/shadow", http::bound(d, get_shadow)))
      .summary("What this device should be")
      .description(
          "With `If-None-Match` of the version that the device knows and `wait`, answers "
          "as soon as there is another one, or 304.")
      .header("If-None-Match", "The version that the device knows, e.g. \"42\"")
      .returns<DeviceShadow>()
      .also(304, "The version is the one of If-None-Match")
      .fails(404, "Device not found");
  by_device(api.post("/device/v1/shadow/reported", http::bound(d, post_reported)))
      .summary("Tell what this device is")
      .description(
          "`version` is the desired version that it has applied. An older one than "
          "Pulse holds changes nothing.")
      .body<ReportedUpdate>()
      .max_body(64 * 1024)
      .fails(400, "version must be an integer")
      .fails(404, "Device not found")
      .fails(413, "reported must have at most 16384 bytes of JSON")
      .example({{"reported", {{"interval_seconds", 60}}}, {"version", 1}});
}

}  // namespace pulse::fleet
