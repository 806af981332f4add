#include <algorithm>

#include "fleet/templates.hpp"
#include "platform/pg/described.hpp"

namespace pulse::fleet {

namespace {

constexpr const char* columns =
    "id, tenant_id, name, slug, description, category, manufacturer, model, "
    "firmware_version_pattern, is_locked, source, transport_defaults, metadata, image_url, "
    "heartbeat_stale_seconds, version, created_at, updated_at";

// Parts of the document $2 by key: those that are not in it go, the others keep their ids.
constexpr const char* write_metrics = R"sql(
  WITH wanted AS (
    SELECT * FROM jsonb_to_recordset($2::jsonb) AS w (metric_key text, display_name text,
      data_type text, unit text, min_value float8, max_value float8, precision_digits integer,
      is_required boolean, description text, enum_values jsonb, sort_order integer)
  ), gone AS (
    DELETE FROM template_metrics m WHERE m.template_id = $1
      AND m.metric_key NOT IN (SELECT metric_key FROM wanted)
  )
  INSERT INTO template_metrics (template_id, metric_key, display_name, data_type, unit, min_value,
    max_value, precision_digits, is_required, description, enum_values, sort_order)
  SELECT $1, metric_key, display_name, data_type, unit, min_value, max_value, precision_digits,
    is_required, description, nullif(enum_values, 'null'), sort_order FROM wanted
  ON CONFLICT (template_id, metric_key) DO UPDATE SET display_name = excluded.display_name,
    data_type = excluded.data_type, unit = excluded.unit, min_value = excluded.min_value,
    max_value = excluded.max_value, precision_digits = excluded.precision_digits,
    is_required = excluded.is_required, description = excluded.description,
    enum_values = excluded.enum_values, sort_order = excluded.sort_order
)sql";

constexpr const char* write_commands = R"sql(
  WITH wanted AS (
    SELECT * FROM jsonb_to_recordset($2::jsonb) AS w (command_key text, display_name text,
      description text, parameters_schema jsonb, response_schema jsonb, sort_order integer)
  ), gone AS (
    DELETE FROM template_commands c WHERE c.template_id = $1
      AND c.command_key NOT IN (SELECT command_key FROM wanted)
  )
  INSERT INTO template_commands (template_id, command_key, display_name, description,
    parameters_schema, response_schema, sort_order)
  SELECT $1, command_key, display_name, description, nullif(parameters_schema, 'null'),
    nullif(response_schema, 'null'), sort_order FROM wanted
  ON CONFLICT (template_id, command_key) DO UPDATE SET display_name = excluded.display_name,
    description = excluded.description, parameters_schema = excluded.parameters_schema,
    response_schema = excluded.response_schema, sort_order = excluded.sort_order
)sql";

constexpr const char* write_slots = R"sql(
  WITH wanted AS (
    SELECT w.*, CASE WHEN jsonb_typeof(w.compatible_slugs) = 'array' THEN
        ARRAY(SELECT t.id FROM device_templates t WHERE t.category = 'expansion_module'
              AND t.slug IN (SELECT jsonb_array_elements_text(w.compatible_slugs)) ORDER BY t.id)
      END AS modules
    FROM jsonb_to_recordset($2::jsonb) AS w (slot_key text, display_name text, slot_type text,
      interface_type text, max_devices integer, compatible_slugs jsonb, is_required boolean,
      description text, sort_order integer)
  ), gone AS (
    DELETE FROM template_slots s WHERE s.template_id = $1
      AND s.slot_key NOT IN (SELECT slot_key FROM wanted)
  )
  INSERT INTO template_slots (template_id, slot_key, display_name, slot_type, interface_type,
    max_devices, compatible_templates, is_required, description, sort_order)
  SELECT $1, slot_key, display_name, slot_type, interface_type, max_devices, modules, is_required,
    description, sort_order FROM wanted
  ON CONFLICT (template_id, slot_key) DO UPDATE SET display_name = excluded.display_name,
    slot_type = excluded.slot_type, interface_type = excluded.interface_type,
    max_devices = excluded.max_devices, compatible_templates = excluded.compatible_templates,
    is_required = excluded.is_required, description = excluded.description,
    sort_order = excluded.sort_order
)sql";

