#include "gateway/alerting_loops.hpp"

#include <thread>

#include "gateway/settings.hpp"

namespace pulse::gateway {

namespace {
alerting::EvaluatorSettings evaluator_settings(const Config& config) {
  alerting::EvaluatorSettings s;
  s.replicas = static_cast<int>(config.integer("NATS_REPLICAS"));
  s.stream_max_bytes = (static_cast<std::int64_t>(config.integer("STREAM_MAX_MIB")) << 20) / 8;
  return s;
}
}  // namespace

EvaluatorLoop::EvaluatorLoop(Process& p)
    : loop_("evaluator"),
      pool_(loop_.io().get_executor(), pool_options(p.config, "pulse-evaluator")),
      outbox_(loop_.io().get_executor(), pool_, p.nats, p.metrics),
      evaluator_(loop_.io().get_executor(), pool_, p.nats, p.metrics,
                 evaluator_settings(p.config)) {
  loop_.spawn("alert outbox", outbox_.run());
  loop_.spawn("evaluator", evaluator_.run());
  loop_.start();
}

void EvaluatorLoop::stop() {
  loop_.post([this] {
    evaluator_.stop();
    outbox_.stop();
  });
  for (int i = 0; i < 500 && evaluator_.running(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  loop_.stop();
}

NotifierLoop::NotifierLoop(Process& p)
    : loop_("notifier"),
      pool_(loop_.io().get_executor(), pool_options(p.config, "pulse-notifier")),
      notifier_(loop_.io().get_executor(), pool_, alerting_deps(p)) {
  loop_.spawn("alert routing", notifier_.route());
  loop_.spawn("notifications", notifier_.deliver());
  loop_.spawn("notification upkeep", notifier_.keep_up());
  loop_.start();
}

void NotifierLoop::stop() {
  loop_.post([this] { notifier_.stop(); });
  // Sending takes ten seconds at most.
  for (int i = 0; i < 1'100 && notifier_.running(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  loop_.stop();
}

}  // namespace pulse::gateway
