// What a file's rows say, and what is wrong with each by itself.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <unordered_map>

#include "fleet/device_import.hpp"
#include "fleet/devices.hpp"
#include "platform/csv.hpp"
#include "platform/ids.hpp"

namespace pulse::fleet {

namespace {

constexpr std::string_view known_columns[] = {"name",      "device_type",  "site_id", "tags",
                                              "device_id", "template",     "plan",    "latitude",
                                              "longitude", "serial_number"};

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

HttpError no_csv(const CsvError& e) {
  return bad_request("CSV line " + std::to_string(e.line) + ": " + e.what());
}

/// Collects what is wrong with one row.
struct Problems {
  std::string text;
  void add(const std::string& words) { text += (text.empty() ? "" : "; ") + words; }

  void length(const std::string& column, const std::string& value, std::size_t most) {
    if (json::utf8_length(value) > most)
      add(column + " must have at most " + std::to_string(most) + " characters");
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (std::any_of(value.begin(), value.end(), control))
      add(column + " must not contain control characters");
  }
  void identifier(const std::string& column, const std::string& value) {
    if (!json::matches_identifier(value))
      add(column + " must be 1 to 128 of letters, digits, '_' and '-'");
  }
  std::optional<double> degrees(const std::string& column, const std::string& value, double most) {
    if (value.empty()) return std::nullopt;
    double out = 0;
    const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), out);
    if (ec != std::errc{} || end != value.data() + value.size() || !std::isfinite(out)) {
      add(column + " must be a number");
      return std::nullopt;
    }
    if (out < -most || out > most)
      add(column + " must be between " + std::to_string(static_cast<int>(-most)) + " and " +
          std::to_string(static_cast<int>(most)));
    return out;
  }
};

std::vector<std::string> tags_of(const std::string& cell, Problems& problems) {
  std::vector<std::string> out;
  std::size_t at = 0;
  while (at <= cell.size()) {
    const auto end = std::min(cell.find(',', at), cell.size());
    auto tag = trimmed(std::string_view(cell).substr(at, end - at));
    at = end + 1;
    if (tag.empty() || std::find(out.begin(), out.end(), tag) != out.end()) continue;
    problems.length("each tag", tag, 100);
    out.push_back(std::move(tag));
  }
  if (out.size() > 50) problems.add("tags must be at most 50");
  return out;
}

/// An id for a device without one: its name in the characters of ids, and 6 hex digits.
std::string id_from(const std::string& name) {
  std::string out;
  for (const char c : name.substr(0, 100)) {
    const bool fits = json::matches_identifier(std::string_view(&c, 1));
    if (fits)
      out += c;
    else if (!out.empty() && out.back() != '-')
      out += '-';
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  return short_id((out.empty() ? "device" : out) + "-", 6);
}

}  // namespace

struct ImportReader::Impl {
  explicit Impl(std::string_view text) : csv(text) {}

  CsvReader csv;
  std::vector<std::string> cells, ignored;
  std::unordered_map<std::string, std::size_t> columns;
  std::size_t width = 0;
  std::int64_t rows = 0;
  std::unordered_map<std::string, std::int64_t> ids;  ///< the row that uses it

  void read_header();
  std::string cell(const std::string& column) const {
    const auto it = columns.find(column);
    return it == columns.end() || it->second >= cells.size() ? "" : trimmed(cells[it->second]);
  }
  void judge(ImportRow& row);
};

void ImportReader::Impl::read_header() {
  bool any = false;
  try {
    any = csv.next(cells);
  } catch (const CsvError& e) {
    throw no_csv(e);
  }
  width = any ? cells.size() : 0;
  for (std::size_t i = 0; i < width; ++i) {
    auto name = trimmed(cells[i]);
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (std::find(std::begin(known_columns), std::end(known_columns), name) ==
        std::end(known_columns)) {
      if (!name.empty()) ignored.push_back(std::move(name));
    } else if (!columns.emplace(name, i).second) {
      throw bad_request("CSV column given twice: " + name);
    }
  }
  if (!columns.contains("name") || !columns.contains("device_type"))
    throw bad_request("Missing required CSV columns: name, device_type");
}

void ImportReader::Impl::judge(ImportRow& row) {
  Problems problems;
  if (cells.size() > width)
    problems.add("has " + std::to_string(cells.size()) + " cells, the header " +
                 std::to_string(width));
  row.name = cell("name");
  if (row.name.empty()) problems.add("name is required");
  problems.length("name", row.name, 200);
  row.device_type = cell("device_type");
  if (row.device_type.empty()) problems.add("device_type is required");
  problems.length("device_type", row.device_type, 100);
  row.site_id = cell("site_id");
  if (row.site_id.empty()) row.site_id = "default-site";
  problems.identifier("site_id", row.site_id);
  row.device_id = cell("device_id");
  if (row.device_id.empty()) row.device_id = id_from(row.name);
  problems.identifier("device_id", row.device_id);
  if (const auto [it, first] = ids.emplace(row.device_id, row.row); !first)
    problems.add("device_id is that of row " + std::to_string(it->second) + ", too");
  row.plan_id = cell("plan");
  if (row.plan_id.empty()) row.plan_id = "basic";
  problems.length("plan", row.plan_id, 50);
  if (auto ref = cell("template"); !ref.empty()) {
    problems.length("template", ref, 100);
    row.template_ref = std::move(ref);
  }
  row.latitude = problems.degrees("latitude", cell("latitude"), 90);
  row.longitude = problems.degrees("longitude", cell("longitude"), 180);
  if (cell("latitude").empty() != cell("longitude").empty())
    problems.add("latitude and longitude belong together");
  if (auto serial = cell("serial_number"); !serial.empty()) {
    problems.length("serial_number", serial, 128);
    row.serial_number = std::move(serial);
  }
  row.tags = tags_of(cell("tags"), problems);
  row.problem = std::move(problems.text);
}

ImportReader::ImportReader(std::string_view text) : impl_(std::make_unique<Impl>(text)) {
  if (!json::is_text(text)) throw bad_request("CSV must be UTF-8 encoded");
  impl_->read_header();
}
ImportReader::~ImportReader() = default;

bool ImportReader::next(ImportRow& row) {
  auto& self = *impl_;
  try {
    if (!self.csv.next(self.cells)) return false;
  } catch (const CsvError& e) {
    throw no_csv(e);
  }
  row = ImportRow{};
  row.row = ++self.rows;
  self.judge(row);
  return true;
}

const std::vector<std::string>& ImportReader::ignored_columns() const { return impl_->ignored; }

ImportFile read_import(std::string_view text, std::size_t most) {
  ImportFile out;
  ImportReader reader(text);
  ImportRow row;
  while (reader.next(row)) {
    if (out.rows.size() == most)
      throw bad_request("CSV row limit exceeded (max " + std::to_string(most) + ")");
    out.rows.push_back(std::move(row));
  }
  out.ignored_columns = reader.ignored_columns();
  return out;
}

}  // namespace pulse::fleet
