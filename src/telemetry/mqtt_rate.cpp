#include "telemetry/mqtt_rate.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>

namespace pulse::telemetry {

namespace asio = boost::asio;

namespace {

/// What a message costs beyond its bytes while it waits.
constexpr std::size_t overhead_bytes = 256;

std::string key_of(const std::string& tenant, const std::string& device) {
  return tenant + "/" + device;
}

}  // namespace

/// A message in line. It leaves with the coroutine that waits, however that ends.
struct RateLines::Place {
  Place(std::shared_ptr<RateLines> all, std::string key_, const void* session_, std::size_t bytes_,
        asio::any_io_executor executor)
      : lines(std::move(all)),
        key(std::move(key_)),
        session(session_),
        bytes(bytes_),
        timer(std::move(executor)) {
    auto& line = lines->lines_[key];
    line.bytes += bytes;
    at = line.places.insert(line.places.end(), this);
  }
  ~Place() {
    const auto found = lines->lines_.find(key);
    auto& line = found->second;
    line.bytes -= bytes;
    line.places.erase(at);
    if (line.places.empty())
      lines->lines_.erase(found);
    else
      line.places.front()->timer.cancel();
  }
  Place(const Place&) = delete;

  bool first() const { return lines->lines_.find(key)->second.places.front() == this; }
  Task<> wait_until(asio::steady_timer::time_point due) {
    boost::system::error_code ignored;
    timer.expires_at(due);
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }

  std::shared_ptr<RateLines> lines;
  std::string key;
  const void* session;
  std::size_t bytes;
  asio::steady_timer timer;
  std::list<Place*>::iterator at;
  bool lost = false;
};

Task<bool> RateLines::pass(std::shared_ptr<RateLines> self, fleet::Credentials device,
                           const void* session, std::size_t bytes) {
  using Clock = asio::steady_timer::clock_type;
  auto key = key_of(device->tenant_id, device->device_id);
  std::optional<fleet::DeviceAuth::Pace> pace;
  if (const auto line = self->lines_.find(key); line == self->lines_.end()) {
    pace = self->auth_->reserve(*device);
    if (pace->counted && pace->wait_us == 0) co_return true;
  } else if (line->second.bytes + bytes + overhead_bytes > line_bytes_max) {
    co_return false;
  }
  const auto executor = co_await asio::this_coro::executor;
  Place place(self, std::move(key), session, bytes + overhead_bytes, executor);
  while (!place.lost && !place.first()) co_await place.wait_until(Clock::time_point::max());
  while (!place.lost) {
    if (!pace) pace = self->auth_->reserve(*device);
    const auto due = Clock::now() + std::chrono::microseconds(pace->wait_us);
    while (!place.lost && Clock::now() < due) co_await place.wait_until(due);
    if (pace->counted && place.lost) self->auth_->give_back(*device);
    if (pace->counted) co_return !place.lost;
    pace.reset();
  }
  co_return false;
}

void RateLines::lose(const std::string& tenant, const std::string& device, const void* session) {
  const auto line = lines_.find(key_of(tenant, device));
  if (line == lines_.end()) return;
  for (auto* place : line->second.places) {
    if (place->session != session) continue;
    place->lost = true;
    place->timer.cancel();
  }
}

}  // namespace pulse::telemetry
