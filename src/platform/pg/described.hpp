#pragma once
// Statements from described structs: columns are named like the members.
#include <boost/mp11.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "platform/json/write.hpp"
#include "platform/pg/pool.hpp"
#include "platform/pg/row_change.hpp"
#include "platform/pg/rows.hpp"

namespace pulse::pg {

// A member as a parameter: JSON by its text, everything else as Params takes it.
inline std::string as_parameter(const boost::json::object& v) { return json::to_text(v); }
inline std::string as_parameter(const boost::json::value& v) { return json::to_text(v); }
template <class T>
std::string as_parameter(const std::map<std::string, T>& v) {
  return json::to_text(v);
}
template <class T>
const T& as_parameter(const T& v) {
  return v;
}
template <class T>
auto as_parameter(const std::optional<T>& v) {
  using P = std::remove_cvref_t<decltype(as_parameter(*v))>;
  return v ? std::optional<P>(as_parameter(*v)) : std::nullopt;
}

/// A PostgreSQL array of integers; null without one.
inline void read_value(const Result& r, int row, int col, std::vector<std::int64_t>& out) {
  out.clear();
  for (const auto& item : parse_text_array(r.text(row, col))) out.push_back(std::stoll(item));
}

/// A jsonb column as a described struct, or a map.
template <json::Described T>
void read_value(const Result& r, int row, int col, T& out) {
  out = json::from_text<T>(r.text(row, col));
}
template <class T>
void read_value(const Result& r, int row, int col, std::map<std::string, T>& out) {
  out.clear();
  json::Loc loc;
  Faults faults;
  json::read(json::parse_text(r.text(row, col)), out, loc, faults);
}

/// INSERT of one row: the members of `row`, and `also`, columns with texts of their own. `after`
/// follows, e.g. "ON CONFLICT DO NOTHING RETURNING id".
template <class T>
Statement insert_of(std::string_view table, const T& row,
                    const std::vector<std::pair<std::string, std::string>>& also,
                    std::string_view after) {
  Clauses columns(", ");
  std::string values;
  const auto add = [&](std::string_view name, const auto& value) {
    columns.add(name);
    values += (values.empty() ? "" : ", ") + columns.parameter(value);
  };
  for (const auto& [name, text] : also) add(name, text);
  boost::mp11::mp_for_each<json::described_members<T>>(
      [&](auto d) { add(d.name, as_parameter(row.*d.pointer)); });
  return {"INSERT INTO " + std::string(table) + " (" + columns.text() + ") VALUES (" + values +
              ") " + std::string(after),
          columns.params()};
}

/// The change that a body asks for: its Patch members that are present (null clears the column),
/// its optional members that have a value.
template <class T>
RowChange change_of(const T& body) {
  RowChange change;
  boost::mp11::mp_for_each<json::described_members<T>>([&](auto d) {
    const auto& member = body.*d.pointer;
    if constexpr (requires { member.present; }) {
      if (member.present) change.set(d.name, as_parameter(member.value));
    } else {
      if (member) change.set(d.name, as_parameter(*member));
    }
  });
  return change;
}

}  // namespace pulse::pg
