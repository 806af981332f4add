#include "telemetry/ingest_worker.hpp"

#include <algorithm>
#include <boost/json/monotonic_resource.hpp>
#include <deque>
#include <map>
#include <set>

#include "platform/clock.hpp"
#include "platform/ids.hpp"
#include "platform/json/write.hpp"
#include "platform/log.hpp"
#include "platform/loop.hpp"
#include "telemetry/ingest_judge.hpp"
#include "telemetry/ingest_store.hpp"

namespace pulse::telemetry {

namespace {

constexpr const char* stream = "TELEMETRY";
constexpr const char* durable = "ingest-workers";

/// Messages pulled together, with their parsed envelopes. What a batch points to lives here.
struct Work {
  std::vector<nats::Delivered> messages;
  std::vector<JudgedMessage> judged;
  bool redelivered = false;
  std::uint64_t highest = 0;  ///< stream sequence
};

}  // namespace

Task<> ensure_streams(nats::Client& nats, const IngestSettings& s) {
  // Limits without an age, discard new: an unprocessed message never leaves by itself. Processed
  // ones are purged by the worker after a while; until then the server can tell a device's retry
  // from a new message even across its own restart.
  static const std::pair<std::string, std::string> streams[] = {
      {"TELEMETRY", "telemetry.>"}, {"SHADOW", "shadow.>"}, {"COMMANDS", "commands.>"}};
  for (const auto& [name, subject] : streams) {
    nats::StreamConfig config;
    config.name = name;
    config.subjects.push_back(subject);
    config.max_bytes = name == stream ? s.stream_max_bytes : s.stream_max_bytes / 8;
    config.replicas = s.replicas;
    co_await nats.ensure_stream(config);
  }
  nats::StreamConfig routes;
  routes.name = "ROUTES";
  routes.subjects.emplace_back("routes.>");
  routes.work_queue = true;
  routes.max_age_s = 24 * 3600;
  routes.max_bytes = s.stream_max_bytes / 8;
  routes.replicas = s.replicas;
  co_await nats.ensure_stream(routes);
  nats::ConsumerConfig consumer;
  consumer.stream = stream;
  consumer.durable = durable;
  consumer.ack_wait_ms = s.ack_wait_ms;
  consumer.max_ack_pending = 50'000;
  co_await nats.ensure_consumer(consumer);
}

struct IngestWorker::Impl {
  Impl(boost::asio::any_io_executor e, pg::Pool& p, nats::Client& n, IngestSettings s)
      : executor(std::move(e)), pool(p), nats(n), settings(s),
        registry(n, executor) {}

  boost::asio::any_io_executor executor;
  pg::Pool& pool;
  nats::Client& nats;
  IngestSettings settings;
  fleet::RegistryCache registry;
  std::unique_ptr<nats::PullConsumer> consumer;
  IngestStats stats;
  JudgeSettings judge;
  std::int64_t settings_read_ms = 0;
  std::set<std::int64_t> known_days;
  bool stopping = false;
  bool running = false;
  struct Processed {
    std::int64_t at_ms;
    std::uint64_t up_to;
  };
  std::deque<Processed> processed;  // one entry per purge interval
  std::int64_t purge_at_ms = 0;
  // What may have been stored before, although JetStream does not say so: see learn_progress.
  const std::string worker = uuid7();
  std::uint64_t highest_stored = 0;
  std::optional<std::uint64_t> connection;  // which NATS connection that was learned on
  std::int64_t careful_until_ms = 0;

