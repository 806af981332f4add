#include "telemetry/live_hub.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "platform/clock.hpp"
#include "platform/json/write.hpp"
#include "platform/limits.hpp"
#include "platform/loop.hpp"

namespace pulse::telemetry {

namespace asio = boost::asio;

bool LiveCounter::enter(const std::string& tenant) {
  const std::lock_guard lock(mutex_);
  auto& n = open_[tenant];
  if (n >= limits::live_clients_per_tenant) return false;
  ++n;
  ++total_;
  return true;
}

void LiveCounter::leave(const std::string& tenant) {
  const std::lock_guard lock(mutex_);
  const auto it = open_.find(tenant);
  if (it == open_.end()) return;
  --total_;
  if (--it->second == 0) open_.erase(it);
}

std::size_t LiveCounter::total() const {
  const std::lock_guard lock(mutex_);
  return total_;
}

/// One tenant's clients on this loop.
struct LiveHub::Tenant : std::enable_shared_from_this<LiveHub::Tenant> {
  Tenant(std::string id_, pg::Pool& pool_, asio::any_io_executor e)
      : id(std::move(id_)), pool(pool_), executor(std::move(e)) {}
  std::string id;
  pg::Pool& pool;
  asio::any_io_executor executor;
  std::unique_ptr<nats::Subscription> subscription;
  std::set<LiveSink*> sinks, fleet_sinks, alert_sinks;
  std::string summary;  // the last fleet summary
  std::string alerts;   // the last list of open alerts
  bool counting = false, changed = false, listing = false, alerts_differ = true;

  void fleet_changed() {
    changed = true;
    if (counting || fleet_sinks.empty()) return;
    counting = true;
    asio::co_spawn(executor, count(shared_from_this()), asio::detached);
  }
  static Task<> count(std::shared_ptr<Tenant> self);

