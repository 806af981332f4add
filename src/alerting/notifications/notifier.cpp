#include "alerting/notifications/notifier.hpp"

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <set>

#include "alerting/alert_events.hpp"
#include "alerting/notifications/channels.hpp"
#include "alerting/notifications/direct.hpp"
#include "alerting/notifications/jobs.hpp"
#include "alerting/notifications/outbound.hpp"
#include "alerting/notifications/people.hpp"
#include "platform/log.hpp"
#include "platform/loop.hpp"
#include "platform/pg/types.hpp"

namespace pulse::alerting::notifications {

namespace {

constexpr std::size_t events_at_once = 200;
constexpr int sends_at_once = 32;
constexpr long look_ms = 1'000;        // for what no word was heard of
constexpr long tell_pages_ms = 1'000;  // at most so often
constexpr long upkeep_ms = 10'000;
constexpr int forgotten_at_once = 500;

nats::ConsumerConfig consumer() {
  nats::ConsumerConfig c;
  c.stream = "ALERTS";
  c.durable = "notifier";
  c.ack_wait_ms = 30'000;
  return c;
}

}  // namespace

struct Notifier::Impl {
  Impl(boost::asio::any_io_executor e, pg::Pool& p, AlertingDeps d)
      : executor(std::move(e)), pool(p), deps(std::move(d)), send(send_deps(deps)), wake(executor) {
    word = deps.nats->subscribe(jobs_subject, "", executor, [this](nats::Message) { look(); });
  }

  boost::asio::any_io_executor executor;
  pg::Pool& pool;
  AlertingDeps deps;
  SendDeps send;
  boost::asio::steady_timer wake;
  std::unique_ptr<nats::Subscription> word;
  std::set<std::string> changed_tenants;
  std::int64_t told_pages_ms = 0;
  int under_way = 0;
  bool woken = false, stopping = false;
  std::atomic<int> running{0};

