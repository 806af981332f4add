#include "telemetry/report_worker.hpp"

#include <atomic>

#include "platform/clock.hpp"
#include "platform/json/write.hpp"
#include "platform/log.hpp"
#include "platform/loop.hpp"
#include "telemetry/ingest_routes.hpp"
#include "telemetry/ingest_store.hpp"
#include "telemetry/processed_purge.hpp"

namespace pulse::telemetry {

namespace {

constexpr std::size_t batch_size = 500;
/// A fault that is not PostgreSQL's verdict on the data may pass; after so many tries it does not.
constexpr std::uint64_t most_deliveries = 5;
constexpr std::int64_t settings_ms = 3'000;

/// A message that was pulled: what could be read of it, or why not.
JudgedMessage open_report(const nats::Delivered& message, const PayloadLimits& limits) {
  JudgedMessage out;
  out.stream_seq = message.stream_sequence;
  auto value = parse_json(message.data, {}, envelope_depth);
  if (!value) {
    out.reason = "INVALID_JSON";
    return out;
  }
  out.json = std::move(*value);
  auto& e = out.envelope;
  if (!open_envelope(out.json, e)) {
    out.reason = "BAD_ENVELOPE";
    return out;
  }
  const std::string expected = "tenant/" + std::string(e.tenant_id) + "/device/" +
                               std::string(e.device_id) + "/" + std::string(e.msg_type);
  if (e.topic != expected || !json::matches_identifier(e.tenant_id) ||
      !json::matches_identifier(e.device_id)) {
    out.reason = "BAD_TOPIC_FORMAT";
  } else if (!e.payload || !e.payload->is_object()) {
    out.reason = "INVALID_JSON";
  } else if (payload_bytes_of(message.data) > limits.payload_bytes) {
    out.reason = "PAYLOAD_TOO_LARGE";
  } else {
    // Who did not prove who it is says where it stands, as with telemetry.
    const auto* site = e.payload->get_object().if_contains("site_id");
    if (site && site->is_string())
      out.payload.site_id = std::string_view(site->get_string().data(), site->get_string().size());
  }
  return out;
}

Refused refusal(const JudgedMessage& m, std::string reason) {
  const auto& e = m.envelope;
  Refused r;
  r.tenant_id = fit_for_text(e.tenant_id);
  r.device_id = fit_for_text(e.device_id);
  r.site_id = fit_for_text(m.payload.site_id.value_or(""));
  r.msg_type = fit_for_text(e.msg_type);
  r.topic = fit_for_text(e.topic);
  r.reason = std::move(reason);
  r.payload_json = fit_for_jsonb(m.masked_payload());
  r.received_ms = e.received_ms != 0 ? e.received_ms : now_ms();
  r.stream_seq = m.stream_seq;
  return r;
}

}  // namespace

struct ReportWorker::Impl {
  Impl(boost::asio::any_io_executor e, pg::Pool& p, nats::Client& n, metrics::Registry& m,
       ReportStream s, fleet::ReportHandlers h, IngestSettings settings_)
      : executor(std::move(e)),
        pool(p),
        nats(n),
        metrics(m),
        stream(std::move(s)),
        handlers(std::move(h)),
        settings(settings_),
        judge(settings.judge),
        registry(n, executor),
        routes(n, executor),
        purge(n, stream.name, stream.durable, settings.keep_processed_s) {}

  boost::asio::any_io_executor executor;
  pg::Pool& pool;
  nats::Client& nats;
  metrics::Registry& metrics;
  ReportStream stream;
  fleet::ReportHandlers handlers;
  IngestSettings settings;
  JudgeSettings judge;
  fleet::RegistryCache registry;
  routing::RouteBook routes;
  ProcessedPurge purge;
  std::unique_ptr<nats::PullConsumer> consumer;
  std::int64_t settings_due_ms = 0;
  bool stopping = false;
  std::atomic<bool> running{false};  // read by the thread that stops the loop

  /// Messages pulled together. What the judged ones point to lives here.
  struct Work {
    std::vector<nats::Delivered> messages;
    std::vector<JudgedMessage> judged;
  };

