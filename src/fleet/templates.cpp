// Device templates: the system's, which anyone may clone, and a tenant's own.
#include "fleet/mounts.hpp"
#include "platform/json/rules.hpp"
#include "platform/pg/clauses.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;

struct Template {
  std::int64_t id = 0;
  std::optional<std::string> tenant_id;
  std::string name, slug;
  std::optional<std::string> description;
  std::string category;
  std::optional<std::string> manufacturer, model, firmware_version_pattern;
  bool is_locked = false;
  std::string source;
  json::Raw transport_defaults, metadata;
  std::optional<std::string> image_url;
  std::optional<std::int64_t> heartbeat_stale_seconds;
  Time created_at, updated_at;
};
BOOST_DESCRIBE_STRUCT(Template, (),
                      (id, tenant_id, name, slug, description, category, manufacturer, model,
                       firmware_version_pattern, is_locked, source, transport_defaults, metadata,
                       image_url, heartbeat_stale_seconds, created_at, updated_at))
struct TemplateMetric {
  std::int64_t id = 0, template_id = 0;
  std::string metric_key, display_name, data_type;
  std::optional<std::string> unit;
  std::optional<double> min_value, max_value;
  std::int64_t precision_digits = 2;
  bool is_required = false;
  std::optional<std::string> description;
  json::Raw enum_values;
  std::int64_t sort_order = 0;
};
BOOST_DESCRIBE_STRUCT(TemplateMetric, (),
                      (id, template_id, metric_key, display_name, data_type, unit, min_value,
                       max_value, precision_digits, is_required, description, enum_values,
                       sort_order))
struct TemplateDetail {
  std::int64_t id = 0;
  std::optional<std::string> tenant_id;
  std::string name, slug;
  std::optional<std::string> description;
  std::string category;
  std::optional<std::string> manufacturer, model, firmware_version_pattern;
  bool is_locked = false;
  std::string source;
  json::Raw transport_defaults, metadata;
  std::optional<std::string> image_url;
  std::optional<std::int64_t> heartbeat_stale_seconds;
  Time created_at, updated_at;
  std::vector<TemplateMetric> metrics;
  std::vector<boost::json::object> commands, slots;
};
BOOST_DESCRIBE_STRUCT(TemplateDetail, (),
                      (id, tenant_id, name, slug, description, category, manufacturer, model,
                       firmware_version_pattern, is_locked, source, transport_defaults, metadata,
                       image_url, heartbeat_stale_seconds, created_at, updated_at, metrics,
                       commands, slots))
struct TemplateList {
  std::vector<Template> templates;
};
BOOST_DESCRIBE_STRUCT(TemplateList, (), (templates))

struct TemplateQuery {
  std::optional<std::string> category, source, search;
};
BOOST_DESCRIBE_STRUCT(TemplateQuery, (), (category, source, search))

struct CreateTemplate {
  std::string name, slug;
  std::optional<std::string> description;
  std::string category;
  std::optional<std::string> manufacturer, model, firmware_version_pattern;
  std::optional<boost::json::object> transport_defaults, metadata;
  std::optional<std::string> image_url;
  std::optional<std::int64_t> heartbeat_stale_seconds;
};
BOOST_DESCRIBE_STRUCT(CreateTemplate, (),
                      (name, slug, description, category, manufacturer, model,
                       firmware_version_pattern, transport_defaults, metadata, image_url,
                       heartbeat_stale_seconds))
