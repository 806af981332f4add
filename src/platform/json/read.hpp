#pragma once
// JSON text or values to described structs; all faults reported at once.
#include <boost/json.hpp>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "platform/clock.hpp"
#include "platform/json/rules.hpp"

namespace pulse::json {

using Loc = std::vector<std::string>;

template <class T>
concept Described = boost::describe::has_describe_members<T>::value && std::is_class_v<T>;
template <class T>
concept DescribedEnum = boost::describe::has_describe_enumerators<T>::value;

/// Parses JSON text with bounds on depth (32). Throws ValidationError at `loc` when it is not JSON.
boost::json::value parse_text(std::string_view text, const Loc& loc = {"body"});

void fault(Faults& faults, const Loc& loc, std::string msg, std::string type);

inline void read(const boost::json::value& v, std::string& out, Loc& loc, Faults& faults) {
  if (const auto* s = v.if_string()) {
    // PostgreSQL's text can't hold NUL: refuse it here, with the field's name.
    if (std::string_view(s->data(), s->size()).find('\0') != std::string_view::npos)
      return fault(faults, loc, "must not contain the NUL character", "string_value");
    out.assign(s->data(), s->size());
  } else {
    fault(faults, loc, "must be a string", "string_type");
  }
}
inline void read(const boost::json::value& v, bool& out, Loc& loc, Faults& faults) {
  if (const auto* b = v.if_bool())
    out = *b;
  else
    fault(faults, loc, "must be true or false", "bool_type");
}
inline void read(const boost::json::value& v, double& out, Loc& loc, Faults& faults) {
  if (!v.is_number()) return fault(faults, loc, "must be a number", "float_type");
  out = v.to_number<double>();
  if (!std::isfinite(out)) fault(faults, loc, "must be a finite number", "finite_number");
}
template <class I>
requires(std::is_integral_v<I> && !std::is_same_v<I, bool>) void read(const boost::json::value& v,
                                                                      I& out, Loc& loc,
                                                                      Faults& faults) {
  boost::system::error_code ec;
  if (v.is_number()) {
    out = v.to_number<I>(ec);
    if (!ec) return;
  }
  fault(faults, loc, v.is_number() ? "must be an integer in range" : "must be an integer",
        "int_type");
}
inline void read(const boost::json::value& v, Time& out, Loc& loc, Faults& faults) {
  if (const auto* s = v.if_string()) {
    if (const auto t = parse_iso8601(*s)) {
      out = *t;
      return;
    }
  }
  fault(faults, loc, "must be an ISO 8601 date-time, e.g. 2026-01-31T12:00:00Z", "datetime_type");
}
inline void read(const boost::json::value& v, boost::json::value& out, Loc&, Faults&) { out = v; }
inline void read(const boost::json::value& v, boost::json::object& out, Loc& loc, Faults& faults) {
  if (const auto* o = v.if_object())
    out = *o;
  else
    fault(faults, loc, "must be an object", "object_type");
}
template <DescribedEnum E>
void read(const boost::json::value& v, E& out, Loc& loc, Faults& faults) {
  const auto* s = v.if_string();
  if (!s || !boost::describe::enum_from_string(std::string(*s).c_str(), out))
    fault(faults, loc, "is not one of the allowed words", "enum");
}
template <class T>
void read(const boost::json::value& v, std::optional<T>& out, Loc& loc, Faults& faults);
template <class T>
void read(const boost::json::value& v, Patch<T>& out, Loc& loc, Faults& faults);
template <class T>
void read(const boost::json::value& v, std::vector<T>& out, Loc& loc, Faults& faults);
template <class T>
void read(const boost::json::value& v, std::map<std::string, T>& out, Loc& loc, Faults& faults);

template <class M>
inline constexpr bool is_optional_member = false;
template <class T>
inline constexpr bool is_optional_member<std::optional<T>> = true;
template <class T>
inline constexpr bool is_optional_member<Patch<T>> = true;

/// Members that `optional_members(As<T>)` names have defaults and may be absent.
template <class T>
bool required(std::string_view member) {
  if constexpr (requires { optional_members(As<T>{}); }) {
    for (std::string_view name : optional_members(As<T>{}))
      if (name == member) return false;
  }
  return true;
}

/// Reads every member that is there; a missing one is a fault unless it is std::optional, Patch or
/// named by `optional_members`. The rules apply when every member could be read.
template <Described T>
void read(const boost::json::value& v, T& out, Loc& loc, Faults& faults) {
  const auto* o = v.if_object();
  if (!o) return fault(faults, loc, "must be an object", "object_type");
  const std::size_t before = faults.size();
  boost::mp11::mp_for_each<described_members<T>>([&](auto d) {
    using M = std::remove_cvref_t<decltype(out.*d.pointer)>;
    const auto* member = o->if_contains(d.name);
    loc.emplace_back(d.name);
    if (member) {
      read(*member, out.*d.pointer, loc, faults);
    } else if constexpr (!is_optional_member<M>) {
      if (required<T>(d.name)) fault(faults, loc, "is required", "missing");
    }
    loc.pop_back();
  });
  if (faults.size() == before)
    for (const auto& rule : rules_of<T>().list())
      if (rule.check) rule.check(out, loc, faults);
}

template <class T>
void read(const boost::json::value& v, std::optional<T>& out, Loc& loc, Faults& faults) {
  if (v.is_null())
    out.reset();
  else
    read(v, out.emplace(), loc, faults);
}
template <class T>
void read(const boost::json::value& v, Patch<T>& out, Loc& loc, Faults& faults) {
  out.present = true;
  read(v, out.value, loc, faults);
}
template <class T>
void read(const boost::json::value& v, std::vector<T>& out, Loc& loc, Faults& faults) {
  const auto* a = v.if_array();
  if (!a) return fault(faults, loc, "must be an array", "array_type");
  out.clear();
  out.reserve(a->size());
  for (std::size_t i = 0; i < a->size(); ++i) {
    loc.push_back(std::to_string(i));
    T item{};
    read((*a)[i], item, loc, faults);
    out.push_back(std::move(item));
    loc.pop_back();
  }
}
template <class T>
void read(const boost::json::value& v, std::map<std::string, T>& out, Loc& loc, Faults& faults) {
  const auto* o = v.if_object();
  if (!o) return fault(faults, loc, "must be an object", "object_type");
  out.clear();
  for (const auto& [key, item] : *o) {
    loc.emplace_back(key);
    T value{};
    read(item, value, loc, faults);
    out.emplace(std::string(key), std::move(value));
    loc.pop_back();
  }
}

/// Reads T or throws ValidationError with every fault, located under `loc`.
template <class T>
T from_value(const boost::json::value& v, Loc loc = {"body"}) {
  T out{};
  Faults faults;
  read(v, out, loc, faults);
  if (!faults.empty()) throw ValidationError(std::move(faults));
  return out;
}
template <class T>
T from_text(std::string_view text, Loc loc = {"body"}) {
  return from_value<T>(parse_text(text, loc), loc);
}

}  // namespace pulse::json
