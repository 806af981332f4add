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
  requires(std::is_integral_v<I> && !std::is_same_v<I, bool>)
void read_value(const Result& r, int row, int col, I& out) {
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

/// One row as a described struct: members are found by column name; a member without a column keeps
/// its default; null leaves a non-optional member at its default.
template <class T>
T row_as(const Result& r, int row) {
  T out{};
  boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_public |
                                                                  boost::describe::mod_inherited>>(
      [&](auto d) {
        // A member of a type that no column has (a list of structs) is filled by its owner.
        if constexpr (requires { read_value(r, row, 0, out.*d.pointer); }) {
          const int col = r.column(d.name);
          if (col >= 0 && !r.null(row, col)) read_value(r, row, col, out.*d.pointer);
        }
      });
  return out;
}

/// All rows as described structs.
template <class T>
std::vector<T> rows_as(const Result& r) {
  std::vector<T> out;
  out.reserve(static_cast<std::size_t>(r.rows()));
  for (int i = 0; i < r.rows(); ++i) out.push_back(row_as<T>(r, i));
  return out;
}

/// The first row, or nothing.
template <class T>
std::optional<T> first_as(const Result& r) {
  if (r.empty()) return std::nullopt;
  return row_as<T>(r, 0);
}

}  // namespace pulse::pg
