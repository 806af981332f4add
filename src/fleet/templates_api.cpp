// Templates as a whole: list, make, change, copy, import, export, versions.
#include "fleet/mounts.hpp"
#include "fleet/template_rules.hpp"
#include "fleet/templates.hpp"
#include "platform/pg/described.hpp"

namespace pulse::fleet {

namespace {

using tenancy::AuditLog;
using tenancy::TenantCaller;
using TemplateId = http::Path<"template_id", std::int32_t>;

struct TemplateList {
  std::vector<Template> templates;
};
BOOST_DESCRIBE_STRUCT(TemplateList, (), (templates))
struct TemplateVersions {
  std::int64_t template_id = 0;
  std::vector<TemplateVersion> versions;
};
BOOST_DESCRIBE_STRUCT(TemplateVersions, (), (template_id, versions))

void tell(const FleetDeps& d, const TenantCaller& caller, std::string event, std::string action,
          std::int64_t id, std::string words, boost::json::object details = {}) {
  tell_pages(d, caller.tenant(), "templates");
  announce_template(*d.nats, id);
  d.audit->write(AuditLog::of(caller, std::move(event), std::move(action), "template",
                              std::to_string(id), std::move(words), std::move(details)));
}

/// Makes a template of a document, in a transaction of its own.
Task<std::int64_t> make_template(TenantCaller caller, TemplateDocument document) {
  auto tx = co_await caller.db.begin();
  const auto id = co_await insert_template(tx, caller.tenant(), document.device_template);
  co_await write_parts(tx, id, document);
  co_await keep_version(tx, id, caller.who.user_id, true);
  co_await tx.commit();
  co_return id;
}

Task<TemplateList> list_templates(FleetDeps, TenantCaller caller,
                                  http::Query<TemplateQuery> query) {
  TemplateList out;
  out.templates = co_await templates_matching(caller.db, query.value);
  co_return out;
}

Task<TemplateDetail> get_template(FleetDeps, TenantCaller caller, TemplateId id) {
  co_return co_await template_detail(caller.db, id.value);
}

Task<http::Created<TemplateDetail>> create_template(FleetDeps d, TenantCaller caller,
                                                    http::Body<CreateTemplate> body) {
  TemplateDocument document;
  document.device_template = body.value;
  const auto id = co_await make_template(caller, std::move(document));
  tell(d, caller, "template.created", "create", id, "Template " + body->name + " created");
  auto made = co_await template_detail(caller.db, id);
  co_return http::Created<TemplateDetail>{std::move(made)};
}

Task<TemplateDetail> change_template(FleetDeps d, TenantCaller caller, TemplateId id,
                                     http::Body<ChangeTemplate> body) {
  auto change = pg::change_of(body.value);
  if (change.empty()) throw bad_request("No fields to update");
  auto tx = co_await caller.db.begin();
  co_await lock_template(tx, id.value);
  auto statement = change.in("device_templates", "id = ?", id.value);
  pg::Result rows;
  bool taken = false;
  try {
    rows = co_await tx.query(statement.first, statement.second);
  } catch (const pg::Error& e) {
    if (!e.unique_violation()) throw;
    taken = true;
  }
  if (taken) throw conflict("Template slug already exists");
  co_await keep_version(tx, id.value, caller.who.user_id);
  co_await tx.commit();
  auto out = co_await template_detail(caller.db, id.value);
  tell(d, caller, "template.updated", "update", id.value, "Template " + out.name + " changed",
       pg::RowChange::told(rows));
  co_return out;
}

Task<http::NoContent> delete_template(FleetDeps d, TenantCaller caller, TemplateId id) {
  auto tx = co_await caller.db.begin();
  co_await lock_template(tx, id.value);
  const auto used = co_await tx.query(
      "SELECT 1 WHERE EXISTS (SELECT FROM device_registry WHERE template_id = $1 "
      "AND status <> 'DELETED') OR EXISTS (SELECT FROM device_modules WHERE module_template_id = "
      "$1 "
      "AND status <> 'removed') OR EXISTS (SELECT FROM provisioning_keys WHERE template_id = $1)",
      pg::Params::of(id.value));
  if (!used.empty()) throw conflict("Template is in use by devices");
  const auto gone = co_await tx.query("DELETE FROM device_templates WHERE id = $1 RETURNING name",
                                      pg::Params::of(id.value));
  co_await tx.commit();
  tell(d, caller, "template.deleted", "delete", id.value,
       "Template " + std::string(gone.text(0, 0)) + " deleted");
  co_return http::NoContent{};
}

/// The copy's slug is the first free one of "{slug}-copy", "{slug}-copy2", ...
Task<http::Created<TemplateDetail>> clone_template(FleetDeps d, TenantCaller caller,
                                                   TemplateId id) {
  const auto source = co_await template_document(caller.db, id.value);
  auto document = json::from_value<TemplateDocument>(source);
  auto& about = document.device_template;
  const auto rows = co_await caller.db.query(
      "SELECT slug FROM (SELECT n, left($1, 90) || '-copy' || CASE n WHEN 1 THEN '' ELSE n::text "
      "END AS slug FROM generate_series(1, 1000) n) s WHERE NOT EXISTS (SELECT FROM "
      "device_templates t WHERE t.tenant_id = $2 AND t.slug = s.slug) ORDER BY n LIMIT 1",
      pg::Params::of(about.slug, caller.tenant()));
  if (rows.empty()) throw conflict("Template slug already exists");
  about.slug = std::string(rows.text(0, 0));
  if (about.name.size() <= 190) about.name += " (copy)";
  const auto copy = co_await make_template(caller, std::move(document));
  tell(d, caller, "template.cloned", "create", copy,
       "Template " + std::to_string(id.value) + " cloned");
  auto made = co_await template_detail(caller.db, copy);
  co_return http::Created<TemplateDetail>{std::move(made)};
}

Task<http::WithHeaders<TemplateDocument>> export_template(FleetDeps, TenantCaller caller,
                                                          TemplateId id) {
  const auto document = co_await template_document(caller.db, id.value);
  http::WithHeaders<TemplateDocument> out;
  out.value = json::from_value<TemplateDocument>(document);
  out.headers.emplace_back(
      "Content-Disposition",
      "attachment; filename=\"" + out.value.device_template.slug + ".template.json\"");
  co_return out;
}

Task<http::Created<TemplateDetail>> import_template(FleetDeps d, TenantCaller caller,
                                                    http::Body<TemplateDocument> body) {
  auto tx = co_await caller.db.begin();
  const auto unknown = co_await unknown_modules(tx, body.value);
  if (!unknown.empty())
    throw ValidationError({"body", "slots"},
                          "no expansion module has the slug " + unknown.front() +
                              ": import that template first, or take the slug out",
                          "value_error");
  const auto id = co_await insert_template(tx, caller.tenant(), body->device_template);
  co_await write_parts(tx, id, body.value);
  co_await keep_version(tx, id, caller.who.user_id, true);
  co_await tx.commit();
  tell(d, caller, "template.imported", "create", id,
       "Template " + body->device_template.name + " imported");
  auto made = co_await template_detail(caller.db, id);
  co_return http::Created<TemplateDetail>{std::move(made)};
}

Task<TemplateVersions> list_versions(FleetDeps, TenantCaller caller, TemplateId id) {
  TemplateVersions out;
  out.template_id = id.value;
  out.versions = co_await template_versions(caller.db, id.value);
  co_return out;
}

/// What the template was becomes what it is, as a new version; the slug stays.
Task<TemplateDetail> restore_version(FleetDeps d, TenantCaller caller, TemplateId id,
                                     http::Path<"version", std::int32_t> version) {
  auto tx = co_await caller.db.begin();
  co_await lock_template(tx, id.value);
  const auto rows = co_await tx.query(
      "SELECT document FROM template_versions WHERE template_id = $1 AND version = $2",
      pg::Params::of(id.value, version.value));
  if (rows.empty()) throw not_found("Version not found");
  auto document = json::from_text<TemplateDocument>(rows.text(0, 0));
  const auto& t = document.device_template;
  co_await tx.query(
      "UPDATE device_templates SET name = $2, description = $3, category = $4, manufacturer = $5, "
      "model = $6, firmware_version_pattern = $7, transport_defaults = $8, metadata = $9, "
      "image_url = $10, heartbeat_stale_seconds = $11 WHERE id = $1",
      pg::Params::of(id.value, t.name, t.description, t.category, t.manufacturer, t.model,
                     t.firmware_version_pattern, pg::as_parameter(t.transport_defaults),
                     pg::as_parameter(t.metadata), t.image_url, t.heartbeat_stale_seconds));
  co_await write_parts(tx, id.value, std::move(document));
  co_await follow_metrics(tx, id.value);
  co_await keep_version(tx, id.value, caller.who.user_id);
  co_await tx.commit();
  auto out = co_await template_detail(caller.db, id.value);
  tell(d, caller, "template.restored", "restore", id.value,
       "Template " + out.name + " is as in version " + std::to_string(version.value) + " again");
  co_return out;
}

}  // namespace

void mount_templates(http::Router& api, const FleetDeps& d) {
  const std::string base = "/api/v1/customer/templates";
  const std::string one = base + "/{template_id}";
  api.get(base, http::bound(d, list_templates))
      .customers()
      .tag("Templates")
      .summary("Device templates: the system's and your own");
  api.post(base, http::bound(d, create_template))
      .needs("devices.write")
      .tag("Templates")
      .summary("Create a template")
      .fails(409, "Template slug already exists");
  api.get(one, http::bound(d, get_template))
      .customers()
      .tag("Templates")
      .summary("A template with its metrics, commands and slots")
      .fails(404, "Template not found");
  api.put(one, http::bound(d, change_template))
      .needs("devices.write")
      .tag("Templates")
      .summary("Change a template")
      .fails(400, "No fields to update")
      .fails(404, "Template not found")
      .fails(409, "Template slug already exists");
  api.del(one, http::bound(d, delete_template))
      .needs("devices.write")
      .tag("Templates")
      .summary("Delete a template that no device uses")
      .fails(404, "Template not found")
      .fails(409, "Template is in use by devices");
  api.post(one + "/clone", http::bound(d, clone_template))
      .needs("devices.write")
      .tag("Templates")
      .summary("Copy a template into your own")
      .fails(404, "Template not found")
      .fails(409, "Template slug already exists");
  api.get(one + "/export", http::bound(d, export_template))
      .customers()
      .tag("Templates")
      .summary("A template as a document, for `templates/import`")
      .fails(404, "Template not found");
  api.post(base + "/import", http::bound(d, import_template))
      .needs("devices.write")
      .tag("Templates")
      .summary("Make a template of an exported document")
      .fails(409, "Template slug already exists");
  api.get(one + "/versions", http::bound(d, list_versions))
      .customers()
      .tag("Templates")
      .summary("What a template was, newest first, at most 100")
      .fails(404, "Template not found");
  api.post(one + "/versions/{version}/restore", http::bound(d, restore_version))
      .needs("devices.write")
      .tag("Templates")
      .summary("Make a template what it was in a version")
      .fails(404, "Version not found");
}

}  // namespace pulse::fleet
