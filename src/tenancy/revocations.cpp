#include "tenancy/revocations.hpp"

#include <boost/json.hpp>
#include <mutex>
#include <unordered_map>

#include "platform/json/write.hpp"
#include "platform/log.hpp"

namespace pulse::tenancy {

namespace {

constexpr const char* ended_subject = "pulse.tokens.ended";
/// Longer than any access token lives, with leeway.
constexpr long kept_s = 3'700;

pg::Scope scope() { return pg::Scope("pulse_ingest", {}); }

}  // namespace

struct Revocations::Impl {
  nats::Client* nats = nullptr;
  mutable std::mutex mutex;
  std::unordered_map<std::string, std::int64_t> ended;  // subject to epoch ms
  std::unique_ptr<nats::Subscription> subscription;

  void add(const std::string& subject, std::int64_t not_before_ms) {
    const std::lock_guard lock(mutex);
    auto& at = ended[subject];
    at = std::max(at, not_before_ms);
  }
};

Revocations::Revocations(nats::Client& nats, boost::asio::any_io_executor executor)
    : impl_(std::make_shared<Impl>()) {
  impl_->nats = &nats;
  std::weak_ptr<Impl> weak = impl_;
  impl_->subscription =
      nats.subscribe(ended_subject, "", std::move(executor), [weak](nats::Message message) {
        boost::system::error_code ec;
        const auto told = boost::json::parse(message.data, ec);
        const auto self = weak.lock();
        if (self && !ec && told.is_array() && told.as_array().size() == 2 &&
            told.at(0).is_string() && told.at(1).is_int64())
          self->add(std::string(told.at(0).as_string()), told.at(1).as_int64());
      });
}
Revocations::~Revocations() = default;

bool Revocations::covers(const Caller& caller) const {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->ended.empty()) return false;
  if (!caller.session_id.empty() && impl_->ended.contains("session:" + caller.session_id))
    return true;
  const auto it = impl_->ended.find("user:" + caller.user_id);
  return it != impl_->ended.end() && caller.issued_at_ms <= it->second;
}

Task<> Revocations::end(pg::Pool& pool, std::string subject) {
  const auto at_ms = now_ms();
  co_await pool.query(
      scope(),
      "INSERT INTO token_revocations (subject, not_before, expires_at) "
      "VALUES ($1, to_timestamp($2::bigint / 1000.0), now() + make_interval(secs => $3)) ON "
      "CONFLICT (subject) "
      "DO UPDATE SET not_before = excluded.not_before, expires_at = excluded.expires_at",
      pg::Params::of(subject, at_ms, kept_s));
  impl_->add(subject, at_ms);
  impl_->nats->publish(ended_subject, json::to_text(boost::json::array{subject, at_ms}));
}

Task<> Revocations::end_user(pg::Pool& pool, std::string user_id) {
  return end(pool, "user:" + user_id);
}
Task<> Revocations::end_session(pg::Pool& pool, std::string session_id) {
  return end(pool, "session:" + session_id);
}

Task<> Revocations::refresh(pg::Pool& pool) {
  std::vector<pg::Statement> work;
  work.emplace_back("DELETE FROM token_revocations WHERE expires_at < now()", pg::Params());
  work.emplace_back(
      "SELECT subject, (extract(epoch FROM not_before) * 1000)::bigint FROM token_revocations",
      pg::Params());
  const auto results = co_await pool.batch(scope(), std::move(work));
  const auto& rows = results[1];
  std::unordered_map<std::string, std::int64_t> fresh;
  for (int i = 0; i < rows.rows(); ++i) fresh[std::string(rows.text(i, 0))] = rows.int64(i, 1);
  const std::lock_guard lock(impl_->mutex);
  // What another loop added while we read is not in the answer yet; it is in the next.
  const auto recent = now_ms() - 60'000;
  for (const auto& [subject, at] : impl_->ended)
    if (at >= recent) fresh.try_emplace(subject, at);
  impl_->ended = std::move(fresh);
}

}  // namespace pulse::tenancy