  Task<> refresh_settings();
  Task<> ready_stream();
  Task<> work_once();
  Task<> keep(Work& work, std::size_t from, std::size_t to);
  Task<> store(Work& work, std::size_t from, std::size_t to);
  Task<> bury(Work& work, std::size_t at, std::string fault_text);
  void count(std::string_view kind, const char* outcome, std::size_t by);
};

void ReportWorker::Impl::count(std::string_view kind, const char* outcome, std::size_t by) {
  if (by == 0) return;
  metrics.count("pulse_device_reports_total", "Reports of devices, by what became of them",
                {{"kind", std::string(kind)}, {"outcome", outcome}}, static_cast<double>(by));
}

Task<> ReportWorker::Impl::refresh_settings() {
  if (steady_ms() < settings_due_ms) co_return;
  settings_due_ms = steady_ms() + settings_ms;
  std::string problem;
  try {
    const auto rows = co_await read_settings(pool);
    auto read = settings.judge;
    for (const auto& [key, value] : rows) read.set(key, value);
    judge = read;
  } catch (const pg::Error& e) {
    problem = e.what();
  }
  if (!problem.empty())
    log::error_throttled("settings not read, the last known ones go on", {{"error", problem}}, 60);
}

/// Judges messages [from, to), lets the handlers take the good ones, and commits.
Task<> ReportWorker::Impl::store(Work& work, std::size_t from, std::size_t to) {
  IngestBatch refusals;
  std::map<std::string, std::vector<fleet::DeviceReport>> reports;
  std::map<std::string, std::vector<std::size_t>> places;
  std::map<std::string, std::size_t> refused;
  const auto now = now_ms();
  for (std::size_t i = from; i < to; ++i) {
    auto& m = work.judged[i];
    m.accepted = false;
    const auto& e = m.envelope;
    const auto* device = m.reason.empty() ? registry.find(e.tenant_id, e.device_id) : nullptr;
    auto reason = judge_against(m, device, judge, now);
    if (reason.empty() && !handlers.contains(e.msg_type)) reason = "UNKNOWN_MESSAGE_TYPE";
    if (!reason.empty()) {
      ++refused[handlers.contains(e.msg_type) ? std::string(e.msg_type) : "other"];
      refusals.refuse(refusal(m, std::move(reason)));
      continue;
    }
    fleet::DeviceReport report;
    report.tenant_id = std::string(e.tenant_id);
    report.device_id = std::string(e.device_id);
    report.payload = e.payload->get_object();
    report.received_ms = e.received_ms;
    reports[std::string(e.msg_type)].push_back(std::move(report));
    places[std::string(e.msg_type)].push_back(i);
    m.accepted = true;
  }
  co_await routes.refresh(pool);
  auto tx = co_await pool.begin(ingest_scope());
  std::vector<std::function<void()>> after;
  std::map<std::string, std::size_t> taken;
  for (auto& [kind, list] : reports) {
    const auto& handler = handlers.find(kind)->second;
    auto result = co_await handler(tx, std::move(list));
    for (auto& [at, reason] : result.refused) {
      auto& refused_one = work.judged[places[kind][at]];
      refused_one.accepted = false;
      refusals.refuse(refusal(refused_one, std::move(reason)));
    }
    refused[kind] += result.refused.size();
    taken[kind] = places[kind].size() - result.refused.size();
    if (result.after_commit) after.push_back(std::move(result.after_commit));
  }
  if (!refusals.refused().empty())
    co_await store_batch(tx, refusals, judge.store_rejects, settings.stale_seconds);
  co_await tx.commit();
  for (const auto& tell : after) tell();
  // What fails here comes again with the whole batch, and is known then to whoever keeps it.
  auto routed = routed_messages(routes, work.judged, from, to, stream.name == "SHADOW" ? "s" : "c");
  auto messages = std::move(routed.messages);
  if (!messages.empty()) co_await routing::hand_on(nats, pool, std::move(messages));
  if (routed.over > 0)
    metrics.count("pulse_reports_routes_left_out_total",
                  "Routes that went without a report: more took it than may", {},
                  static_cast<double>(routed.over));
  for (const auto& [kind, n] : taken) count(kind, "taken", n);
  for (const auto& [kind, n] : refused) count(kind, "refused", n);
}

/// Stores messages [from, to) and acknowledges them. Where their data are at fault, or something
/// fails again and again, they are halved until that message is alone, and becomes a dead letter.
Task<> ReportWorker::Impl::keep(Work& work, std::size_t from, std::size_t to) {
  std::string problem;
  bool by_data = false, wait = false;
  try {
    co_await store(work, from, to);
  } catch (const pg::Error& e) {
    problem = e.what();
    by_data = e.data_fault();
    wait = !by_data;
  } catch (const std::exception& e) {
    problem = e.what();
  }
  if (problem.empty()) {
    for (std::size_t i = from; i < to; ++i) consumer->ack(work.messages[i]);
    co_return;
  }
  if (!wait && to - from > 1) {
    const std::size_t middle = from + (to - from) / 2;
    co_await keep(work, from, middle);
    co_await keep(work, middle, to);
    co_return;
  }
  log::error_throttled("reports of devices not stored",
                       {{"stream", stream.name}, {"error", problem}, {"messages", to - from}}, 5);
  if (by_data || (!wait && work.messages[from].deliveries >= most_deliveries)) {
    co_await bury(work, from, std::move(problem));
    consumer->ack(work.messages[from]);
    co_return;
  }
  for (std::size_t i = from; i < to; ++i) consumer->nak(work.messages[i], 1'000);
}

Task<> ReportWorker::Impl::bury(Work& work, std::size_t at, std::string fault_text) {
  const auto& message = work.messages[at];
  const auto& judged = work.judged[at];
  DeadLetter letter;
  letter.tenant_id = fit_for_text(judged.envelope.tenant_id);
  letter.topic = fit_for_text(judged.envelope.topic);
  letter.subject = fit_for_text(message.subject);
  letter.payload_json = fit_for_jsonb(judged.masked_payload());
  letter.error = std::move(fault_text);
  letter.stream_seq = message.stream_sequence;
  letter.attempts = static_cast<std::int64_t>(message.deliveries);
  co_await store_dead_letter(pool, letter);
  count(judged.envelope.msg_type, "dead_letter", 1);
  log::error("report became a dead letter",
             {{"tenant", letter.tenant_id}, {"topic", letter.topic}, {"error", letter.error}});
}

Task<> ReportWorker::Impl::work_once() {
  co_await refresh_settings();
  Work work;
  work.messages = co_await consumer->fetch(batch_size, 250);
  co_await purge.run_when_due();
  if (work.messages.empty()) co_return;
  std::vector<fleet::DeviceKey> keys;
  work.judged.reserve(work.messages.size());
  for (const auto& m : work.messages) {
    work.judged.push_back(open_report(m, judge.limits));
    const auto& e = work.judged.back().envelope;
    if (work.judged.back().reason.empty())
      keys.push_back({e.tenant_id, e.device_id, token_id_of(e)});
  }
  co_await registry.load(pool, keys);
  co_await keep(work, 0, work.messages.size());
}

Task<> ReportWorker::Impl::ready_stream() {
  bool ready = false;
  while (!ready && !stopping) {
    std::string problem;
    try {
      co_await ensure_streams(nats, settings);
      ready = true;
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (ready) co_return;
    log::error_throttled("streams are not ready, trying again", {{"error", problem}}, 5);
    co_await sleep_ms(250);
  }
}

ReportWorker::ReportWorker(boost::asio::any_io_executor executor, pg::Pool& pool,
                           nats::Client& nats, metrics::Registry& metrics, ReportStream stream,
                           fleet::ReportHandlers handlers, IngestSettings settings)
    : impl_(std::make_unique<Impl>(std::move(executor), pool, nats, metrics, std::move(stream),
                                   std::move(handlers), settings)) {}
ReportWorker::~ReportWorker() = default;

void ReportWorker::stop() { impl_->stopping = true; }
bool ReportWorker::running() const { return impl_->running; }

Task<> ReportWorker::run() {
  auto& self = *impl_;
  self.running = true;
  co_await self.ready_stream();
  if (!self.stopping) {
    nats::ConsumerConfig config;
    config.stream = self.stream.name;
    config.durable = self.stream.durable;
    config.ack_wait_ms = self.settings.ack_wait_ms;
    self.consumer = self.nats.pull(config, self.executor);
  }
  while (!self.stopping) {
    std::string problem;
    try {
      co_await self.work_once();
    } catch (const std::exception& e) {
      problem = e.what();  // what was fetched is not acknowledged, and comes again
    }
    if (problem.empty()) continue;
    log::error_throttled("reports failed, trying again", {{"error", problem}}, 5);
    co_await sleep_ms(250);
  }
  if (self.consumer) self.consumer->drop_pending();
  self.running = false;
}

}  // namespace pulse::telemetry