  void alerts_changed() {
    alerts_differ = true;
    if (listing || alert_sinks.empty()) return;
    listing = true;
    asio::co_spawn(executor, list_alerts(shared_from_this()), asio::detached);
  }
  static Task<> list_alerts(std::shared_ptr<Tenant> self);
};

/// Counts once for all clients of the tenant, at most once a second.
Task<> LiveHub::Tenant::count(std::shared_ptr<Tenant> self) {
  while (self->changed && !self->fleet_sinks.empty()) {
    self->changed = false;
    bool failed = false;
    try {
      const auto db = tenancy::TenantDb::for_worker(self->pool, self->id, "fleet counts, live");
      const auto rows = co_await db.query(R"sql(
        SELECT count(*) FILTER (WHERE s.status = 'ONLINE'),
               count(*) FILTER (WHERE s.status = 'STALE'),
               count(*) FILTER (WHERE coalesce(s.status, 'OFFLINE') = 'OFFLINE'), count(*)
        FROM device_registry r LEFT JOIN device_state s USING (tenant_id, device_id)
        WHERE r.status = 'ACTIVE')sql");
      const auto active = co_await db.query(
          "SELECT count(*) FROM fleet_alert WHERE status IN ('OPEN', 'ACKNOWLEDGED')");
      const auto n = [&](int c) { return std::to_string(rows.int64(0, c)); };
      self->summary = "{\"type\":\"fleet_summary\",\"data\":{\"ONLINE\":" + n(0) +
                      ",\"STALE\":" + n(1) + ",\"OFFLINE\":" + n(2) + ",\"total\":" + n(3) +
                      ",\"active_alerts\":" + std::to_string(active.int64(0, 0)) + "}}";
    } catch (const pg::Error&) {
      failed = true;
    }
    if (failed)
      self->changed = true;
    else
      for (auto* sink : self->fleet_sinks) sink->fleet(self->summary);
    co_await sleep_ms(1'000);
  }
  self->counting = false;
}

/// Asks once for all clients of the tenant, at most four times a second.
Task<> LiveHub::Tenant::list_alerts(std::shared_ptr<Tenant> self) {
  while (self->alerts_differ && !self->alert_sinks.empty()) {
    self->alerts_differ = false;
    bool failed = false;
    try {
      const auto db = tenancy::TenantDb::for_worker(self->pool, self->id, "open alerts, live");
      const auto rows = co_await db.query(R"sql(
        SELECT coalesce(json_agg(a), '[]') FROM (
          SELECT id AS alert_id, tenant_id, device_id, site_id, alert_type, severity, confidence,
            summary, status, created_at, fingerprint, details, silenced_until, escalation_level,
            trigger_count, last_triggered_at, rule_id
          FROM fleet_alert WHERE status = 'OPEN' ORDER BY created_at DESC, id DESC LIMIT 100) a
      )sql");
      self->alerts = "{\"type\":\"alerts\",\"alerts\":" + std::string(rows.text(0, 0)) + "}";
    } catch (const pg::Error&) {
      failed = true;
    }
    if (failed)
      self->alerts_differ = true;
    else
      for (auto* sink : self->alert_sinks) sink->alerts(self->alerts);
    co_await sleep_ms(failed ? 1'000 : 250);
  }
  self->listing = false;
}

LiveHub::LiveHub(nats::Client& nats, pg::Pool& pool, asio::any_io_executor executor,
                 std::shared_ptr<LiveCounter> counter)
    : nats_(nats), pool_(pool), executor_(std::move(executor)), counter_(std::move(counter)) {}
LiveHub::~LiveHub() = default;

std::shared_ptr<LiveHub::Tenant> LiveHub::tenant(const std::string& id) {
  auto known = tenants_[id].lock();
  if (known) return known;
  std::erase_if(tenants_, [&](const auto& e) { return e.first != id && e.second.expired(); });
  auto made = std::make_shared<Tenant>(id, pool_, executor_);
  made->subscription = nats_.subscribe("live." + id, "", executor_,
                                       [this, id](nats::Message m) { received(id, m.data); });
  tenants_[id] = made;
  return made;
}

namespace {

/// What may change how many devices there are, their status, or how many alerts are active. What is
/// written about one device ("twin:{device}") does not.
bool changes_fleet(std::string_view type, const boost::json::object& message) {
  if (type == "status" || type == "alert") return true;
  const auto* what = message.if_contains("what");
  return type == "changed" &&
         !(what && what->is_string() && what->get_string().find(':') != std::string_view::npos);
}

}  // namespace

void LiveHub::received(const std::string& id, const std::string& data) {
  const auto it = tenants_.find(id);
  const auto tenant = it == tenants_.end() ? nullptr : it->second.lock();
  boost::system::error_code ec;
  const auto json = boost::json::parse(data, ec);
  if (!tenant || ec || !json.is_object()) return;
  const auto& o = json.get_object();
  const auto* type = o.if_contains("type");
  if (!type || !type->is_string()) return;
  if (type->get_string() == "telemetry") {
    const auto* rows = o.if_contains("rows");
    if (!rows || !rows->is_array()) return;
    for (const auto& r : rows->get_array()) {
      const auto* device = r.is_object() ? r.get_object().if_contains("device_id") : nullptr;
      if (!device || !device->is_string()) continue;
      auto row = std::make_shared<LiveRow>();
      row->device_id = std::string(device->get_string());
      row->fields = r.get_object();
      for (auto* sink : tenant->sinks) sink->telemetry(row);
    }
    return;
  }
  for (auto* sink : tenant->sinks) sink->notice(o);
  // Devices that came or went change the counts as a change of status does.
  if (changes_fleet(type->get_string(), o)) tenant->fleet_changed();
  if (type->get_string() == "alert") tenant->alerts_changed();
}

namespace {

class Membership : public LiveHub::Handle {
 public:
  Membership(std::shared_ptr<LiveHub::Tenant> tenant, LiveSink& sink,
             std::shared_ptr<LiveCounter> counter)
      : tenant_(std::move(tenant)), sink_(sink), counter_(std::move(counter)) {
    tenant_->sinks.insert(&sink_);
  }
  ~Membership() override {
    tenant_->sinks.erase(&sink_);
    tenant_->fleet_sinks.erase(&sink_);
    tenant_->alert_sinks.erase(&sink_);
    counter_->leave(tenant_->id);
  }
  void want_fleet(bool wanted) override {
    if (!wanted) {
      tenant_->fleet_sinks.erase(&sink_);
      return;
    }
    tenant_->fleet_sinks.insert(&sink_);
    if (!tenant_->summary.empty()) sink_.fleet(tenant_->summary);
    tenant_->fleet_changed();
  }
  void want_alerts(bool wanted) override {
    if (!wanted) {
      tenant_->alert_sinks.erase(&sink_);
      return;
    }
    tenant_->alert_sinks.insert(&sink_);
    if (tenant_->alerts_differ || tenant_->listing)
      tenant_->alerts_changed();
    else
      sink_.alerts(tenant_->alerts);
  }

 private:
  std::shared_ptr<LiveHub::Tenant> tenant_;
  LiveSink& sink_;
  std::shared_ptr<LiveCounter> counter_;
};

}  // namespace

std::unique_ptr<LiveHub::Handle> LiveHub::join(const std::string& id, LiveSink& sink) {
  if (!counter_->enter(id)) return nullptr;
  return std::make_unique<Membership>(tenant(id), sink, counter_);
}

void LiveOutbox::put(std::string text, std::string device_id, std::int64_t stream_seq) {
  if (items_.size() >= most) {
    auto victim = items_.end();
    if (!device_id.empty())
      victim = std::find_if(items_.begin(), items_.end(),
                            [&](const Item& i) { return i.device_id == device_id; });
    if (victim == items_.end())
      victim = std::find_if(items_.begin(), items_.end(),
                            [](const Item& i) { return !i.device_id.empty(); });
    if (victim == items_.end()) victim = items_.begin();
    items_.erase(victim);
    ++conflated_;
  }
  items_.push_back({std::move(text), std::move(device_id), stream_seq});
  if (items_.size() == 1) wake_.cancel();
}

void LiveOutbox::drop(const std::set<std::int64_t>& stream_seqs) {
  std::erase_if(items_, [&](const Item& i) { return stream_seqs.contains(i.stream_seq); });
}

std::optional<std::string> LiveOutbox::take() {
  if (items_.empty()) return std::nullopt;
  auto text = std::move(items_.front().text);
  items_.pop_front();
  return text;
}

Task<> LiveOutbox::wait(long ms) {
  wake_.expires_after(std::chrono::milliseconds(ms));
  boost::system::error_code ec;
  co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
}

}  // namespace pulse::telemetry
