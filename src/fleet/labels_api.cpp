// QR labels: what leads from the device at hand to its page.
#include "fleet/devices.hpp"
#include "fleet/mounts.hpp"
#include "platform/labels/labels.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

using tenancy::TenantCaller;

struct LabelQuery {
  std::int64_t scale = 8;
};
BOOST_DESCRIBE_STRUCT(LabelQuery, (), (scale))
inline auto constraints(json::As<LabelQuery>) {
  return json::rules<LabelQuery>()
      .range(&LabelQuery::scale, 1, 32)
      .describe(&LabelQuery::scale, "Pixels of a module of the code");
}

struct LabelSheet {
  std::vector<std::string> device_ids;
};
BOOST_DESCRIBE_STRUCT(LabelSheet, (), (device_ids))
inline auto constraints(json::As<LabelSheet>) {
  return json::rules<LabelSheet>().items(&LabelSheet::device_ids, 1, 240);
}

std::string page_of(const FleetDeps& d, const std::string& device_id) {
  return d.connection.http_url + "/app/devices/" + device_id;
}

http::Response file_of(std::string content_type, std::string bytes, const std::string& name) {
  http::Response r;
  r.headers.add("Content-Type", std::move(content_type));
  r.headers.add("Content-Disposition", "inline; filename=\"" + name + "\"");
  r.body = std::move(bytes);
  return r;
}

Task<http::Response> label_picture(FleetDeps d, TenantCaller caller, http::Path<"device_id"> id,
                                   http::Query<LabelQuery> query) {
  co_await require_device(caller.db, id.value);
  auto png = labels::png_of(labels::qr_code(page_of(d, id.value)), static_cast<int>(query->scale));
  co_return file_of("image/png", std::move(png), id.value + ".png");
}

Task<http::Response> label_sheet(FleetDeps d, TenantCaller caller, http::Body<LabelSheet> body) {
  const auto rows = co_await caller.db.query(
      "SELECT r.device_id, coalesce(r.name, ''), r.site_id FROM unnest($1::text[]) "
      "WITH ORDINALITY AS w (device_id, place) "
      "JOIN device_registry r ON r.device_id = w.device_id AND r.status <> 'DELETED' "
      "ORDER BY w.place",
      pg::Params::of(body->device_ids));
  if (rows.rows() != static_cast<int>(body->device_ids.size())) throw not_found("Device not found");
  std::vector<labels::Label> list;
  for (int i = 0; i < rows.rows(); ++i) {
    labels::Label label;
    const std::string id(rows.text(i, 0)), name(rows.text(i, 1)), site(rows.text(i, 2));
    label.title = id;
    label.line = name.empty() || name == id ? site : name;
    label.url = page_of(d, id);
    list.push_back(std::move(label));
  }
  co_return file_of("application/pdf", labels::label_sheets(list), "labels.pdf");
}

}  // namespace

void mount_labels(http::Router& api, const FleetDeps& d) {
  const std::string base = "/api/v1/customer/devices";
  api.get(base + "/{device_id}/label.png", http::bound(d, label_picture))
      .customers()
      .tag("Labels")
      .summary("QR code of a device's page, as PNG")
      .produces("image/png")
      .fails(404, "Device not found");
  api.post(base + "/labels", http::bound(d, label_sheet))
      .customers()
      .tag("Labels")
      .summary("Labels of devices to print, as PDF")
      .description("A4, 24 labels a sheet of 70 by 37 mm.")
      .produces("application/pdf")
      .fails(404, "Device not found")
      .example(boost::json::object{{"device_ids", {"pump-01"}}});
}

}  // namespace pulse::fleet