constexpr const char* detail_sql = R"sql(
  SELECT t.*, (SELECT count(*) FROM device_registry r
               WHERE r.template_id = t.id AND r.status <> 'DELETED') AS device_count
  FROM device_templates t WHERE t.id = $1
)sql";

}  // namespace

Task<std::vector<Template>> templates_matching(tenancy::TenantDb db, TemplateQuery query) {
  pg::Clauses where(" AND ");
  if (query.category) where.add("category = ?", *query.category);
  if (query.source) where.add("source = ?", *query.source);
  if (query.search && !query.search->empty())
    where.add(
        "position(lower(?) in lower(name || ' ' || slug || ' ' || coalesce(description, ''))) "
        "> 0",
        *query.search);
  const auto rows = co_await db.query(std::string("SELECT ") + columns + " FROM device_templates" +
                                          where.where() + " ORDER BY source DESC, name, id",
                                      where.params());
  co_return pg::rows_as<Template>(rows);
}

Task<TemplateDetail> template_detail(tenancy::TenantDb db, std::int64_t id) {
  std::vector<pg::Statement> statements;
  statements.emplace_back(detail_sql, pg::Params::of(id));
  for (const char* part : {"template_metrics", "template_commands", "template_slots"})
    statements.emplace_back(
        "SELECT * FROM " + std::string(part) + " WHERE template_id = $1 ORDER BY sort_order, id",
        pg::Params::of(id));
  const auto results = co_await db.batch(std::move(statements));
  if (results[0].empty()) throw not_found("Template not found");
  auto out = pg::row_as<TemplateDetail>(results[0], 0);
  out.metrics = pg::rows_as<TemplateMetric>(results[1]);
  out.commands = pg::rows_as<TemplateCommand>(results[2]);
  out.slots = pg::rows_as<TemplateSlot>(results[3]);
  co_return out;
}

Task<boost::json::object> template_document(tenancy::TenantDb db, std::int64_t id) {
  const auto rows =
      co_await db.query("SELECT pulse_template_document($1::integer)", pg::Params::of(id));
  if (rows.null(0, 0)) throw not_found("Template not found");
  co_return boost::json::parse(rows.text(0, 0)).as_object();
}

Task<std::vector<TemplateVersion>> template_versions(tenancy::TenantDb db, std::int64_t id) {
  const auto rows = co_await db.query(
      "SELECT version, changed_by, changed_at, document FROM template_versions "
      "WHERE template_id = $1 ORDER BY version DESC LIMIT 100",
      pg::Params::of(id));
  if (rows.empty()) throw not_found("Template not found");
  co_return pg::rows_as<TemplateVersion>(rows);
}

Task<std::int64_t> insert_template(pg::Transaction& tx, std::string tenant_id,
                                   CreateTemplate body) {
  std::vector<std::pair<std::string, std::string>> also{{"tenant_id", tenant_id}};
  auto statement =
      pg::insert_of("device_templates", body, also, "ON CONFLICT DO NOTHING RETURNING id");
  const auto rows = co_await tx.query(statement.first, statement.second);
  if (rows.empty()) throw conflict("Template slug already exists");
  co_return rows.int64(0, 0);
}

Task<> lock_template(pg::Transaction& tx, std::int64_t id) {
  const auto rows =
      co_await tx.query("SELECT tenant_id IS NULL OR is_locked FROM device_templates WHERE id = $1",
                        pg::Params::of(id));
  if (rows.empty()) throw not_found("Template not found");
  if (rows.boolean(0, 0)) throw forbidden("Cannot modify a locked system template");
  const auto locked = co_await tx.query("SELECT 1 FROM device_templates WHERE id = $1 FOR UPDATE",
                                        pg::Params::of(id));
  if (locked.empty()) throw not_found("Template not found");
}

