#include "simulator/simulate.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <queue>
#include <stdexcept>

#include "platform/clock.hpp"
#include "platform/loop.hpp"
#include "simulator/fleet.hpp"
#include "simulator/report.hpp"
#include "simulator/senders.hpp"

namespace pulse::simulator {

namespace asio = boost::asio;

namespace {

/// Decides who speaks when.
class Simulation {
 public:
  Simulation(asio::io_context& io, const Options& options, std::vector<Device> devices)
      : options_(options),
        fleet_(std::move(devices), options, now_ms()),
        ledger_(fleet_, options.acked_log),
        http_(io, fleet_, ledger_, options),
        mqtt_(io, fleet_, ledger_, options) {
    if (options.rate) return;
    // Devices do not start at once: each at a random moment of its first interval.
    Rng rng(options.seed);
    for (std::uint32_t i = 0; i < fleet_.devices().size(); ++i)
      due_.push({steady_ms() + static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(
                                   fleet_.device(i).profile->interval_ms))),
                 i});
  }

  Task<> run(const bool& stop) {
    started_ = steady_ms();
    last_progress_ = started_;
    const auto end = options_.duration_s > 0
                         ? started_ + static_cast<std::int64_t>(options_.duration_s * 1'000)
                         : INT64_MAX;
    while (!stop && steady_ms() < end) {
      options_.rate ? by_rate() : by_interval();
      http_.flush();
      progress();
      co_await sleep_ms(2);
    }
    sent_until_ = steady_ms();
    const auto drained = sent_until_ + static_cast<std::int64_t>(options_.drain_s * 1'000);
    while (held() > 0 && steady_ms() < drained) {
      http_.flush(true);
      progress();
      co_await sleep_ms(2);
    }
    http_.abandon();
    mqtt_.abandon();
    co_await mqtt_.disconnect();
  }

  Report report() const {
    return {ledger_.counts, ledger_.latency,
            static_cast<double>((sent_until_ ? sent_until_ : steady_ms()) - started_) / 1'000.0};
  }

 private:
  std::size_t held() const { return http_.held() + mqtt_.held(); }
  bool ready(std::uint32_t index) const {
    return fleet_.device(index).by_mqtt ? mqtt_.ready() : http_.ready();
  }
  void speak(std::uint32_t index) {
    Outgoing message = fleet_.next(index, now_ms());
    if (fleet_.device(index).by_mqtt) {
      mqtt_.send(std::move(message));
    } else {
      http_.send(std::move(message));
    }
  }

  /// In turn, so many a second in all.
  void by_rate() {
    const auto now = steady_us();
    if (pace_from_ == 0) pace_from_ = now;
    const double rate = *options_.rate;
    // What could not be sent for a second is not made up for: a stall is followed by the rate, not
    // by a flood.
    const double due = rate > 0 ? rate * static_cast<double>(now - pace_from_) / 1e6 : 1e18;
    if (rate > 0 && due - paced_ > std::max(rate, 1.0)) paced_ = due - std::max(rate, 1.0);
    const auto n = static_cast<std::uint32_t>(fleet_.devices().size());
    std::uint32_t passed_over = 0;
    for (std::size_t steps = 0; paced_ + 1 <= due && passed_over < n && steps < 20'000; ++steps) {
      if (!ready(turn_) || fleet_.silent(turn_, now / 1'000)) {
        ++passed_over;
        turn_ = (turn_ + 1) % n;
        continue;
      }
      passed_over = 0;
      speak(turn_);
      paced_ += 1;
      if (fleet_.device(turn_).burst_left == 0) turn_ = (turn_ + 1) % n;
    }
  }

  /// Each device at its profile's interval.
  void by_interval() {
    const auto now = steady_ms();
    while (!due_.empty() && due_.top().first <= now) {
      const auto [when, index] = due_.top();
      if (!ready(index)) return;
      due_.pop();
      const auto& device = fleet_.device(index);
      if (!fleet_.silent(index, now)) speak(index);
      // A burst is what was kept back: ten milliseconds apart. A late device does not catch up.
      const auto pause = device.burst_left > 0 ? 10 : device.profile->interval_ms;
      due_.push({std::max(when + pause, now - 1'000), index});
    }
  }

  void progress() {
    const auto now = steady_ms();
    // Often at first, rarely in a long run.
    if (now - last_progress_ < (now - started_ < 60'000 ? 5'000 : 60'000)) return;
    const auto& c = ledger_.counts;
    std::fprintf(stderr,
                 "%6.0f s  sent %llu  acknowledged %llu (%.0f/s)  refused %llu  in flight %zu  "
                 "mqtt %zu  p50 %.1f ms  p99 %.1f ms\n",
                 static_cast<double>(now - started_) / 1'000.0,
                 static_cast<unsigned long long>(c.sent),
                 static_cast<unsigned long long>(c.acknowledged),
                 static_cast<double>(c.acknowledged - acknowledged_before_) * 1'000.0 /
                     static_cast<double>(now - last_progress_),
                 static_cast<unsigned long long>(c.refused_in_all()), held(), mqtt_.connected(),
                 static_cast<double>(ledger_.recent.quantile(0.5)) / 1'000.0,
                 static_cast<double>(ledger_.recent.quantile(0.99)) / 1'000.0);
    std::fflush(stderr);
    acknowledged_before_ = c.acknowledged;
    ledger_.recent.clear();
    last_progress_ = now;
  }

  const Options& options_;
  Fleet fleet_;
  Ledger ledger_;
  HttpSender http_;
  MqttSender mqtt_;
  using Due = std::pair<std::int64_t, std::uint32_t>;  // steady ms, device
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::int64_t pace_from_ = 0;
  double paced_ = 0;
  std::uint32_t turn_ = 0;
  std::int64_t started_ = 0, sent_until_ = 0, last_progress_ = 0;
  std::uint64_t acknowledged_before_ = 0;
};

}  // namespace

int run(const Options& options) {
  std::ifstream file(options.devices_file);
  if (!file) throw std::runtime_error("--devices-file: " + options.devices_file + " can't be read");
  auto devices = Fleet::pick(Fleet::read(file), options.profile, options.devices);

  asio::io_context io(1);
  bool stop = false;
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](boost::system::error_code ec, int) { stop = stop || !ec; });
  Simulation simulation(io, options, std::move(devices));
  std::exception_ptr fault;
  asio::co_spawn(io, simulation.run(stop), [&](std::exception_ptr error) {
    fault = error;
    io.stop();
  });
  io.run();
  if (fault) std::rethrow_exception(fault);

  const Report report = simulation.report();
  const auto text = options.report == ReportFormat::json ? report.json() : report.text();
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  return report.counts.sent > 0 && report.counts.acknowledged + report.counts.unconfirmed == 0;
}

}  // namespace pulse::simulator
