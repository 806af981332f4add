// Normalized metrics, and which raw metrics become them: value x multiplier + offset.
#include "alerting/metric_names.hpp"
#include "alerting/mounts.hpp"
#include "alerting/rules_told.hpp"
#include "platform/pg/described.hpp"

namespace pulse::alerting {

namespace {

using tenancy::TenantCaller;

struct NormalizedMetrics {
  std::string tenant_id;
  std::vector<NormalizedMetric> metrics;
};
BOOST_DESCRIBE_STRUCT(NormalizedMetrics, (), (tenant_id, metrics))
struct NormalizedMetricAnswer {
  std::string tenant_id;
  NormalizedMetric metric;
};
BOOST_DESCRIBE_STRUCT(NormalizedMetricAnswer, (), (tenant_id, metric))
struct NormalizedMetricCreate {
  std::string normalized_name;
  std::optional<std::string> display_unit, description;
  std::optional<double> expected_min, expected_max;
};
BOOST_DESCRIBE_STRUCT(NormalizedMetricCreate, (),
                      (normalized_name, display_unit, description, expected_min, expected_max))
inline auto constraints(json::As<NormalizedMetricCreate>) {
  using T = NormalizedMetricCreate;
  return json::rules<T>()
      .length(&T::normalized_name, 1, 100)
      .length(&T::display_unit, 0, 50)
      .length(&T::description, 0, 2000)
      .check("normalized_name", [](const T& t) -> std::string {
        return metric_word(t.normalized_name) == t.normalized_name
                   ? ""
                   : "must not be blank, nor have blanks around or control characters";
      });
}
struct NormalizedMetricUpdate {
  json::Patch<std::string> display_unit, description;
  json::Patch<double> expected_min, expected_max;
};
BOOST_DESCRIBE_STRUCT(NormalizedMetricUpdate, (),
                      (display_unit, description, expected_min, expected_max))
inline auto constraints(json::As<NormalizedMetricUpdate>) {
  using T = NormalizedMetricUpdate;
  return json::rules<T>().length(&T::display_unit, 0, 50).length(&T::description, 0, 2000);
}

struct MetricMappings {
  std::string tenant_id;
  std::vector<MetricMappingRow> mappings;
};
BOOST_DESCRIBE_STRUCT(MetricMappings, (), (tenant_id, mappings))
struct MetricMappingAnswer {
  std::string tenant_id;
  MetricMappingRow mapping;
};
BOOST_DESCRIBE_STRUCT(MetricMappingAnswer, (), (tenant_id, mapping))
struct MappingQuery {
  std::optional<std::string> normalized_name;
};
BOOST_DESCRIBE_STRUCT(MappingQuery, (), (normalized_name))
struct MetricMappingCreate {
  std::string raw_metric, normalized_name;
  std::optional<double> multiplier, offset_value;
};
BOOST_DESCRIBE_STRUCT(MetricMappingCreate, (),
                      (raw_metric, normalized_name, multiplier, offset_value))
inline auto constraints(json::As<MetricMappingCreate>) {
  using T = MetricMappingCreate;
  return json::rules<T>()
      .length(&T::raw_metric, 1, 100)
      .length(&T::normalized_name, 1, 100)
      .describe(&T::multiplier, "1 where none is given")
      .describe(&T::offset_value, "Added after multiplying; 0 where none is given");
}
struct MetricMappingUpdate {
  std::optional<double> multiplier, offset_value;
};
BOOST_DESCRIBE_STRUCT(MetricMappingUpdate, (), (multiplier, offset_value))

Task<NormalizedMetrics> list_normalized(AlertingDeps, TenantCaller caller) {
  const auto rows =
      co_await caller.db.query("SELECT * FROM normalized_metrics ORDER BY normalized_name");
  NormalizedMetrics out;
  out.tenant_id = caller.tenant();
  out.metrics = pg::rows_as<NormalizedMetric>(rows);
  co_return out;
}

Task<NormalizedMetricAnswer> known_normalized(TenantCaller caller, std::string name) {
  const auto rows = co_await caller.db.query(
      "SELECT * FROM normalized_metrics WHERE normalized_name = $1", pg::Params::of(name));
  if (rows.empty()) throw not_found("Normalized metric not found");
  NormalizedMetricAnswer out;
  out.tenant_id = caller.tenant();
  out.metric = pg::row_as<NormalizedMetric>(rows, 0);
  co_return out;
}

Task<NormalizedMetricAnswer> create_normalized(AlertingDeps d, TenantCaller caller,
                                               http::Body<NormalizedMetricCreate> body) {
  require_administrator(caller);
  check_bounds(body->expected_min, body->expected_max);
  auto statement = pg::insert_of("normalized_metrics", body.value, {{"tenant_id", caller.tenant()}},
                                 "ON CONFLICT DO NOTHING RETURNING 1");
  const auto rows = co_await caller.db.query(statement.first, statement.second);
  if (rows.empty()) throw conflict("Normalized metric already exists");
  metric_told(d, caller, "create", "normalized_metric", body->normalized_name,
              "Normalized metric " + body->normalized_name + " created");
  co_return co_await known_normalized(caller, body->normalized_name);
}

Task<NormalizedMetricAnswer> patch_normalized(AlertingDeps d, TenantCaller caller,
                                              http::Path<"name"> name,
                                              http::Body<NormalizedMetricUpdate> body) {
  require_administrator(caller);
  auto change = pg::change_of(body.value);
  const auto before = co_await known_normalized(caller, name.value);
  if (change.empty()) throw bad_request("No fields provided");
  check_bounds(body->expected_min ? body->expected_min.value : before.metric.expected_min,
               body->expected_max ? body->expected_max.value : before.metric.expected_max);
  change.also("updated_at = now()");
  const auto statement = change.in("normalized_metrics", "normalized_name = ?", name.value);
  const auto rows = co_await caller.db.query(statement.first, statement.second);
  if (rows.empty()) throw not_found("Normalized metric not found");
  metric_told(d, caller, "update", "normalized_metric", name.value,
              "Normalized metric " + name.value + " changed", pg::RowChange::told(rows));
  co_return co_await known_normalized(caller, name.value);
}

Task<DeletedMetricName> delete_normalized(AlertingDeps d, TenantCaller caller,
                                          http::Path<"name"> name) {
  require_administrator(caller);
  const auto rows = co_await caller.db.query(
      "DELETE FROM normalized_metrics WHERE normalized_name = $1 RETURNING 1",
      pg::Params::of(name.value));
  if (rows.empty()) throw not_found("Normalized metric not found");
  metric_told(d, caller, "delete", "normalized_metric", name.value,
              "Normalized metric " + name.value + " deleted, with its mappings");
  DeletedMetricName out;
  out.name = name.value;
  co_return out;
}

/// Every value would become the offset.
void check_multiplier(const std::optional<double>& multiplier) {
  if (multiplier == 0)
    throw bad_request("multiplier must not be 0: every value would become offset_value");
}

std::string raw_name(const std::string& text) {
  const auto word = metric_word(text);
  if (!word || *word != text || text.size() > 100) throw bad_request("Invalid raw metric name");
  return *word;
}

Task<MetricMappings> list_mappings(AlertingDeps, TenantCaller caller,
                                   http::Query<MappingQuery> query) {
  const auto rows = co_await caller.db.query(
      "SELECT * FROM metric_mappings WHERE $1::text IS NULL OR normalized_name = $1 "
      "ORDER BY raw_metric",
      pg::Params::of(query->normalized_name));
  MetricMappings out;
  out.tenant_id = caller.tenant();
  out.mappings = pg::rows_as<MetricMappingRow>(rows);
  co_return out;
}

Task<MetricMappingAnswer> known_mapping(TenantCaller caller, std::string raw) {
  const auto rows = co_await caller.db.query("SELECT * FROM metric_mappings WHERE raw_metric = $1",
                                             pg::Params::of(raw));
  if (rows.empty()) throw not_found("Metric mapping not found");
  MetricMappingAnswer out;
  out.tenant_id = caller.tenant();
  out.mapping = pg::row_as<MetricMappingRow>(rows, 0);
  co_return out;
}

Task<MetricMappingAnswer> create_mapping(AlertingDeps d, TenantCaller caller,
                                         http::Body<MetricMappingCreate> body) {
  require_administrator(caller);
  const auto raw = raw_name(body->raw_metric);
  check_multiplier(body->multiplier);
  auto params = pg::Params::of(caller.tenant(), raw, body->normalized_name,
                               body->multiplier.value_or(1), body->offset_value.value_or(0));
  // A raw metric becomes one normalized one: mapped again, it becomes the other.
  const auto rows = co_await caller.db.query(R"sql(
    INSERT INTO metric_mappings (tenant_id, raw_metric, normalized_name, multiplier, offset_value)
    SELECT $1, $2, normalized_name, $4, $5 FROM normalized_metrics WHERE normalized_name = $3
    ON CONFLICT (tenant_id, raw_metric) DO UPDATE SET normalized_name = excluded.normalized_name,
      multiplier = excluded.multiplier, offset_value = excluded.offset_value
    RETURNING 1
  )sql",
                                             std::move(params));
  if (rows.empty()) throw not_found("Normalized metric not found");
  auto made = co_await known_mapping(caller, raw);
  boost::json::object details;
  details["after"] = json::parse_text(json::to_text(made.mapping));
  metric_told(d, caller, "create", "metric_mapping", raw,
              "Metric " + raw + " mapped to " + body->normalized_name, std::move(details));
  co_return made;
}

Task<MetricMappingAnswer> patch_mapping(AlertingDeps d, TenantCaller caller,
                                        http::Path<"raw_metric"> name,
                                        http::Body<MetricMappingUpdate> body) {
  require_administrator(caller);
  const auto raw = raw_name(name.value);
  check_multiplier(body->multiplier);
  co_await known_mapping(caller, raw);
  const auto change = pg::change_of(body.value);
  if (change.empty()) throw bad_request("No fields provided");
  const auto statement = change.in("metric_mappings", "raw_metric = ?", raw);
  const auto rows = co_await caller.db.query(statement.first, statement.second);
  if (rows.empty()) throw not_found("Metric mapping not found");
  metric_told(d, caller, "update", "metric_mapping", raw, "Mapping of metric " + raw + " changed",
              pg::RowChange::told(rows));
  co_return co_await known_mapping(caller, raw);
}

Task<DeletedMetricName> delete_mapping(AlertingDeps d, TenantCaller caller,
                                       http::Path<"raw_metric"> name) {
  require_administrator(caller);
  const auto raw = raw_name(name.value);
  const auto rows = co_await caller.db.query(
      "DELETE FROM metric_mappings WHERE raw_metric = $1 RETURNING 1", pg::Params::of(raw));
  if (rows.empty()) throw not_found("Metric mapping not found");
  metric_told(d, caller, "delete", "metric_mapping", raw, "Mapping of metric " + raw + " deleted");
  DeletedMetricName out;
  out.name = raw;
  co_return out;
}

}  // namespace

