#include "fleet/json_schema.hpp"

#include <cmath>

#include "fleet/documents.hpp"
#include "platform/json/write.hpp"

namespace pulse::fleet {

namespace bj = boost::json;

namespace {

std::string_view view(const bj::string& s) { return {s.data(), s.size()}; }

bool is_integer(const bj::value& v) {
  if (v.is_int64() || v.is_uint64()) return true;
  return v.is_double() && std::isfinite(v.get_double()) &&
         std::floor(v.get_double()) == v.get_double();
}

bool has_type(const bj::value& v, std::string_view type) {
  if (type == "object") return v.is_object();
  if (type == "array") return v.is_array();
  if (type == "string") return v.is_string();
  if (type == "boolean") return v.is_bool();
  if (type == "number") return v.is_number();
  if (type == "integer") return is_integer(v);
  if (type == "null") return v.is_null();
  return true;  // a type that nobody knows says nothing
}

/// A schema and a value are both somebody's: their product could keep a loop busy for minutes.
constexpr std::size_t most_steps = 20'000;
constexpr std::size_t most_words = 300, most_faults = 50;

/// What was to be, as far as it can be read.
std::string shown(const bj::value& wanted) {
  auto text = json::to_text(wanted);
  return text.size() <= most_words ? text : "one of the values of its schema";
}

/// One value against one schema; what it finds is added to `faults`. `steps` are what is left to
/// do; at 0 it looks no further.
class Check {
 public:
  Check(Faults& faults, std::vector<std::string>& loc, std::size_t& steps)
      : faults_(faults), loc_(loc), steps_(steps) {}

  void value(const bj::value& schema, const bj::value& v) {
    if (!step()) return;
    if (const auto* all = schema.if_bool()) {
      if (!*all) fault("is not allowed", "schema");
      return;
    }
    const auto* s = schema.if_object();
    if (!s) return;
    type(*s, v);
    words(*s, v);
    if (const auto* o = v.if_object()) object(*s, *o);
    if (const auto* a = v.if_array()) array(*s, *a);
    if (v.is_number()) number(*s, v.to_number<double>());
    if (const auto* text = v.if_string()) length(*s, json::utf8_length(view(*text)));
    combined(*s, v);
  }

 private:
  bool step() {
    if (steps_ > 0) --steps_;
    return steps_ > 0;
  }
  void fault(std::string msg, std::string kind) {
    if (faults_.size() < most_faults) faults_.push_back({loc_, std::move(msg), std::move(kind)});
  }
  static const double* bound(const bj::object& s, const char* name, double& room) {
    const auto* v = s.if_contains(name);
    if (!v || !v->is_number()) return nullptr;
    room = v->to_number<double>();
    return &room;
  }
  static std::string as_text(double d) {
    std::string out;
    json::write_double(out, d);
    return out;
  }

  void type(const bj::object& s, const bj::value& v) {
    const auto* wanted = s.if_contains("type");
    if (!wanted) return;
    if (const auto* one = wanted->if_string()) {
      if (!has_type(v, view(*one))) fault("must be of type " + std::string(view(*one)), "type");
      return;
    }
    const auto* several = wanted->if_array();
    if (!several) return;
    std::string list;
    for (const auto& each : *several) {
      if (!step()) return;
      if (!each.is_string()) continue;
      if (has_type(v, view(each.get_string()))) return;
      list += (list.empty() ? "" : " or ") + std::string(view(each.get_string()));
    }
    fault("must be of type " + list, "type");
  }

  void words(const bj::object& s, const bj::value& v) {
    if (const auto* only = s.if_contains("const"); only && !same_value(*only, v))
      fault("must be " + shown(*only), "const");
    const auto* list = s.if_contains("enum");
    if (!list || !list->is_array()) return;
    for (const auto& each : list->get_array())
      if (!step() || same_value(each, v)) return;
    fault("must be one of " + shown(*list), "enum");
  }

  void count(const bj::object& s, const char* least, const char* most, std::size_t n,
             const char* what) {
    double room = 0;
    if (const auto* lo = bound(s, least, room); lo && static_cast<double>(n) < *lo)
      fault("must have at least " + as_text(*lo) + " " + what, least);
    if (const auto* hi = bound(s, most, room); hi && static_cast<double>(n) > *hi)
      fault("must have at most " + as_text(*hi) + " " + what, most);
  }

