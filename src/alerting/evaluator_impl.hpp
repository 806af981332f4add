#pragma once
// What the evaluator keeps. Private to evaluator*.cpp.
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <set>
#include <span>

#include "alerting/evaluator.hpp"
#include "alerting/evaluator_store.hpp"
#include "alerting/standing.hpp"
#include "platform/ids.hpp"
#include "platform/turns.hpp"

namespace pulse::alerting {

/// What a tenant's rules and devices are here.
struct TenantRun {
  std::int64_t version = 0;
  std::unique_ptr<TenantEngine> engine;
  std::set<int> loaded;  ///< parts
  /// Parts with messages from before they were read that may still be on their way, and when they
  /// were read (epoch ms).
  std::map<int, std::int64_t> unsettled;
  std::int64_t groups_due_ms = 0;
  std::int64_t aside_until_ms = 0;  ///< steady; its data can't be judged
  std::int64_t told_ms = 0;         ///< steady; when its pages last heard of repeats
};

/// A part that this process holds, and its messages.
struct PartRun {
  PartLease lease;
  std::unique_ptr<nats::PullConsumer> consumer;
  std::uint64_t next = 1;     ///< the consumer's sequence that is judged next
  std::int64_t begun_ms = 0;  ///< epoch: the consumer was made, or looked for
  bool ended = false;
  std::int64_t quiet_since_ms = 0;  ///< epoch: the last message was judged, or the part was taken
  std::int64_t judged_ms = 0;       ///< when the stream took the last one that was judged
};

/// Messages of a part that wait to be judged, in their order; `done` wakes the part.
struct Waiting {
  std::shared_ptr<PartRun> part;
  std::span<const nats::Delivered> messages;
  boost::asio::steady_timer* done = nullptr;
  bool judged = false;
};

/// A row of a message.
struct ReadingRow {
  std::string tenant, device;
  std::int64_t at_us = 0, heard_us = 0;
  boost::json::object metrics;
};

struct Evaluator::Impl {
  Impl(boost::asio::any_io_executor e, pg::Pool& p, nats::Client& n, metrics::Registry& m,
       EvaluatorSettings s);

  boost::asio::any_io_executor executor;
  pg::Pool& pool;
  nats::Client& nats;
  metrics::Registry& metrics;
  EvaluatorSettings settings;
  const std::string member = uuid7();
  // The parts, and with the turn alone: what is judged of them.
  std::map<int, std::shared_ptr<PartRun>> parts;
  std::map<std::string, TenantRun> tenants;
  Turns turns;
  std::int64_t leases_end_ms = 0;  // steady
  int surplus = 0;                 // parts beyond the fair share; negative: too few
  std::vector<PartLease> leases;   // as they were last renewed
  std::map<std::string, std::set<std::string>> changed_devices;  // by tenant
  std::set<std::string> repeated;  // tenants whose pages don't know yet of repeated alerts
  std::int64_t versions_due_ms = 0, standing_due_ms = 0;
  std::optional<std::uint64_t> connection;  // to NATS, when all was read
  StandingAlerts standing;
  std::vector<std::shared_ptr<Waiting>> waiting;
  boost::asio::steady_timer wake;
  bool stopping = false, start_over = false;
  std::atomic<bool> running{false};
  int open_parts = 0;
  std::unique_ptr<nats::Subscription> rules_word, device_word;

  bool holds_leases() const { return steady_ms() < leases_end_ms; }
  void forget(const std::string& why);

  // evaluator.cpp: parts and their messages
  Task<> renew_on();
  Task<> balance_on();
  Task<> balance();
  void drop_part(int part);
  Task<> begin_part(PartRun& part);
  Task<> look_for_consumer(PartRun& part);
  Task<> judge_next(std::shared_ptr<PartRun> part);
  Task<> follow_part(std::shared_ptr<PartRun> part);
  Task<> process();
  Task<> judge_until_done(std::vector<std::shared_ptr<Waiting>> batch);
  Task<> tick_on();
  Task<> look_at_standing();

  // evaluator_judge.cpp: with the turn
  void device_changed(const std::string& data);
  DeviceFilter mine(const std::string& tenant) const;
  Task<> refresh_versions();
  Task<> refresh_devices();
  Task<> ready(std::string tenant);
  Task<bool> is_ready(std::string tenant);
  Task<> know(std::string tenant, std::set<std::string> devices,
              const std::vector<ReadingRow>& rows);
  std::vector<ReadingRow> rows_of(const nats::Delivered& message);
  Task<> judge(std::vector<std::shared_ptr<Waiting>> batch);
  Task<> tick();
  void settle(const std::string& tenant, TenantRun& run, Decisions& out);
  Task<> keep(std::vector<PartLease> before, std::vector<PartLease> after,
              std::map<std::string, Decisions> decisions);
  Task<> keep_some(std::vector<PartLease> of, std::map<std::string, Decisions> decisions);
  void tell_repeats();
};

}  // namespace pulse::alerting
