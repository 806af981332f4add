#pragma once
// Devices from a CSV file: what its rows say, what is wrong with each, and how they are written.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/deps.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::fleet {

/// One row of a file. `problem` says all that is wrong with it, by itself and among the others.
struct ImportRow {
  std::int64_t row = 0;  ///< 1 is the first one under the header
  std::string device_id, name, device_type, site_id, plan_id;
  std::optional<std::string> template_ref;  ///< slug or id
  std::optional<double> latitude, longitude;
  std::optional<std::string> serial_number;
  std::vector<std::string> tags;
  std::string problem;
};
BOOST_DESCRIBE_STRUCT(ImportRow, (),
                      (row, device_id, name, device_type, site_id, plan_id, template_ref, latitude,
                       longitude, serial_number, tags, problem))

struct ImportFile {
  std::vector<ImportRow> rows;
  std::vector<std::string> ignored_columns;
};

/// Reads a file row by row, so that a long one can be taken in pieces.
class ImportReader {
 public:
  /// Reads the header. Throws HttpError 400: not UTF-8, no CSV, columns missing or given twice.
  explicit ImportReader(std::string_view text);
  ~ImportReader();
  /// The next row; false at the end. Throws HttpError 400 where the text is no CSV.
  bool next(ImportRow& row);
  const std::vector<std::string>& ignored_columns() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// All rows. Throws like ImportReader, and HttpError 400 beyond `most` rows.
ImportFile read_import(std::string_view text, std::size_t most);

/// What became of a row.
struct ImportResultRow {
  std::int64_t row = 0;
  std::string name, status = "ok";  ///< ok or error
  std::optional<std::string> device_id, message;
  std::optional<std::string> client_id, password;  ///< when credentials were asked for
};
BOOST_DESCRIBE_STRUCT(ImportResultRow, (),
                      (row, name, status, device_id, message, client_id, password))
inline auto constraints(json::As<ImportResultRow>) {
  return json::rules<ImportResultRow>()
      .one_of(&ImportResultRow::status, {"ok", "error"})
      .describe(&ImportResultRow::row, "1 is the first one under the header")
      .describe(&ImportResultRow::password, "Shown once, when credentials were asked for");
}

struct ImportOptions {
  bool dry_run = false;              ///< says what would become of the rows, and writes nothing
  std::optional<std::string> label;  ///< of a credential for each device; nothing: none is made
  std::string actor_id;              ///< for the subscriptions' history; empty: Pulse itself
};

/// Writes the rows that fit, each with all that a device has from its creation: required sensors,
/// tags, trial subscription. Set-based: the number of statements does not depend on that of rows.
/// The caller commits.
Task<std::vector<ImportResultRow>> import_devices(pg::Transaction& tx, std::string tenant_id,
                                                  std::vector<ImportRow> rows,
                                                  ImportOptions options);

/// The client id of a device's credential: "{tenant[:8]}-{device[:8]}-{8 hex}".
std::string new_client_id(const std::string& tenant_id, const std::string& device_id);

}  // namespace pulse::fleet
