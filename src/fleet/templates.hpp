#pragma once
// Device templates: what a kind of device measures (metrics), understands (commands) and has room
// for (slots). The system's are read by all and cloned; a tenant's own are its own. Each change
// makes a version.
#include <optional>
#include <string>
#include <vector>

#include "fleet/deps.hpp"
#include "fleet/template_bodies.hpp"
#include "platform/pg/pool.hpp"
#include "tenancy/caller.hpp"

namespace pulse::fleet {

struct Template {
  std::int64_t id = 0;
  std::optional<std::string> tenant_id;  ///< null: the system's
  std::string name, slug;
  std::optional<std::string> description;
  std::string category;
  std::optional<std::string> manufacturer, model, firmware_version_pattern;
  bool is_locked = false;
  std::string source;
  std::optional<boost::json::object> transport_defaults;
  boost::json::object metadata;
  std::optional<std::string> image_url;
  std::optional<std::int64_t> heartbeat_stale_seconds;
  std::int64_t version = 1;
  Time created_at, updated_at;
};
BOOST_DESCRIBE_STRUCT(Template, (),
                      (id, tenant_id, name, slug, description, category, manufacturer, model,
                       firmware_version_pattern, is_locked, source, transport_defaults, metadata,
                       image_url, heartbeat_stale_seconds, version, created_at, updated_at))

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

struct TemplateCommand {
  std::int64_t id = 0, template_id = 0;
  std::string command_key, display_name;
  std::optional<std::string> description;
  std::optional<boost::json::object> parameters_schema, response_schema;
  std::int64_t sort_order = 0;
};
BOOST_DESCRIBE_STRUCT(TemplateCommand, (),
                      (id, template_id, command_key, display_name, description, parameters_schema,
                       response_schema, sort_order))

/// Room for modules. `max_devices` null: any number. `compatible_templates` null: any module.
struct TemplateSlot {
  std::int64_t id = 0, template_id = 0;
  std::string slot_key, display_name, slot_type, interface_type;
  std::optional<std::int64_t> max_devices;
  std::optional<std::vector<std::int64_t>> compatible_templates;
  bool is_required = false;
  std::optional<std::string> description;
  std::int64_t sort_order = 0;
};
BOOST_DESCRIBE_STRUCT(TemplateSlot, (),
                      (id, template_id, slot_key, display_name, slot_type, interface_type,
                       max_devices, compatible_templates, is_required, description, sort_order))

struct TemplateDetail : Template {
  std::vector<TemplateMetric> metrics;
  std::vector<TemplateCommand> commands;
  std::vector<TemplateSlot> slots;
  std::int64_t device_count = 0;  ///< the caller's devices made by it, those out of service too
};
BOOST_DESCRIBE_STRUCT(TemplateDetail, (Template), (metrics, commands, slots, device_count))

struct TemplateVersion {
  std::int64_t version = 0;
  std::optional<std::string> changed_by;  ///< user id; null: Pulse
  Time changed_at;
  boost::json::object document;  ///< as exported
};
BOOST_DESCRIBE_STRUCT(TemplateVersion, (), (version, changed_by, changed_at, document))

struct TemplateQuery {
  std::optional<std::string> category, source, search;
};
BOOST_DESCRIBE_STRUCT(TemplateQuery, (), (category, source, search))

Task<std::vector<Template>> templates_matching(tenancy::TenantDb db, TemplateQuery query);
/// Throws HttpError 404 "Template not found".
Task<TemplateDetail> template_detail(tenancy::TenantDb db, std::int64_t id);
/// As it is exported. Throws HttpError 404.
Task<boost::json::object> template_document(tenancy::TenantDb db, std::int64_t id);
/// Newest first. Throws HttpError 404.
Task<std::vector<TemplateVersion>> template_versions(tenancy::TenantDb db, std::int64_t id);

// What changes a template begins with one of these two and ends with `keep_version`, in one
// transaction.

/// Throws HttpError 409 "Template slug already exists".
Task<std::int64_t> insert_template(pg::Transaction& tx, std::string tenant_id, CreateTemplate body);
/// Locks a template of the tenant's own against other changes. Throws HttpError 404, and 403 for
/// the system's and locked ones.
Task<> lock_template(pg::Transaction& tx, std::int64_t id);
/// Makes metrics, commands and slots those of the document: parts of the same key keep their ids,
/// and with them the sensors that were made by them. Slugs of modules that are not there are left
/// out.
Task<> write_parts(pg::Transaction& tx, std::int64_t id, TemplateDocument document);
/// Slugs of the document's slots that no expansion module has.
Task<std::vector<std::string>> unknown_modules(pg::Transaction& tx, TemplateDocument document);
/// Sensors of devices made by the template follow its metrics: required ones are added, and those
/// of metrics that are required no longer may be deleted.
Task<> follow_metrics(pg::Transaction& tx, std::int64_t id);
/// Counts the version up (unless the template is new) and keeps what it is now; of a template's
/// versions the last hundred are kept.
Task<> keep_version(pg::Transaction& tx, std::int64_t id, std::string user_id, bool is_new = false);

}  // namespace pulse::fleet
