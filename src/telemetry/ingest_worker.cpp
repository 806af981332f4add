#include "telemetry/ingest_worker.hpp"

#include <algorithm>
#include <atomic>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <map>
#include <set>

#include "platform/clock.hpp"
#include "platform/ids.hpp"
#include "platform/json/write.hpp"
#include "platform/log.hpp"
#include "platform/loop.hpp"
#include "platform/turns.hpp"
#include "telemetry/ingest_routes.hpp"
#include "telemetry/ingest_store.hpp"
#include "telemetry/processed_purge.hpp"

namespace pulse::telemetry {

using namespace boost::asio::experimental::awaitable_operators;

namespace {

constexpr const char* stream = "TELEMETRY";
constexpr const char* durable = "ingest-workers";
constexpr std::int64_t settings_ms = 3'000;

/// Messages pulled together, with their parsed envelopes. What a batch points to lives here.
struct Work {
  /// Of every parsed message; freed at once, after them.
  boost::json::monotonic_resource arena{256 * 1024};
  std::vector<nats::Delivered> messages;
  std::vector<JudgedMessage> judged;
  bool redelivered = false;
  std::uint64_t highest = 0;               ///< stream sequence
  std::int64_t lease_ends_ms = INT64_MAX;  ///< of the message that was asked for first
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
  co_await ensure_readings_stream(nats, s.replicas, s.stream_max_bytes / 8);
  static const std::pair<std::string, std::string> consumers[] = {
      {stream, durable}, {"SHADOW", "ingest-shadow"}, {"COMMANDS", "ingest-commands"}};
  for (const auto& [of, name] : consumers) {
    nats::ConsumerConfig consumer;
    consumer.stream = of;
    consumer.durable = name;
    consumer.ack_wait_ms = s.ack_wait_ms;
    consumer.max_ack_pending = 50'000;
    co_await nats.ensure_consumer(consumer);
  }
}

struct IngestWorker::Impl {
  Impl(boost::asio::any_io_executor e, pg::Pool& p, nats::Client& n, IngestSettings s)
      : executor(std::move(e)),
        pool(p),
        nats(n),
        settings(s),
        registry(n, executor),
        ruled(n, executor),
        routes(n, executor),
        judge(settings.judge),
        bound(settings.batch_size, settings.batch_most, settings.flush_interval_ms),
        purge(n, stream, durable, settings.keep_processed_s) {}

  boost::asio::any_io_executor executor;
  pg::Pool& pool;
  nats::Client& nats;
  IngestSettings settings;
  fleet::RegistryCache registry;
  RuledTenants ruled;
  routing::RouteBook routes;
  std::unique_ptr<nats::PullConsumer> consumer;
  IngestStats stats;
  JudgeSettings judge;
  BatchBound bound;
  std::int64_t settings_due_ms = 0;
  std::set<std::int64_t> known_days;
  bool stopping = false;
  std::atomic<bool> running{false};  // read by the thread that stops the loop
  Turns takes, stores;
  ProcessedPurge purge;
  // What may have been stored before, although JetStream does not say so: see learn_progress.
  const std::string worker = uuid7();
  std::uint64_t highest_stored = 0;
  std::optional<std::uint64_t> connection;  // which NATS connection that was learned on
  std::int64_t careful_until_ms = 0;

