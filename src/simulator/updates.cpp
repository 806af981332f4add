#include "simulator/updates.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "platform/crypto/crypto.hpp"
#include "platform/loop.hpp"

namespace pulse::simulator {

namespace {

constexpr std::size_t longest_file = 64 * 1024 * 1024;
constexpr int tries = 3;

/// Downloads at once: a fleet of thousands must not take all ports of this machine.
http::ClientOptions downloads() {
  http::ClientOptions o;
  o.max_connections = 64;
  return o;
}

std::string text_of(const boost::json::object& message, std::string_view name) {
  const auto* value = message.if_contains(name);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

boost::json::object progress(const boost::json::object& message, std::string_view status,
                             int percent, const std::string& error = {}) {
  boost::json::object out{
      {"campaign_id", message.at("campaign_id")}, {"status", status}, {"progress", percent}};
  if (!error.empty()) out["error"] = error;
  return out;
}

}  // namespace

Updates::Updates(boost::asio::io_context& io, const Options& options, Counts& counts)
    : io_(io),
      options_(options),
      counts_(counts),
      client_(io.get_executor(), downloads()),
      luck_(hash_text("updates", options.seed)) {}

void Updates::begin(std::uint32_t device, const boost::json::object& message, Report report) {
  const auto* campaign = message.if_contains("campaign_id");
  if (!campaign || !campaign->is_int64()) return;
  if (!begun_.emplace(device, campaign->get_int64()).second) return;
  boost::asio::co_spawn(io_, carry_out(shared_from_this(), message, std::move(report)),
                        boost::asio::detached);
}

Task<std::pair<std::string, std::string>> Updates::download(std::string url) {
  std::pair<std::string, std::string> out;
  for (int left = tries; left > 0; --left) {
    http::ClientRequest request;
    request.url = url;
    request.timeout_ms = 300'000;
    request.max_response_bytes = longest_file;
    try {
      auto answer = co_await client_.request(std::move(request));
      if (answer.status == 200) {
        out.first = std::move(answer.body);
        out.second.clear();
        co_return out;
      }
      out.second = "download: status " + std::to_string(answer.status);
    } catch (const http::ClientError& e) {
      out.second = std::string("download: ") + e.what();
    }
    co_await sleep_ms(500);
  }
  co_return out;
}

Task<> Updates::carry_out(std::shared_ptr<Updates> self, boost::json::object message,
                          Report report) {
  const auto tell = [&](std::string_view status, int percent, const std::string& error = {}) {
    if (!self->stopped_) report(progress(message, status, percent, error));
  };
  const bool fails = self->luck_.uniform(0, 100) < self->options_.ota_fail;
  tell("DOWNLOADING", 0);
  auto file = co_await self->download(text_of(message, "firmware_url"));
  std::string problem = file.second;
  const auto checksum = text_of(message, "checksum");
  if (problem.empty() && !checksum.empty() && crypto::sha256_hex(file.first) != checksum)
    problem = "checksum mismatch";
  if (problem.empty()) {
    tell("INSTALLING", 80);
    co_await sleep_ms(static_cast<long>(self->luck_.uniform(100, 800)));
    if (fails) problem = "installation failed, as asked for";
  }
  ++(problem.empty() ? self->counts_.updates_done : self->counts_.updates_failed);
  if (problem.empty())
    tell("SUCCESS", 100);
  else
    tell("FAILED", 80, problem);
}

}  // namespace pulse::simulator
