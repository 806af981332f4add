#pragma once
// JSON Schema (2020-12, as OpenAPI 3.1 uses it) of described structs.
#include <boost/core/demangle.hpp>
#include <boost/json.hpp>
#include <typeinfo>

#include "platform/json/write.hpp"

namespace pulse::json {

/// Collects named schemas; a described struct becomes a component and is referred to.
struct Components {
  boost::json::object schemas;
  std::map<std::string, std::string> types;  ///< whose each name is

  /// The name of a type: "pulse::fleet::CreateSite" -> "CreateSite"; template arguments are spelt
  /// out. Where another type has the name already, the rooms go in front.
  std::string name_of(const std::string& demangled);
};

/// The last parts of the qualified names in a demangled type name; all of them when `qualified`.
std::string component_name(std::string demangled, bool qualified = false);

template <class T>
struct SchemaOf;

template <class T>
boost::json::value schema(Components& c) {
  return SchemaOf<T>::make(c);
}

template <class T>
requires std::is_integral_v<T>
struct SchemaOf<T> {
  static boost::json::value make(Components&) {
    if constexpr (std::is_same_v<T, bool>)
      return boost::json::object{{"type", "boolean"}};
    else
      return boost::json::object{{"type", "integer"},
                                 {"format", sizeof(T) > 4 ? "int64" : "int32"}};
  }
};
template <>
struct SchemaOf<double> {
  static boost::json::value make(Components&) { return boost::json::object{{"type", "number"}}; }
};
template <>
struct SchemaOf<std::string> {
  static boost::json::value make(Components&) { return boost::json::object{{"type", "string"}}; }
};
template <>
struct SchemaOf<Time> {
  static boost::json::value make(Components&) {
    return boost::json::object{{"type", "string"}, {"format", "date-time"}};
  }
};
template <>
struct SchemaOf<boost::json::value> {
  static boost::json::value make(Components&) { return boost::json::object{}; }
};
template <>
struct SchemaOf<Raw> {
  static boost::json::value make(Components&) { return boost::json::object{}; }
};
template <>
struct SchemaOf<boost::json::object> {
  static boost::json::value make(Components&) {
    return boost::json::object{{"type", "object"}, {"additionalProperties", true}};
  }
};
template <>
struct SchemaOf<boost::json::array> {
  static boost::json::value make(Components&) { return boost::json::object{{"type", "array"}}; }
};
template <DescribedEnum E>
struct SchemaOf<E> {
  static boost::json::value make(Components&) {
    boost::json::array words;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<E>>(
        [&](auto d) { words.emplace_back(d.name); });
    return boost::json::object{{"type", "string"}, {"enum", words}};
  }
};
/// Adds null to a schema's types.
boost::json::value nullable(boost::json::value schema);
template <class T>
struct SchemaOf<std::optional<T>> {
  static boost::json::value make(Components& c) { return nullable(schema<T>(c)); }
};
template <class T>
struct SchemaOf<Patch<T>> {
  static boost::json::value make(Components& c) { return nullable(schema<T>(c)); }
};
template <class T>
struct SchemaOf<std::vector<T>> {
  static boost::json::value make(Components& c) {
    return boost::json::object{{"type", "array"}, {"items", schema<T>(c)}};
  }
};
template <class T>
struct SchemaOf<std::map<std::string, T>> {
  static boost::json::value make(Components& c) {
    return boost::json::object{{"type", "object"}, {"additionalProperties", schema<T>(c)}};
  }
};
/// Merges a rule's keywords into a member's schema.
void merge_keywords(boost::json::value& member, const boost::json::object& keywords);

template <Described T>
struct SchemaOf<T> {
  static boost::json::value make(Components& c) {
    const std::string name = c.name_of(boost::core::demangle(typeid(T).name()));
    if (!c.schemas.contains(name)) {
      c.schemas[name] = nullptr;  // ends recursion
      boost::json::object properties;
      boost::json::array required_names;
      boost::mp11::mp_for_each<described_members<T>>([&](auto d) {
        using M = std::remove_cvref_t<decltype(std::declval<T&>().*d.pointer)>;
        properties[d.name] = schema<M>(c);
        if (!is_optional_member<M> && required<T>(d.name)) required_names.emplace_back(d.name);
      });
      for (const auto& rule : rules_of<T>().list())
        if (properties.contains(rule.member)) merge_keywords(properties[rule.member], rule.schema);
      boost::json::object out{{"type", "object"}, {"properties", std::move(properties)}};
      if (!required_names.empty()) out["required"] = std::move(required_names);
      c.schemas[name] = std::move(out);
    }
    return boost::json::object{{"$ref", "#/components/schemas/" + name}};
  }
};

}  // namespace pulse::json