  Task<> learn_progress();
  bool may_be_stored(const Work& work) const;
  void check_still_ours(const Work& work) const;
  Task<> refresh_settings();
  Task<> hand_on(std::vector<ReadingMessage> readings);
  Task<> hand_to_routes(std::vector<routing::RoutedMessage> routed);
  Task<> load_facts(Work& work);
  Task<bool> store_until_done(Work& work);
  Task<> store(Work& work, std::size_t from, std::size_t to, bool dedupe, bool fresh = false);
  Task<> bury(Work& work, std::size_t at, std::string fault_text);
  void learn_from(const IngestBatch& batch);
  Task<> prepare_days(const IngestBatch& batch);
  Task<> take(Work& work);
  Task<> keep(Work& work);
  Task<> work_on();
  void publish_live(const IngestBatch& batch, const std::vector<CameOnline>& online);
};

/// A NATS server that was killed comes back with an older state of its consumers, and delivers
/// again what was acknowledged, as if for the first time. So after each new connection the worker
/// looks up every message that is not above what anyone has stored; and for as long as a batch that
/// was pulled on an old connection may still be on its way into the table, it looks up all.
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

/// For a batch that is not looked up, once it holds the lock: throws where another worker may have
/// been given its messages meanwhile. Who gets them later looks them up alone under the lock, so
/// after this commit.
void IngestWorker::Impl::check_still_ours(const Work& work) const {
  if (steady_ms() >= work.lease_ends_ms) throw std::runtime_error("the messages' lease ended");
  if (!nats.connected() || nats.stats().reconnects != connection)
    throw std::runtime_error("the connection to NATS was lost meanwhile");
}

/// Gives the rules what was stored. What their stream refuses is counted, and not judged: what is
/// known of a device's latest values is looked at by the evaluator all the same. Throws where there
/// is no answer: the batch is then not acknowledged, and comes again.
Task<> IngestWorker::Impl::hand_on(std::vector<ReadingMessage> readings) {
  if (readings.empty()) co_return;
  const auto given_up = co_await publish_readings(nats, readings);
  if (given_up == 0) co_return;
  stats.readings_given_up += given_up;
  log::error_throttled("readings are not handed on to the rules", {{"messages", given_up}}, 10);
}

/// Gives routes what they take. Throws where that can be neither published nor kept as dead
/// letters: the batch is then not acknowledged, and comes again.
Task<> IngestWorker::Impl::hand_to_routes(std::vector<routing::RoutedMessage> routed) {
  if (routed.empty()) co_return;
  const auto done = co_await routing::hand_on(nats, pool, std::move(routed));
  stats.routed += done.published;
  stats.routed_buried += done.buried;
}

/// Every few seconds, messages or not, so that the first one after a pause is judged by what is set
/// now. The last known values go on when PostgreSQL does not answer.
Task<> IngestWorker::Impl::refresh_settings() {
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

Task<> IngestWorker::Impl::load_facts(Work& work) {
  std::vector<fleet::DeviceKey> keys;
  for (const auto& m : work.judged)
    if (m.reason.empty())
      keys.push_back({m.envelope.tenant_id, m.envelope.device_id, token_id_of(m.envelope)});
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

/// What the batch added is known from now on, or looked up before the next one.
void IngestWorker::Impl::learn_from(const IngestBatch& batch) {
  for (const auto& use : batch.token_uses())
    registry.token_used(*use.device, use.token_id, use.used_ms);
  for (const auto& row : batch.health_rows()) registry.health_kept(*row.device, row.event_us);
  for (const auto* device : batch.grown()) registry.expire(*device);
  for (auto& row : batch.templates().rows()) {
    if (row.due) {
      row.faults.count = 0;
      row.faults.written_ms = row.seen_ms;
    }
    registry.faults_noted(*row.device, std::move(row.faults));
  }
  for (std::size_t i = 0; i < stats.template_faults.size(); ++i)
    stats.template_faults[i] += batch.templates().counts()[i];
}

/// Stores messages [from, to) in one transaction. Where PostgreSQL refuses one for its data, what
/// is known is looked up again (it may be older than the tables: a device or a partition is gone)
/// and all of it tried once more; then the batch is split until that message is alone, and becomes
/// a dead letter.
Task<> IngestWorker::Impl::store(Work& work, std::size_t from, std::size_t to, bool dedupe,
                                 bool fresh) {
  IngestBatch batch;
  std::vector<ReadingMessage> readings;
  routing::Routed routed;
  std::set<StoredKey> stored;
  std::exception_ptr error;
  bool data_fault = false;
  std::string fault_text;
  try {
    judge_all(work.judged, from, to, registry, judge, stored, batch);
    co_await prepare_days(batch);
    co_await ruled.refresh(pool);
    // Also of what was stored before: the rules may not have been given it then.
    readings = batch.reading_messages(ruled, 256 * 1024);
    co_await routes.refresh(pool);
    routed = routed_messages(routes, work.judged, from, to, "t");
    auto tx = co_await pool.begin(ingest_scope());
    co_await lock_ingest(tx, dedupe);
    if (!dedupe) check_still_ours(work);
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
    const auto online =
        co_await store_batch(tx, batch, judge.store_rejects, settings.stale_seconds);
    co_await note_progress(tx, worker, work.highest);
    co_await tx.commit();
    learn_from(batch);
    publish_live(batch, online);
    co_await hand_on(std::move(readings));
    co_await hand_to_routes(std::move(routed.messages));
    stats.routes_left_out += routed.over;
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
  if (!fresh) {
    registry.clear();
    known_days.clear();
    co_await load_facts(work);
    co_await store(work, from, to, dedupe, true);
  } else if (to - from > 1) {
    const std::size_t middle = from + (to - from) / 2;
    co_await store(work, from, middle, dedupe, true);
    co_await store(work, middle, to, dedupe, true);
  } else {
    co_await bury(work, from, std::move(fault_text));
  }
}

/// A message that PostgreSQL refuses becomes a dead letter.
Task<> IngestWorker::Impl::bury(Work& work, std::size_t at, std::string fault_text) {
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
  ++stats.dead_letters;
  log::error("message became a dead letter",
             {{"tenant", letter.tenant_id}, {"topic", letter.topic}, {"error", letter.error}});
}

/// True when the batch is stored; false when its lease ended first, and JetStream will deliver it
/// again. After any failure the outcome of a COMMIT may be unknown, so retries look for rows first.
Task<bool> IngestWorker::Impl::store_until_done(Work& work) {
  bool failed = false;
  long wait_ms = 50;
  while (steady_ms() < work.lease_ends_ms) {
    std::string problem;
    try {
      co_await learn_progress();
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

/// Waits for messages and opens them.
Task<> IngestWorker::Impl::take(Work& work) {
  co_await refresh_settings();
  work.messages = co_await consumer->fetch(bound.next(), 250);
  co_await purge.run_when_due();
  work.judged.reserve(work.messages.size());
  for (const auto& m : work.messages) {
    // The other lane's transaction waits for this thread whenever PostgreSQL has answered.
    if (work.judged.size() % 128 == 127) co_await sleep_ms(0);
    work.redelivered = work.redelivered || m.deliveries > 1;
    work.highest = std::max(work.highest, m.stream_sequence);
    work.lease_ends_ms = std::min(work.lease_ends_ms, m.lease_ends_ms);
    work.judged.push_back(open_message(m, &work.arena, judge.limits));
  }
}

/// Stores and acknowledges what was taken.
Task<> IngestWorker::Impl::keep(Work& work) {
  const auto start = steady_us();
  if (!co_await store_until_done(work)) co_return;
  for (const auto& m : work.messages) consumer->ack(m);
  stats.batches += 1;
  stats.last_batch_us = steady_us() - start;
  bound.took(work.messages.back().pending, stats.last_batch_us);
  stats.last_batch_size = static_cast<std::int64_t>(work.messages.size());
  stats.lag_ms = now_ms() - work.messages.front().stored_ms;
}

/// One of two lanes: while one stores a batch, the other takes the next. The turn to store is taken
/// before the turn to take is given up, so batches are stored in the order of the stream.
Task<> IngestWorker::Impl::work_on() {
  while (!stopping) {
    std::string problem;
    try {
      Work work;
      auto taking = co_await takes.take();
      if (stopping) break;
      co_await take(work);
      if (!work.messages.empty()) {
        const auto storing = co_await stores.take();
        taking.release();
        co_await keep(work);
      }
    } catch (const std::exception& e) {
      problem = e.what();  // what was fetched is not acknowledged, and comes again
    }
    if (problem.empty()) continue;
    log::error_throttled("ingest failed, trying again", {{"error", problem}}, 5);
    co_await sleep_ms(250);
  }
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
  if (!self.stopping) {
    self.consumer = self.nats.pull(config, self.executor);
    co_await (self.work_on() && self.work_on());
  }
  if (self.consumer) self.consumer->drop_pending();
  self.running = false;
}

}  // namespace pulse::telemetry