  void length(const bj::object& s, std::size_t n) {
    count(s, "minLength", "maxLength", n, "characters");
  }

  void number(const bj::object& s, double d) {
    double room = 0;
    if (const auto* lo = bound(s, "minimum", room); lo && d < *lo)
      fault("must be at least " + as_text(*lo), "minimum");
    if (const auto* hi = bound(s, "maximum", room); hi && d > *hi)
      fault("must be at most " + as_text(*hi), "maximum");
    if (const auto* lo = bound(s, "exclusiveMinimum", room); lo && d <= *lo)
      fault("must be greater than " + as_text(*lo), "exclusiveMinimum");
    if (const auto* hi = bound(s, "exclusiveMaximum", room); hi && d >= *hi)
      fault("must be less than " + as_text(*hi), "exclusiveMaximum");
    if (const auto* step = bound(s, "multipleOf", room); step && *step > 0) {
      const double times = d / *step;
      if (std::abs(times - std::round(times)) > 1e-9 * std::max(1.0, std::abs(times)))
        fault("must be a multiple of " + as_text(*step), "multipleOf");
    }
  }

  void object(const bj::object& s, const bj::object& o) {
    count(s, "minProperties", "maxProperties", o.size(), "members");
    if (const auto* names = s.if_contains("required"); names && names->is_array())
      for (const auto& name : names->get_array())
        if (step() && name.is_string() && !o.contains(name.get_string()))
          at(view(name.get_string()), [&] { fault("is required", "missing"); });
    const auto* known = s.if_contains("properties");
    const bj::object* properties = known ? known->if_object() : nullptr;
    const auto* rest = s.if_contains("additionalProperties");
    for (const auto& [key, member] : o) {
      if (!step()) return;
      const auto* schema = properties ? properties->if_contains(key) : nullptr;
      if (!schema) schema = rest;
      if (!schema) continue;
      at({key.data(), key.size()}, [&, &member = member] {
        const auto* allowed = schema->if_bool();
        if (schema == rest && allowed && !*allowed)
          fault("is not known", "additionalProperties");
        else
          value(*schema, member);
      });
    }
  }

  void array(const bj::object& s, const bj::array& a) {
    count(s, "minItems", "maxItems", a.size(), "items");
    const auto* items = s.if_contains("items");
    if (!items) return;
    for (std::size_t i = 0; i < a.size(); ++i) at(std::to_string(i), [&] { value(*items, a[i]); });
  }

  void combined(const bj::object& s, const bj::value& v) {
    const auto list = [&](const char* name) -> const bj::array* {
      const auto* found = s.if_contains(name);
      return found ? found->if_array() : nullptr;
    };
    if (const auto* all = list("allOf"))
      for (const auto& each : *all) value(each, v);
    const auto matching = [&](const bj::array& schemas) {
      std::size_t n = 0;
      for (const auto& each : schemas) {
        Faults none;
        Check(none, loc_, steps_).value(each, v);
        if (none.empty()) ++n;
      }
      return n;
    };
    if (const auto* any = list("anyOf"); any && matching(*any) == 0)
      fault("matches none of the forms that it may have", "anyOf");
    if (const auto* one = list("oneOf"); one && matching(*one) != 1)
      fault("must match exactly one of the forms that it may have", "oneOf");
  }

  template <class F>
  void at(std::string_view step, F f) {
    loc_.emplace_back(step);
    f();
    loc_.pop_back();
  }

  Faults& faults_;
  std::vector<std::string>& loc_;
  std::size_t& steps_;
};

}  // namespace

Faults faults_by_schema(const bj::value& schema, const bj::value& value,
                        std::vector<std::string> loc) {
  Faults out;
  std::size_t steps = most_steps;
  Check(out, loc, steps).value(schema, value);
  if (steps == 0)
    return {{std::move(loc), "is too much to be checked against the template's schema", "schema"}};
  return out;
}

}  // namespace pulse::fleet
