// Certificates of all tenants' devices, for platform staff.
#include "fleet/certificates.hpp"
#include "fleet/mounts.hpp"
#include "platform/errors.hpp"
#include "platform/pg/clauses.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::fleet {

namespace {

struct OperatorCertificateQuery {
  std::optional<std::string> tenant_id, status;
  std::int64_t limit = 100, offset = 0;
};
BOOST_DESCRIBE_STRUCT(OperatorCertificateQuery, (), (tenant_id, status, limit, offset))
inline auto constraints(json::As<OperatorCertificateQuery>) {
  return json::rules<OperatorCertificateQuery>()
      .range(&OperatorCertificateQuery::limit, 1, 1000)
      .range(&OperatorCertificateQuery::offset, 0, 10'000'000)
      .describe(&OperatorCertificateQuery::status, "ACTIVE, REVOKED or EXPIRED");
}

Task<CertificateList> list_all(FleetDeps, tenancy::OperatorCaller caller,
                               http::Query<OperatorCertificateQuery> query) {
  check_certificate_status(query->status);
  pg::Clauses where(" AND ");
  if (query->tenant_id) where.add("c.tenant_id = ?", *query->tenant_id);
  if (query->status) where.add("c.status = ?", *query->status);
  const auto condition = where.where();
  const auto limit = where.parameter(query->limit), offset = where.parameter(query->offset);
  // One row at least, so that a page beyond the last one still tells the total.
  const auto rows = co_await caller.db.read(
      "list_certificates", query->tenant_id.value_or(""),
      "SELECT n.total, p.* FROM (SELECT count(*) AS total FROM device_certificates c" + condition +
          ") n LEFT JOIN (SELECT " + certificate_columns() + " FROM device_certificates c" +
          condition + " ORDER BY c.created_at DESC, c.id DESC LIMIT " + limit + "::bigint OFFSET " +
          offset + "::bigint) p ON true ORDER BY p.created_at DESC, p.id DESC",
      where.params());
  CertificateList out;
  out.total = rows.int64(0, 0);
  out.limit = query->limit;
  out.offset = query->offset;
  if (!rows.null(0, rows.column("id"))) out.certificates = pg::rows_as<DeviceCertificate>(rows);
  co_return out;
}

}  // namespace

void mount_operator_certificates(http::Router& api, const FleetDeps& d) {
  api.get("/api/v1/operator/certificates", http::bound(d, list_all))
      .operators()
      .tag("Certificates")
      .summary("Certificates of all tenants' devices, newest first")
      .fails(400, "Invalid status filter");
}

}  // namespace pulse::fleet