Task<std::vector<std::string>> unknown_modules(pg::Transaction& tx, TemplateDocument document) {
  std::vector<std::string> wanted;
  for (const auto& slot : document.slots)
    for (const auto& slug : slot.compatible_slugs.value_or(std::vector<std::string>{}))
      wanted.push_back(slug);
  const auto rows = co_await tx.query(
      "SELECT DISTINCT slug FROM unnest($1::text[]) AS w (slug) WHERE NOT EXISTS (SELECT FROM "
      "device_templates t WHERE t.slug = w.slug AND t.category = 'expansion_module') ORDER BY slug",
      pg::Params::of(wanted));
  co_return pg::texts(rows);
}

Task<> write_parts(pg::Transaction& tx, std::int64_t id, TemplateDocument document) {
  const auto metrics = json::to_text(document.metrics);
  const auto commands = json::to_text(document.commands);
  const auto slots = json::to_text(document.slots);
  // The sensors of metrics that go are nobody's requirement any more.
  co_await tx.query(
      "UPDATE device_sensors k SET source = 'optional', updated_at = now() "
      "FROM template_metrics m WHERE m.template_id = $1 AND k.template_metric_id = m.id "
      "AND k.source = 'required' AND m.metric_key NOT IN "
      "(SELECT w ->> 'metric_key' FROM jsonb_array_elements($2::jsonb) w)",
      pg::Params::of(id, metrics));
  co_await tx.query(write_metrics, pg::Params::of(id, metrics));
  co_await tx.query(write_commands, pg::Params::of(id, commands));
  co_await tx.query(write_slots, pg::Params::of(id, slots));
}

Task<> follow_metrics(pg::Transaction& tx, std::int64_t id) {
  co_await tx.query(R"sql(
    INSERT INTO device_sensors (tenant_id, device_id, metric_key, display_name, sensor_type, unit,
      min_range, max_range, precision_digits, source, template_metric_id)
    SELECT r.tenant_id, r.device_id, m.metric_key, m.display_name, m.data_type, m.unit, m.min_value,
      m.max_value, m.precision_digits, 'required', m.id
    FROM template_metrics m JOIN device_registry r ON r.template_id = m.template_id
    WHERE m.template_id = $1 AND m.is_required AND r.status <> 'DELETED'
    ON CONFLICT (tenant_id, device_id, metric_key) DO UPDATE
      SET source = 'required', template_metric_id = excluded.template_metric_id
      WHERE device_sensors.source <> 'required'
         OR device_sensors.template_metric_id IS DISTINCT FROM excluded.template_metric_id
  )sql",
                    pg::Params::of(id));
  co_await tx.query(
      "UPDATE device_sensors k SET source = 'optional', updated_at = now() FROM template_metrics m "
      "WHERE m.template_id = $1 AND NOT m.is_required AND k.template_metric_id = m.id "
      "AND k.source = 'required'",
      pg::Params::of(id));
}

Task<> keep_version(pg::Transaction& tx, std::int64_t id, std::string user_id, bool is_new) {
  if (!is_new)
    co_await tx.query(
        "UPDATE device_templates SET version = version + 1, updated_at = now() WHERE id = $1",
        pg::Params::of(id));
  co_await tx.query(
      "INSERT INTO template_versions (template_id, version, document, changed_by) "
      "SELECT id, version, pulse_template_document(id), $2 FROM device_templates WHERE id = $1",
      pg::Params::of(id, user_id));
  co_await tx.query(
      "DELETE FROM template_versions WHERE template_id = $1 AND version <= "
      "(SELECT version - 100 FROM device_templates WHERE id = $1)",
      pg::Params::of(id));
}

}  // namespace pulse::fleet
