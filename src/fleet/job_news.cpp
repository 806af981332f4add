#include <boost/asio/steady_timer.hpp>
#include <chrono>

#include "fleet/jobs.hpp"

namespace pulse::fleet {

void JobNews::moved(const std::string& tenant, const std::string& job_id) {
  const auto [it, quiet] = told_.try_emplace({tenant, job_id}, false);
  if (!quiet) {
    it->second = true;
    return;
  }
  nats_.publish("live." + tenant, R"({"type":"changed","what":"jobs"})");
  pause(it->first);
}

void JobNews::pause(const Key& key) {
  auto timer = std::make_shared<boost::asio::steady_timer>(executor_, std::chrono::seconds(1));
  timer->async_wait([self = shared_from_this(), timer, key](const boost::system::error_code& ec) {
    if (ec) return;
    const bool again = self->told_[key];
    self->told_.erase(key);
    if (again) self->moved(key.first, key.second);
  });
}

}  // namespace pulse::fleet
