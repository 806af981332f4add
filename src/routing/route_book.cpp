#include "routing/route_book.hpp"

#include "platform/clock.hpp"
#include "routing/queue.hpp"

namespace pulse::routing {

namespace {
constexpr std::int64_t refresh_ms = 3'000;
}  // namespace

void TenantRoutes::add(std::string_view topic_filter, RunningRoute route) {
  trie_.add(topic_filter, static_cast<std::uint32_t>(routes_.size()));
  routes_.push_back(std::move(route));
}

std::vector<const RunningRoute*> TenantRoutes::match(std::string_view topic,
                                                     const boost::json::value& payload) const {
  std::vector<std::uint32_t> found;
  trie_.match(topic, found);
  std::vector<const RunningRoute*> out;
  out.reserve(found.size());
  for (const auto at : found)
    if (routes_[at].filter.matches(payload)) out.push_back(&routes_[at]);
  return out;
}

RouteBook::RouteBook(nats::Client& nats, boost::asio::any_io_executor executor)
    : subscription_(nats.subscribe(routes_changed_subject, "", std::move(executor),
                                   [this](nats::Message) { due_ms_ = 0; })) {}

const TenantRoutes* RouteBook::of(std::string_view tenant) const {
  const auto known = tenants_.find(tenant);
  return known == tenants_.end() ? nullptr : &known->second.routes;
}

Task<> RouteBook::refresh(pg::Pool& pool) {
  if (steady_ms() < due_ms_) co_return;
  due_ms_ = steady_ms() + refresh_ms;
  const auto scope = worker_scope();
  const auto versions = co_await pool.query(
      scope, "SELECT tenant_id, version FROM message_route_versions WHERE enabled_routes > 0");
  std::map<std::string, std::int64_t, std::less<>> now;
  std::vector<std::string> changed;
  for (int i = 0; i < versions.rows(); ++i) {
    const auto [at, fresh] = now.emplace(versions.text(i, 0), versions.int64(i, 1));
    const auto known = tenants_.find(at->first);
    if (known == tenants_.end() || known->second.version != at->second)
      changed.push_back(at->first);
  }
  std::map<std::string, Known, std::less<>> read;
  if (!changed.empty()) {
    const auto rows =
        co_await pool.query(scope,
                            "SELECT tenant_id, id, version, topic_filter, payload_filter, "
                            "destination_type = 'mqtt_republish' FROM message_routes "
                            "WHERE tenant_id = ANY ($1) AND is_enabled ORDER BY tenant_id, id",
                            pg::Params::of(changed));
    for (int i = 0; i < rows.rows(); ++i) {
      RunningRoute route;
      route.id = static_cast<std::int32_t>(rows.int64(i, 1));
      route.version = rows.int64(i, 2);
      route.republishes = rows.boolean(i, 5);
      if (!rows.null(i, 4))
        route.filter = PayloadFilter(boost::json::parse(rows.text(i, 4)).as_object());
      auto& of = read[std::string(rows.text(i, 0))];
      of.routes.add(rows.text(i, 3), std::move(route));
    }
  }
  // A tenant whose routes ended since the first look is read as one without; its version says so at
  // the next.
  for (const auto& tenant : changed) {
    auto& of = read[tenant];
    of.version = now[tenant];
    tenants_.insert_or_assign(tenant, std::move(of));
  }
  std::erase_if(tenants_, [&](const auto& entry) { return !now.contains(entry.first); });
}

}  // namespace pulse::routing
