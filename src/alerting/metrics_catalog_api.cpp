// The catalogue of metrics, and a reference of all there are.
#include <algorithm>

#include "alerting/metric_names.hpp"
#include "alerting/mounts.hpp"
#include "alerting/rules_told.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::alerting {

void require_administrator(const tenancy::TenantCaller& caller) {
  const auto& who = caller.who;
  if (!who.is_tenant_admin() && !who.is_operator() && !who.is_service)
    throw forbidden("Tenant administrator role required");
}

std::optional<std::string> metric_word(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t\r\n"), end = text.find_last_not_of(" \t\r\n");
  if (begin == std::string::npos) return std::nullopt;
  auto word = text.substr(begin, end - begin + 1);
  for (const char c : word)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return std::nullopt;
  return word;
}

namespace {

using tenancy::TenantCaller;

struct RawMetricReference {
  std::string name;
  std::optional<std::string> mapped_to;
};
BOOST_DESCRIBE_STRUCT(RawMetricReference, (), (name, mapped_to))
struct NormalizedMetricReference {
  std::string name;
  std::optional<std::string> display_unit, description;
  std::optional<double> expected_min, expected_max;
  std::vector<std::string> mapped_from;
};
BOOST_DESCRIBE_STRUCT(NormalizedMetricReference, (),
                      (name, display_unit, description, expected_min, expected_max, mapped_from))
struct MetricReference {
  std::vector<RawMetricReference> raw_metrics;
  std::vector<NormalizedMetricReference> normalized_metrics;
  std::vector<std::string> unmapped;
};
BOOST_DESCRIBE_STRUCT(MetricReference, (), (raw_metrics, normalized_metrics, unmapped))

struct MetricCatalog {
  std::string tenant_id;
  std::vector<CatalogMetric> metrics;
};
BOOST_DESCRIBE_STRUCT(MetricCatalog, (), (tenant_id, metrics))
struct MetricCatalogUpsert {
  std::string metric_name;
  std::optional<std::string> description, unit;
  std::optional<double> expected_min, expected_max;
};
BOOST_DESCRIBE_STRUCT(MetricCatalogUpsert, (),
                      (metric_name, description, unit, expected_min, expected_max))
inline auto constraints(json::As<MetricCatalogUpsert>) {
  using T = MetricCatalogUpsert;
  return json::rules<T>()
      .length(&T::metric_name, 1, 100)
      .length(&T::description, 0, 2000)
      .length(&T::unit, 0, 50);
}
struct CatalogEntry {
  std::string tenant_id;
  CatalogMetric metric;
};
BOOST_DESCRIBE_STRUCT(CatalogEntry, (), (tenant_id, metric))

// What devices said last names all that they send; sensors name what is expected of them.
constexpr const char* select_raw = R"sql(
  SELECT name, m.normalized_name AS mapped_to FROM (
    SELECT jsonb_object_keys(state) AS name FROM device_state
    UNION SELECT metric_key FROM device_sensors
    UNION SELECT raw_metric FROM metric_mappings) n
  LEFT JOIN metric_mappings m ON m.raw_metric = n.name
  ORDER BY name LIMIT 5000
)sql";
constexpr const char* select_normalized = R"sql(
  SELECT n.normalized_name AS name, display_unit, description, expected_min, expected_max,
    ARRAY(SELECT raw_metric FROM metric_mappings m WHERE m.tenant_id = n.tenant_id
          AND m.normalized_name = n.normalized_name ORDER BY raw_metric) AS mapped_from
  FROM normalized_metrics n ORDER BY normalized_name
)sql";