  void look() {
    woken = true;
    wake.cancel();
  }
  Task<> wait();
  void tell_open_pages();
  Task<> route_all(std::vector<Transition> transitions);
  Task<> route_one(Transition transition);
  Task<> keep_up();
  Task<SendResult> attempt(ClaimedJob job);
  Task<> work_on(ClaimedJob job);
};

namespace {

/// Nothing for what is no transition to tell of. What can't be read is found by the upkeep, which
/// looks at the alert itself.
std::optional<Transition> transition_of(std::string_view data, metrics::Registry& metrics) {
  try {
    const auto event = json::from_text<AlertEvent>(data);
    if (event.event == "SILENCED") return std::nullopt;
    Transition t;
    t.tenant_id = event.alert.tenant_id;
    t.alert_id = event.alert.alert_id;
    t.event_id = event.event_id;
    return t;
  } catch (const ValidationError&) {
    log::error("a message of the stream of alerts can't be read");
    metrics.count("pulse_alert_messages_unreadable_total",
                  "Messages of the stream of alerts that could not be read", {});
    return std::nullopt;
  }
}

}  // namespace

Task<> Notifier::Impl::wait() {
  if (!woken && !stopping) {
    wake.expires_after(std::chrono::milliseconds(look_ms));
    boost::system::error_code cancelled;
    co_await wake.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
  }
  woken = false;
}

void Notifier::Impl::tell_open_pages() {
  if (changed_tenants.empty() || steady_ms() - told_pages_ms < tell_pages_ms) return;
  for (const auto& tenant : changed_tenants) tell_pages(deps, tenant, "notification-jobs");
  changed_tenants.clear();
  told_pages_ms = steady_ms();
}

Task<SendResult> Notifier::Impl::attempt(ClaimedJob job) {
  Notice notice;
  static_cast<NoticeBody&>(notice) = json::from_value<NoticeBody>(job.payload_json);
  notice.idempotency_key = job.idempotency_key;
  notice.link = deps.ui_base + "/app/alerts";
  if (job.deliver_on_event == "SUMMARY")
    co_await fill_summary(pool, job.job_id, &notice);
  else
    notice.link += "?alert=" + std::to_string(notice.alert_id);
  if (job.over) co_return SendResult::refused("not sent: somebody has taken the alert");
  if (job.target) {
    auto address = text_in(*job.target, "address");
    if (text_in(*job.target, "kind") == "email")
      co_return co_await send_to_person(send, std::move(address), std::move(notice));
    if (const auto sealed = text_in(*job.target, "sealed"); !sealed.empty()) {
      bool opened = true;
      try {
        address = open_webhook(*deps.sealer, job.tenant_id, sealed);
      } catch (const crypto::Error&) {
        opened = false;
      }
      if (!opened) co_return SendResult::refused("the address can't be opened any more");
    }
    Config config{{"url", address}};
    if (auto wrong = webhook().fault(send, config); !wrong.empty())
      co_return SendResult::refused(wrong);
    co_return co_await webhook().send(send, std::move(config), std::move(notice));
  }
  const auto* sender = sender_of(*job.channel_type);
  if (!job.channel_enabled) co_return SendResult::refused("the channel is disabled");
  Config config;
  try {
    config = open_config(*deps.sealer, job.tenant_id, *job.sealed_config);
  } catch (const crypto::Error&) {
    co_return SendResult::refused("the channel's secrets can't be opened any more");
  }
  co_return co_await sender->send(send, std::move(config), std::move(notice));
}

Task<> Notifier::Impl::work_on(ClaimedJob job) {
  Attempt done;
  done.started = now();
  const auto begun = steady_ms();
  std::string problem;
  try {
    done.result = co_await attempt(job);
  } catch (const std::exception& e) {
    problem = e.what();
  }
  if (!problem.empty()) {
    log::error_throttled("a notification could not be tried", {{"error", problem}}, 10);
    done.result = SendResult::failed("it could not be tried");
  }
  done.finished = now();
  done.latency_ms = steady_ms() - begun;
  const std::string type = job.channel_type.value_or("direct");
  const char* outcome = done.result.ok ? "ok" : done.result.retry ? "retry" : "failed";
  deps.metrics->count("pulse_notifications_total", "Attempts to send notifications",
                      {{"type", type}, {"outcome", outcome}});
  deps.metrics->observe("pulse_notification_seconds", "Duration of sending a notification",
                        {{"type", type}}, static_cast<double>(done.latency_ms) / 1'000);
  const auto tenant = job.tenant_id;
  // What can't be written is tried again when the lease ends, with the same key.
  try {
    co_await finish_job(pool, std::move(job), std::move(done));
  } catch (const std::exception& e) {
    problem = e.what();
    log::error_throttled("a notification's result is not stored", {{"error", problem}}, 10);
  }
  changed_tenants.insert(tenant);
  --under_way;
  look();
}

Notifier::Notifier(boost::asio::any_io_executor executor, pg::Pool& pool, AlertingDeps deps)
    : impl_(std::make_shared<Impl>(std::move(executor), pool, std::move(deps))) {}
Notifier::~Notifier() = default;

void Notifier::stop() {
  impl_->stopping = true;
  impl_->look();
}
bool Notifier::running() const { return impl_->running > 0; }

/// Throws when nothing can be routed now. What is wrong with one transition holds up no other.
Task<> Notifier::Impl::route_all(std::vector<Transition> transitions) {
  if (transitions.empty()) co_return;
  int made = 0;
  bool one_by_one = false;
  std::string problem;
  try {
    made = co_await make_jobs(pool, transitions);
  } catch (const pg::Error& e) {
    if (e.unavailable()) throw;
    one_by_one = true;
    problem = e.what();
  }
  if (one_by_one) {
    log::error("alerts can't be routed together, trying each alone", {{"error", problem}});
    for (const auto& transition : transitions) co_await route_one(transition);
    co_return;
  }
  if (made == 0) co_return;
  deps.metrics->count("pulse_notification_jobs_total", "Notifications to send", {}, made);
  jobs_waiting(*deps.nats);
}

/// One that the database can't take is set aside; what fails otherwise is left to the upkeep, which
/// tries again.
Task<> Notifier::Impl::route_one(Transition transition) {
  int made = 0;
  bool poison = false;
  std::string problem;
  const std::vector<Transition> alone{transition};
  try {
    made = co_await make_jobs(pool, alone);
  } catch (const pg::Error& e) {
    if (e.unavailable()) throw;
    poison = e.data_fault();
    problem = e.what();
  }
  if (made > 0) {
    deps.metrics->count("pulse_notification_jobs_total", "Notifications to send", {}, made);
    jobs_waiting(*deps.nats);
  }
  if (problem.empty()) co_return;
  log::error(poison ? "an event of an alert can't be routed and is set aside"
                    : "an event of an alert can't be routed now",
             {{"tenant", transition.tenant_id},
              {"alert", transition.alert_id},
              {"event", transition.event_id},
              {"error", problem}});
  if (!poison) co_return;
  deps.metrics->count("pulse_alert_events_set_aside_total",
                      "Events of alerts that could not be routed", {});
  co_await set_aside(pool, transition, problem);
}

Task<> Notifier::route() {
  const auto impl = impl_;
  auto& self = *impl;
  ++self.running;
  bool ready = false;
  while (!ready && !self.stopping) {
    std::string problem;
    try {
      co_await self.deps.nats->ensure_consumer(consumer());
      ready = true;
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (ready) break;
    log::error_throttled("the stream of alerts is not ready, trying again", {{"error", problem}});
    co_await sleep_ms(250);
  }
  auto pull = self.deps.nats->pull(consumer(), self.executor);
  while (!self.stopping) {
    const auto messages = co_await pull->fetch(events_at_once, 500);
    std::vector<Transition> transitions;
    for (const auto& m : messages)
      if (auto t = transition_of(m.data, *self.deps.metrics)) transitions.push_back(std::move(*t));
    bool stored = false;
    while (!stored && !self.stopping) {
      std::string problem;
      try {
        co_await self.route_all(transitions);
        stored = true;
      } catch (const std::exception& e) {
        problem = e.what();
      }
      if (stored) break;
      log::error_throttled("alerts are not routed, trying again", {{"error", problem}}, 10);
      for (const auto& m : messages) pull->in_progress(m);
      co_await sleep_ms(500);
    }
    if (stored)
      for (const auto& m : messages) pull->ack(m);
  }
  pull->drop_pending();
  --self.running;
}

/// What no message tells of.
Task<> Notifier::Impl::keep_up() {
  auto forgotten = co_await forgotten_transitions(pool, forgotten_at_once);
  co_await route_all(std::move(forgotten));
  const int resolved = co_await resolve_summaries(pool);
  if (resolved > 0) jobs_waiting(*deps.nats);
  const auto waiting = co_await waiting_jobs(pool);
  std::map<metrics::Labels, double> jobs, oldest;
  for (const auto& w : waiting) {
    jobs[{{"type", w.type}}] = static_cast<double>(w.jobs);
    oldest[{{"type", w.type}}] = w.oldest_due_s;
  }
  deps.metrics->replace("pulse_notification_jobs_waiting",
                        "Notifications that wait or are under way, by type of channel", jobs);
  deps.metrics->replace("pulse_notification_oldest_due_seconds",
                        "How long the oldest notification that is due has been so", oldest);
}

Task<> Notifier::keep_up() {
  const auto impl = impl_;
  auto& self = *impl;
  ++self.running;
  for (auto due = steady_ms(); !self.stopping;) {
    co_await sleep_ms(100);
    if (steady_ms() < due) continue;
    std::string problem;
    try {
      co_await self.keep_up();
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (!problem.empty())
      log::error_throttled("upkeep of notifications failed, trying again", {{"error", problem}},
                           10);
    due = steady_ms() + upkeep_ms;
  }
  --self.running;
}

Task<> Notifier::deliver() {
  const auto impl = impl_;
  auto& self = *impl;
  ++self.running;
  while (!self.stopping || self.under_way > 0) {
    std::string problem;
    int claimed = 0;
    const int room = self.stopping ? 0 : sends_at_once - self.under_way;
    try {
      if (room > 0) {
        auto jobs = co_await claim_jobs(self.pool, room);
        claimed = static_cast<int>(jobs.size());
        self.under_way += claimed;
        for (auto& job : jobs)
          boost::asio::co_spawn(self.executor, self.work_on(std::move(job)), boost::asio::detached);
      }
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (!problem.empty()) {
      log::error_throttled("notifications can't be claimed, trying again", {{"error", problem}},
                           10);
      co_await sleep_ms(500);
    }
    self.tell_open_pages();
    if (self.stopping)
      co_await sleep_ms(20);
    else
      co_await self.wait();
  }
  --self.running;
}

}  // namespace pulse::alerting::notifications