inline auto constraints(json::As<CreateTemplate>) {
  return json::rules<CreateTemplate>()
      .length(&CreateTemplate::name, 1, 200)
      .length(&CreateTemplate::slug, 1, 100)
      .one_of(&CreateTemplate::category,
              {"gateway", "edge_device", "standalone_sensor", "controller", "expansion_module"})
      .length(&CreateTemplate::manufacturer, 0, 200)
      .length(&CreateTemplate::model, 0, 200)
      .range(&CreateTemplate::heartbeat_stale_seconds, 1, 86'400)
      .describe(&CreateTemplate::heartbeat_stale_seconds,
                "Silence until its devices are STALE, where they have no limit of their own")
      .check("slug", [](const CreateTemplate& t) -> std::string {
        const auto fits = [](char c, bool first) {
          return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                 (!first && (c == '_' || c == '-'));
        };
        for (std::size_t i = 0; i < t.slug.size(); ++i)
          if (!fits(t.slug[i], i == 0))
            return "must begin with a-z or 0-9 and go on with those, '_' or '-'";
        return {};
      });
}

constexpr const char* columns =
    "id, tenant_id, name, slug, description, category, manufacturer, model, "
    "firmware_version_pattern, is_locked, source, transport_defaults, metadata, image_url, "
    "heartbeat_stale_seconds, created_at, updated_at";

Task<TemplateDetail> detail_of(tenancy::TenantDb db, std::int64_t id) {
  std::vector<std::pair<std::string, pg::Params>> statements;
  statements.emplace_back(std::string("SELECT ") + columns + " FROM device_templates WHERE id = $1",
                          pg::Params::of(id));
  statements.emplace_back(
      "SELECT id, template_id, metric_key, display_name, data_type, unit, min_value, max_value, "
      "precision_digits, is_required, description, enum_values, sort_order FROM template_metrics "
      "WHERE template_id = $1 ORDER BY sort_order, id",
      pg::Params::of(id));
  const auto results = co_await db.batch(std::move(statements));
  if (results[0].empty()) throw not_found("Template not found");
  auto out = pg::row_as<TemplateDetail>(results[0], 0);
  out.metrics = pg::rows_as<TemplateMetric>(results[1]);
  co_return out;
}

Task<TemplateList> list_templates(FleetDeps, TenantCaller caller,
                                  http::Query<TemplateQuery> query) {
  pg::Clauses where(" AND ");
  if (query->category) where.add("category = ?", *query->category);
  if (query->source) where.add("source = ?", *query->source);
  if (query->search && !query->search->empty())
    where.add(
        "position(lower(?) in lower(name || ' ' || slug || ' ' || coalesce(description, ''))) "
        "> 0",
        *query->search);
  const auto rows =
      co_await caller.db.query(std::string("SELECT ") + columns + " FROM device_templates" +
                                   where.where() + " ORDER BY source DESC, name, id",
                               where.params());
  co_return TemplateList{pg::rows_as<Template>(rows)};
}

Task<TemplateDetail> get_template(FleetDeps, TenantCaller caller,
                                  http::Path<"template_id", std::int32_t> id) {
  co_return co_await detail_of(caller.db, id.value);
}

Task<http::Created<TemplateDetail>> create_template(FleetDeps d, TenantCaller caller,
                                                    http::Body<CreateTemplate> body) {
  const auto json_or = [](const std::optional<boost::json::object>& o, const char* otherwise) {
    return o ? json::to_text(*o) : std::string(otherwise);
  };
  const auto& b = body.value;
  const auto rows = co_await caller.db.query(
      "INSERT INTO device_templates (tenant_id, name, slug, description, category, manufacturer, "
      "model, firmware_version_pattern, transport_defaults, metadata, image_url, "
      "heartbeat_stale_seconds) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, nullif($9, 'null')::jsonb, $10::jsonb, $11, $12) "
      "ON CONFLICT DO NOTHING RETURNING id",
      pg::Params::of(caller.tenant(), b.name, b.slug, b.description, b.category, b.manufacturer,
                     b.model, b.firmware_version_pattern, json_or(b.transport_defaults, "null"),
                     json_or(b.metadata, "{}"), b.image_url, b.heartbeat_stale_seconds));
  if (rows.empty()) throw conflict("Template slug already exists");
  tell_pages(d, caller.tenant(), "templates");
  d.audit->write(AuditLog::of(caller, "template.created", "create", "template",
                              std::string(rows.text(0, 0)), "Template " + b.name + " created"));
  auto made = co_await detail_of(caller.db, rows.int64(0, 0));
  co_return http::Created<TemplateDetail>{std::move(made)};
}

/// The copy's slug is the first free one of "{slug}-copy", "{slug}-copy2", ...
Task<http::Created<TemplateDetail>> clone_template(FleetDeps d, TenantCaller caller,
                                                   http::Path<"template_id", std::int32_t> id) {
  auto tx = co_await caller.db.begin();
  const auto rows = co_await tx.query(R"sql(
    WITH source AS (
      SELECT * FROM device_templates WHERE id = $1
    ), free AS (
      SELECT source.slug || '-copy' || CASE n WHEN 1 THEN '' ELSE n::text END AS slug
      FROM source, generate_series(1, 1000) n
      WHERE NOT EXISTS (SELECT FROM device_templates t WHERE t.tenant_id = $2
        AND t.slug = source.slug || '-copy' || CASE n WHEN 1 THEN '' ELSE n::text END)
      ORDER BY n LIMIT 1
    ), made AS (
      INSERT INTO device_templates (tenant_id, name, slug, description, category, manufacturer,
        model, firmware_version_pattern, transport_defaults, metadata, image_url,
        heartbeat_stale_seconds)
      SELECT $2, s.name || ' (copy)', free.slug, s.description, s.category, s.manufacturer, s.model,
        s.firmware_version_pattern, s.transport_defaults, s.metadata, s.image_url,
        s.heartbeat_stale_seconds
      FROM source s, free RETURNING id
    )
    SELECT id FROM made
  )sql",
                                      pg::Params::of(id.value, caller.tenant()));
  if (rows.empty()) throw not_found("Template not found");
  const auto copy = rows.int64(0, 0);
  co_await tx.query(
      "INSERT INTO template_metrics (template_id, metric_key, display_name, data_type, unit, "
      "min_value, max_value, precision_digits, is_required, description, enum_values, sort_order) "
      "SELECT $2, metric_key, display_name, data_type, unit, min_value, max_value, "
      "precision_digits, is_required, description, enum_values, sort_order "
      "FROM template_metrics WHERE template_id = $1",
      pg::Params::of(id.value, copy));
  co_await tx.commit();
  tell_pages(d, caller.tenant(), "templates");
  d.audit->write(AuditLog::of(caller, "template.cloned", "create", "template", std::to_string(copy),
                              "Template " + std::to_string(id.value) + " cloned"));
  auto made = co_await detail_of(caller.db, copy);
  co_return http::Created<TemplateDetail>{std::move(made)};
}

}  // namespace

void mount_templates(http::Router& api, const FleetDeps& d) {
  const std::string base = "/api/v1/customer/templates";
  api.get(base, http::bound(d, list_templates))
      .customers()
      .tag("Templates")
      .summary("Device templates: the system's and your own");
  api.post(base, http::bound(d, create_template))
      .needs("devices.write")
      .tag("Templates")
      .summary("Create a template")
      .fails(409, "Template slug already exists");
  api.get(base + "/{template_id}", http::bound(d, get_template))
      .customers()
      .tag("Templates")
      .summary("A template with its metrics")
      .fails(404, "Template not found");
  api.post(base + "/{template_id}/clone", http::bound(d, clone_template))
      .needs("devices.write")
      .tag("Templates")
      .summary("Copy a template into your own")
      .fails(404, "Template not found")
      .fails(409, "Template slug already exists");
}

}  // namespace pulse::fleet