Task<MetricReference> get_reference(AlertingDeps, TenantCaller caller) {
  std::vector<std::pair<std::string, pg::Params>> statements;
  statements.emplace_back(select_raw, pg::Params());
  statements.emplace_back(select_normalized, pg::Params());
  const auto rows = co_await caller.db.batch(std::move(statements));
  MetricReference out;
  out.raw_metrics = pg::rows_as<RawMetricReference>(rows[0]);
  out.normalized_metrics = pg::rows_as<NormalizedMetricReference>(rows[1]);
  for (const auto& m : out.raw_metrics)
    if (!m.mapped_to) out.unmapped.push_back(m.name);
  co_return out;
}

Task<MetricCatalog> get_catalog(AlertingDeps, TenantCaller caller) {
  const auto rows = co_await caller.db.query("SELECT * FROM metric_catalog ORDER BY metric_name");
  MetricCatalog out;
  out.tenant_id = caller.tenant();
  out.metrics = pg::rows_as<CatalogMetric>(rows);
  co_return out;
}

Task<CatalogEntry> put_entry(AlertingDeps d, TenantCaller caller,
                             http::Body<MetricCatalogUpsert> body) {
  require_administrator(caller);
  const auto name = metric_word(body->metric_name);
  if (!name) throw bad_request("metric_name is required");
  check_bounds(body->expected_min, body->expected_max);
  auto params = pg::Params::of(caller.tenant(), *name, body->description, body->unit,
                               body->expected_min, body->expected_max);
  const auto rows = co_await caller.db.query(R"sql(
    INSERT INTO metric_catalog AS c
      (tenant_id, metric_name, description, unit, expected_min, expected_max)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (tenant_id, metric_name) DO UPDATE SET description = excluded.description,
      unit = excluded.unit, expected_min = excluded.expected_min,
      expected_max = excluded.expected_max, updated_at = now()
    RETURNING *
  )sql",
                                             std::move(params));
  CatalogEntry out;
  out.tenant_id = caller.tenant();
  out.metric = pg::row_as<CatalogMetric>(rows, 0);
  boost::json::object details;
  details["after"] = json::parse_text(json::to_text(out.metric));
  metric_told(d, caller, "update", "metric_catalog", *name, "Metric " + *name + " described",
              std::move(details));
  co_return out;
}

Task<DeletedMetricName> delete_entry(AlertingDeps d, TenantCaller caller,
                                     http::Path<"metric_name"> name) {
  require_administrator(caller);
  const auto rows = co_await caller.db.query(
      "DELETE FROM metric_catalog WHERE metric_name = $1 RETURNING 1", pg::Params::of(name.value));
  if (rows.empty()) throw not_found("Metric not found");
  metric_told(d, caller, "delete", "metric_catalog", name.value,
              "Description of metric " + name.value + " deleted");
  DeletedMetricName out;
  out.name = name.value;
  co_return out;
}

}  // namespace

void mount_metric_catalog(http::Router& api, const AlertingDeps& d) {
  const std::string base = "/api/v1/customer/metrics";
  const auto endpoint = [](http::Endpoint e, const char* summary) {
    return e.tag("Metrics").summary(summary);
  };
  endpoint(api.get(base + "/reference", http::bound(d, get_reference)),
           "All metrics, raw and normalized")
      .customers();
  endpoint(api.get(base + "/catalog", http::bound(d, get_catalog)), "What is known of each metric")
      .customers();
  endpoint(api.post(base + "/catalog", http::bound(d, put_entry)), "Describe a metric")
      .needs("alerts.rules.write")
      .description("For tenant administrators.")
      .fails(400, "metric_name is required; expected_min must be <= expected_max")
      .fails(403, "Tenant administrator role required")
      .example({{"metric_name", "temp_c"},
                {"description", "Temperature of the air"},
                {"unit", "°C"},
                {"expected_min", -40},
                {"expected_max", 60}});
  endpoint(api.del(base + "/catalog/{metric_name}", http::bound(d, delete_entry)),
           "Forget a metric's description")
      .needs("alerts.rules.write")
      .description("For tenant administrators.")
      .fails(403, "Tenant administrator role required")
      .fails(404, "Metric not found");
}

}  // namespace pulse::alerting
