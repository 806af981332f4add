#pragma once
// Described structs to JSON text, without an intermediate tree.
#include <boost/json.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "platform/clock.hpp"
#include "platform/json/read.hpp"

namespace pulse::json {

/// Text that is JSON already (e.g. a jsonb column's): written as it is.
struct Raw {
  std::string text = "null";
};

void write_string(std::string& out, std::string_view s);  ///< quoted; invalid UTF-8 becomes U+FFFD
/// Whether this is UTF-8 without NUL: what a database and a JSON document can hold.
bool is_text(std::string_view s);
void write_double(std::string& out, double d);  ///< shortest form; null when not finite
void write_integer(std::string& out, std::int64_t i);

inline void write(std::string& out, std::string_view s) { write_string(out, s); }
inline void write(std::string& out, const std::string& s) { write_string(out, s); }
inline void write(std::string& out, const char* s) { write_string(out, s); }
inline void write(std::string& out, bool b) { out += b ? "true" : "false"; }
inline void write(std::string& out, double d) { write_double(out, d); }
inline void write(std::string& out, std::nullptr_t) { out += "null"; }
template <class I>
requires(std::is_integral_v<I> && !std::is_same_v<I, bool>) void write(std::string& out, I i) {
  write_integer(out, static_cast<std::int64_t>(i));
}
inline void write(std::string& out, Time t) { write_string(out, iso8601(t)); }
inline void write(std::string& out, const Raw& raw) { out += raw.text; }
void write(std::string& out, const boost::json::value& v);
inline void write(std::string& out, const boost::json::object& v) {
  write(out, boost::json::value(v));
}
inline void write(std::string& out, const boost::json::array& v) {
  write(out, boost::json::value(v));
}
template <DescribedEnum E>
void write(std::string& out, E e) {
  write_string(out, boost::describe::enum_to_string(e, ""));
}
template <class T>
void write(std::string& out, const std::optional<T>& v);
template <class T>
void write(std::string& out, const std::vector<T>& v);
template <class T>
void write(std::string& out, const std::map<std::string, T>& v);

template <Described T>
void write(std::string& out, const T& v) {
  out += '{';
  bool first = true;
  boost::mp11::mp_for_each<described_members<T>>([&](auto d) {
    if (!first) out += ',';
    first = false;
    out += '"';
    out += d.name;
    out += "\":";
    write(out, v.*d.pointer);
  });
  out += '}';
}
template <class T>
void write(std::string& out, const std::optional<T>& v) {
  if (v)
    write(out, *v);
  else
    out += "null";
}
template <class T>
void write(std::string& out, const std::vector<T>& v) {
  out += '[';
  for (std::size_t i = 0; i < v.size(); ++i) {
    if (i) out += ',';
    write(out, v[i]);
  }
  out += ']';
}
template <class T>
void write(std::string& out, const std::map<std::string, T>& v) {
  out += '{';
  bool first = true;
  for (const auto& [key, item] : v) {
    if (!first) out += ',';
    first = false;
    write_string(out, key);
    out += ':';
    write(out, item);
  }
  out += '}';
}

template <class T>
std::string to_text(const T& v) {
  std::string out;
  out.reserve(256);
  write(out, v);
  return out;
}

}  // namespace pulse::json