void mount_metric_names(http::Router& api, const AlertingDeps& d) {
  const std::string metrics = "/api/v1/customer/normalized-metrics";
  const std::string mappings = "/api/v1/customer/metric-mappings";
  const std::string refused = "Tenant administrator role required";
  const auto endpoint = [](http::Endpoint e, const char* summary) {
    return e.tag("Metrics").summary(summary);
  };
  const auto write = [&](http::Endpoint e, const char* summary) {
    return endpoint(std::move(e), summary).needs("alerts.rules.write").fails(403, refused);
  };
  endpoint(api.get(metrics, http::bound(d, list_normalized)), "List normalized metrics")
      .customers();
  write(api.post(metrics, http::bound(d, create_normalized)), "Create a normalized metric")
      .description("For tenant administrators.")
      .fails(400, "expected_min must be <= expected_max")
      .fails(409, "Normalized metric already exists")
      .example({{"normalized_name", "temperature"}, {"display_unit", "°C"}});
  write(api.patch(metrics + "/{name}", http::bound(d, patch_normalized)),
        "Change a normalized metric")
      .description("For tenant administrators.")
      .fails(400, "No fields provided; expected_min must be <= expected_max")
      .fails(404, "Normalized metric not found");
  write(api.del(metrics + "/{name}", http::bound(d, delete_normalized)),
        "Delete a normalized metric and its mappings")
      .description("For tenant administrators.")
      .fails(404, "Normalized metric not found");
  endpoint(api.get(mappings, http::bound(d, list_mappings)), "List mappings of raw metrics")
      .customers();
  write(api.post(mappings, http::bound(d, create_mapping)), "Map a raw metric to a normalized one")
      .description(
          "normalized value = raw value x multiplier + offset_value. Rules see it within a second; "
          "series, rows and exports that are asked for by the normalized name answer with it. "
          "Durations of rules on the normalized metric begin anew. Where a message has several raw "
          "metrics of one name, that of the very name counts first, then by their names' bytes. "
          "Mapped again, a raw metric becomes the other. For tenant administrators.")
      .fails(400, "Invalid raw metric name; multiplier must not be 0: ...")
      .fails(404, "Normalized metric not found")
      .example({{"raw_metric", "temp_f"},
                {"normalized_name", "temperature"},
                {"multiplier", 0.5556},
                {"offset_value", -17.78}});
  write(api.patch(mappings + "/{raw_metric}", http::bound(d, patch_mapping)), "Change a mapping")
      .description("For tenant administrators.")
      .fails(400, "Invalid raw metric name; No fields provided; multiplier must not be 0: ...")
      .fails(404, "Metric mapping not found");
  write(api.del(mappings + "/{raw_metric}", http::bound(d, delete_mapping)), "Delete a mapping")
      .description("For tenant administrators.")
      .fails(400, "Invalid raw metric name")
      .fails(404, "Metric mapping not found");
}

}  // namespace pulse::alerting