  Task<> learn_progress();
  bool may_be_stored(const Work& work) const;
  Task<> refresh_settings();
  Task<> load_facts(Work& work);
  Task<bool> store_until_done(Work& work);
  Task<> store(Work& work, std::size_t from, std::size_t to, bool dedupe);
  Task<> prepare_days(const IngestBatch& batch);
  Task<> purge_processed();
  void publish_live(const IngestBatch& batch, const std::vector<CameOnline>& online);
};

/// A NATS server that was killed comes back with an older state of its consumers, and delivers again
/// what was acknowledged, as if for the first time. So after each new connection the worker looks up
/// every message that is not above what anyone has stored; and for as long as a batch that was pulled
/// on an old connection may still be on its way into the table, it looks up all.
Task<> IngestWorker::Impl::learn_progress() {
  const auto current = nats.stats().reconnects;
  if (connection == current) co_return;
  careful_until_ms = steady_ms() + settings.ack_wait_ms + 5'000;
  const auto stored = co_await telemetry::highest_stored(pool);
  const auto last = co_await nats.last_sequence(stream);
  // A stream that was made anew counts from 1 again.
  highest_stored = std::min(std::max(highest_stored, stored), last);
  connection = current;
}

bool IngestWorker::Impl::may_be_stored(const Work& work) const {
  if (work.redelivered || steady_ms() < careful_until_ms) return true;
  for (const auto& m : work.messages)
    if (m.stream_sequence <= highest_stored) return true;
  return false;
}

/// Every few seconds; the last known values go on when PostgreSQL does not answer.
Task<> IngestWorker::Impl::refresh_settings() {
  if (steady_ms() < settings_read_ms) co_return;
  settings_read_ms = steady_ms() + 5'000;
  const auto rows = co_await read_settings(pool);
  for (const auto& [key, value] : rows) judge.set(key, value);
}

Task<> IngestWorker::Impl::load_facts(Work& work) {
  std::vector<fleet::DeviceKey> keys;
  for (const auto& m : work.judged)
    if (m.opened) keys.push_back({m.envelope.tenant_id, m.envelope.device_id});
  co_await registry.load(pool, keys);
}

/// A day that has no partition yet gets one before the transaction, which keeps DDL out of it.
Task<> IngestWorker::Impl::prepare_days(const IngestBatch& batch) {
  std::vector<std::int64_t> missing;
  for (const auto& [day, count] : batch.days())
    if (!known_days.contains(day)) missing.push_back(day);
  if (missing.empty()) co_return;
  co_await make_partitions(pool, missing);
  known_days.insert(missing.begin(), missing.end());
  if (known_days.size() > 10'000) known_days.clear();
}

/// Stores messages [from, to) in one transaction. Splits at a message that PostgreSQL refuses for its
/// data, until that one is alone and becomes a dead letter.
Task<> IngestWorker::Impl::store(Work& work, std::size_t from, std::size_t to, bool dedupe) {
  IngestBatch batch;
  std::set<StoredKey> stored;
  std::exception_ptr error;
  bool data_fault = false;
  std::string fault_text;
  try {
    judge_all(work.judged, from, to, registry, judge, stored, batch);
    co_await prepare_days(batch);
    auto tx = co_await pool.begin(ingest_scope());
    co_await lock_ingest(tx, dedupe);
    if (dedupe) {
      // The look-up and the rows it decides about belong to one transaction under one lock.
      std::vector<std::int64_t> sequences;
      for (std::size_t i = from; i < to; ++i)
        sequences.push_back(static_cast<std::int64_t>(work.messages[i].stream_sequence));
      stored = co_await stored_before(tx, sequences);
      if (!stored.empty()) {
        batch = IngestBatch{};
        stats.duplicates += judge_all(work.judged, from, to, registry, judge, stored, batch);
      }
    }
    const auto online = co_await store_batch(tx, batch, judge.store_rejects);
    co_await note_progress(tx, worker, work.highest);
    co_await tx.commit();
    publish_live(batch, online);
  } catch (const pg::Error& e) {
    data_fault = e.data_fault();
    fault_text = e.what();
    error = std::current_exception();
  }
  if (!error) {
    stats.stored += batch.accepted();
    stats.refused += batch.refused().size();
    co_return;
  }
  if (!data_fault) std::rethrow_exception(error);
  // The facts may be older than the tables (a device deleted meanwhile): look again before blaming
  // the message.
  registry.clear();
  co_await load_facts(work);
  if (to - from > 1) {
    const std::size_t middle = from + (to - from) / 2;
    co_await store(work, from, middle, dedupe);
    co_await store(work, middle, to, dedupe);
    co_return;
  }
  const auto& message = work.messages[from];
  DeadLetter letter;
  letter.tenant_id = std::string(work.judged[from].envelope.tenant_id);
  letter.topic = std::string(work.judged[from].envelope.topic);
  letter.subject = message.subject;
  letter.payload_json = fit_for_jsonb(work.judged[from].masked_payload());
  letter.error = fault_text;
  letter.stream_seq = message.stream_sequence;
  letter.attempts = static_cast<std::int64_t>(message.deliveries);
  co_await store_dead_letter(pool, letter);
  ++stats.dead_letters;
  log::error("message became a dead letter",
             {{"tenant", letter.tenant_id}, {"topic", letter.topic}, {"error", fault_text}});
}

/// True when the batch is stored; false when its lease ended first, and JetStream will deliver it
/// again. After any failure the outcome of a COMMIT may be unknown, so retries look for rows first.
Task<bool> IngestWorker::Impl::store_until_done(Work& work) {
  std::int64_t lease = INT64_MAX;
  for (const auto& m : work.messages) lease = std::min(lease, m.lease_ends_ms);
  bool failed = false;
  long wait_ms = 50;
  while (steady_ms() < lease) {
    std::string problem;
    try {
      co_await learn_progress();
      co_await refresh_settings();
      co_await load_facts(work);
      co_await store(work, 0, work.messages.size(), failed || may_be_stored(work));
      highest_stored = std::max(highest_stored, work.highest);
      co_return true;
    } catch (const std::exception& e) {
      problem = e.what();
    }
    ++stats.retries;
    failed = true;
    log::error_throttled("ingest batch not stored, trying again",
                         {{"error", problem}, {"messages", work.messages.size()}}, 5);
    if (stopping) co_return false;
    co_await sleep_ms(wait_ms);
    wait_ms = std::min(wait_ms * 2, 1'000L);
  }
  co_return false;
}

/// Processed messages stay for a while, so that the server can tell a device's retry from a new
/// message even after its own restart; then they go. Unprocessed ones are never touched.
Task<> IngestWorker::Impl::purge_processed() {
  const auto interval = std::clamp<std::int64_t>(settings.keep_processed_s * 1000 / 10, 1'000, 60'000);
  if (steady_ms() < purge_at_ms) co_return;
  purge_at_ms = steady_ms() + interval;
  std::string problem;
  try {
    const auto floor = co_await nats.acked_up_to(stream, durable);
    processed.push_back({steady_ms(), floor});
    std::uint64_t done = 0;
    while (!processed.empty() &&
           processed.front().at_ms <= steady_ms() - settings.keep_processed_s * 1000) {
      done = processed.front().up_to;
      processed.pop_front();
    }
    if (done > 0) co_await nats.purge_below(stream, done + 1);
  } catch (const nats::Error& e) {
    problem = e.what();
  }
  if (!problem.empty())
    log::error_throttled("processed messages not purged, trying again later",
                         {{"error", problem}}, 60);
}

void IngestWorker::Impl::publish_live(const IngestBatch& batch,
                                      const std::vector<CameOnline>& online) {
  for (const auto& [tenant, message] : batch.live_messages(now_ms(), 256 * 1024))
    nats.publish("live." + tenant, message);
  std::map<std::string, std::string> by_tenant;
  const std::string since = iso8601(now());
  for (const auto& device : online) {
    auto& text = by_tenant[device.tenant_id];
    text += text.empty() ? "{\"type\":\"status\",\"devices\":[" : ",";
    text += "{\"device_id\":";
    json::write(text, device.device_id);
    text += ",\"status\":\"ONLINE\",\"since\":\"" + since + "\"}";
  }
  for (const auto& [tenant, text] : by_tenant) nats.publish("live." + tenant, text + "]}");
  by_tenant.clear();
  for (const auto& r : batch.refused()) {
    if (r.tenant_id.empty()) continue;
    auto& text = by_tenant[r.tenant_id];
    text += text.empty() ? "{\"type\":\"quarantine\",\"rows\":[" : ",";
    text += "{\"device_id\":";
    json::write(text, r.device_id);
    text += ",\"reason\":";
    json::write(text, r.reason);
    text += ",\"ts\":";
    json::write(text, from_ms(r.received_ms));
    text += "}";
  }
  for (const auto& [tenant, text] : by_tenant)
    if (text.size() < 512 * 1024) nats.publish("live." + tenant, text + "]}");
}

IngestWorker::IngestWorker(boost::asio::any_io_executor executor, pg::Pool& pool,
                           nats::Client& nats, IngestSettings settings)
    : impl_(std::make_unique<Impl>(std::move(executor), pool, nats, settings)) {}
IngestWorker::~IngestWorker() = default;

void IngestWorker::stop() { impl_->stopping = true; }
bool IngestWorker::running() const { return impl_->running; }
const IngestStats& IngestWorker::stats() const { return impl_->stats; }

Task<> IngestWorker::run() {
  auto& self = *impl_;
  self.running = true;
  nats::ConsumerConfig config;
  config.stream = stream;
  config.durable = durable;
  config.ack_wait_ms = self.settings.ack_wait_ms;
  bool ready = false;
  while (!ready && !self.stopping) {
    std::string problem;
    try {
      co_await ensure_streams(self.nats, self.settings);
      ready = true;
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (ready) break;
    log::error_throttled("streams are not ready, trying again", {{"error", problem}}, 5);
    co_await sleep_ms(250);
  }
  self.consumer = self.nats.pull(config, self.executor);
  while (!self.stopping) {
    Work work;
    work.messages = co_await self.consumer->fetch(self.settings.batch_size, 250);
    co_await self.purge_processed();
    if (work.messages.empty()) continue;
    const auto start = steady_us();
    // One arena for every parsed message of the batch; freed at once with it.
    boost::json::monotonic_resource arena(256 * 1024);
    work.judged.reserve(work.messages.size());
    for (const auto& m : work.messages) {
      work.redelivered = work.redelivered || m.deliveries > 1;
      work.highest = std::max(work.highest, m.stream_sequence);
      work.judged.push_back(open_message(m, &arena, self.judge.limits));
    }
    if (!co_await self.store_until_done(work)) continue;
    for (const auto& m : work.messages) self.consumer->ack(m);
    self.stats.batches += 1;
    self.stats.last_batch_us = steady_us() - start;
    self.stats.last_batch_size = static_cast<std::int64_t>(work.messages.size());
    self.stats.lag_ms = now_ms() - work.messages.front().stored_ms;
  }
  self.consumer->drop_pending();
  self.running = false;
}

}  // namespace pulse::telemetry
