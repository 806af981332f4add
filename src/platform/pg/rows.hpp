#pragma once
// Maps result rows to described structs by column name: no field-by-field copying in stores.
#include <boost/describe.hpp>
#include <boost/json.hpp>
#include <boost/mp11.hpp>
#include <map>
#include <string>
#include <vector>

#include "platform/clock.hpp"
#include "platform/json/write.hpp"
#include "platform/pg/types.hpp"

namespace pulse::pg {

inline void read_value(const Result& r, int row, int col, std::string& out) {
  out = std::string(r.text(row, col));
}
inline void read_value(const Result& r, int row, int col, bool& out) { out = r.boolean(row, col); }
inline void read_value(const Result& r, int row, int col, double& out) { out = r.float8(row, col); }
template <class I>
requires(std::is_integral_v<I> &&
         !std::is_same_v<I, bool>) void read_value(const Result& r, int row, int col, I& out) {
  out = static_cast<I>(r.int64(row, col));
}
inline void read_value(const Result& r, int row, int col, Time& out) {
  out = Time{parse_timestamptz(r.text(row, col))};
}
inline void read_value(const Result& r, int row, int col, boost::json::value& out) {
  out = boost::json::parse(r.text(row, col));
}
inline void read_value(const Result& r, int row, int col, json::Raw& out) {
  out.text = std::string(r.text(row, col));
}
inline void read_value(const Result& r, int row, int col, boost::json::object& out) {
  out = boost::json::parse(r.text(row, col)).as_object();
}
inline void read_value(const Result& r, int row, int col, std::vector<std::string>& out) {
  out = parse_text_array(r.text(row, col));
}
template <class T>
void read_value(const Result& r, int row, int col, std::optional<T>& out) {
  if (r.null(row, col)) {
    out.reset();
  } else {
    read_value(r, row, col, out.emplace());
  }
}

/// Which column each member of T is read from: found once for a result, since looking a name up
/// costs more than reading a value. -1: no such column.
template <class T>
std::vector<int> columns_of(const Result& r) {
  std::vector<int> out;
  boost::mp11::mp_for_each<boost::describe::describe_members<
      T, boost::describe::mod_public | boost::describe::mod_inherited>>(
      [&](auto d) { out.push_back(r.column(d.name)); });
  return out;
}

template <class T>
void read_row(const Result& r, int row, const std::vector<int>& columns, T& out) {
  std::size_t member = 0;
  boost::mp11::mp_for_each<boost::describe::describe_members<
      T, boost::describe::mod_public | boost::describe::mod_inherited>>([&](auto d) {
    const int col = columns[member++];
    // A member of a type that no column has (a list of structs) is filled by its owner.
    if constexpr (requires { read_value(r, row, 0, out.*d.pointer); }) {
      if (col >= 0 && !r.null(row, col)) read_value(r, row, col, out.*d.pointer);
    }
  });
}

/// The texts of the first column.
inline std::vector<std::string> texts(const Result& r) {
  std::vector<std::string> out;
  for (int row = 0; row < r.rows(); ++row) out.emplace_back(r.text(row, 0));
  return out;
}

/// One row as a described struct: members are found by column name; a member without a column keeps
/// its default; null leaves a non-optional member at its default.
template <class T>
T row_as(const Result& r, int row) {
  T out{};
  read_row(r, row, columns_of<T>(r), out);
  return out;
}

/// All rows as described structs.
template <class T>
std::vector<T> rows_as(const Result& r) {
  const auto columns = columns_of<T>(r);
  std::vector<T> out(static_cast<std::size_t>(r.rows()));
  for (int i = 0; i < r.rows(); ++i) read_row(r, i, columns, out[static_cast<std::size_t>(i)]);
  return out;
}

/// The first row, or nothing.
template <class T>
std::optional<T> first_as(const Result& r) {
  if (r.empty()) return std::nullopt;
  return row_as<T>(r, 0);
}

}  // namespace pulse::pg
