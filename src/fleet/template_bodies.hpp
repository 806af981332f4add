#pragma once
// What people send about templates, and its rules. Optional members of a change are left as they
// are when absent or null; Patch members are cleared by null.
#include <optional>
#include <string>
#include <vector>

#include "platform/json/read.hpp"
#include "platform/limits.hpp"

namespace pulse::fleet {

/// What is wrong with a key, or empty. `letters`: keys of metrics and commands begin with a letter
/// and go on with letters, digits and '_'; otherwise as slugs: a-z, 0-9, '_', '-', no sign in
/// front.
std::string fault_of_key(std::string_view key, bool letters);
/// What is wrong with a metric's bounds or words, or empty.
std::string fault_of_bounds(const std::optional<double>& min, const std::optional<double>& max);
std::string fault_of_words(const std::optional<boost::json::value>& enum_values);

/// What is wrong with the size of a JSON Schema, or empty.
std::string fault_of_schema(const std::optional<boost::json::object>& schema);

inline std::vector<std::string> template_categories() {
  return {"gateway", "edge_device", "standalone_sensor", "controller", "expansion_module"};
}
inline std::vector<std::string> metric_types() {
  return {"float", "integer", "boolean", "string", "enum"};
}
inline std::vector<std::string> slot_types() { return {"expansion", "sensor", "accessory"}; }
inline std::vector<std::string> slot_interfaces() {
  return {"analog", "rs485", "i2c", "spi", "1-wire", "fsk", "ble", "lora", "gpio", "usb"};
}

struct CreateTemplate {
  std::string name, slug;
  std::optional<std::string> description;
  std::string category;
  std::optional<std::string> manufacturer, model, firmware_version_pattern;
  std::optional<boost::json::object> transport_defaults;
  boost::json::object metadata;
  std::optional<std::string> image_url;
  std::optional<std::int64_t> heartbeat_stale_seconds;
};
BOOST_DESCRIBE_STRUCT(CreateTemplate, (),
                      (name, slug, description, category, manufacturer, model,
                       firmware_version_pattern, transport_defaults, metadata, image_url,
                       heartbeat_stale_seconds))
inline std::vector<std::string_view> optional_members(json::As<CreateTemplate>) {
  return {"metadata"};
}
inline auto constraints(json::As<CreateTemplate>) {
  using T = CreateTemplate;
  return json::rules<T>()
      .length(&T::name, 1, 200)
      .length(&T::slug, 1, 100)
      .length(&T::description, 0, 4000)
      .one_of(&T::category, template_categories())
      .length(&T::manufacturer, 0, 200)
      .length(&T::model, 0, 200)
      .length(&T::firmware_version_pattern, 0, 200)
      .length(&T::image_url, 0, 2000)
      .range(&T::heartbeat_stale_seconds, 1, 86'400)
      .describe(&T::heartbeat_stale_seconds,
                "Silence until its devices are STALE, where they have no limit of their own")
      .check("slug", [](const T& t) { return fault_of_key(t.slug, false); });
}

struct ChangeTemplate {
  std::optional<std::string> name, slug;
  json::Patch<std::string> description;
  std::optional<std::string> category;
  json::Patch<std::string> manufacturer, model, firmware_version_pattern;
  json::Patch<boost::json::object> transport_defaults;
  std::optional<boost::json::object> metadata;
  json::Patch<std::string> image_url;
  json::Patch<std::int64_t> heartbeat_stale_seconds;
};
BOOST_DESCRIBE_STRUCT(ChangeTemplate, (),
                      (name, slug, description, category, manufacturer, model,
                       firmware_version_pattern, transport_defaults, metadata, image_url,
                       heartbeat_stale_seconds))
inline auto constraints(json::As<ChangeTemplate>) {
  using T = ChangeTemplate;
  return json::rules<T>()
      .length(&T::name, 1, 200)
      .length(&T::slug, 1, 100)
      .length(&T::description, 0, 4000)
      .one_of(&T::category, template_categories())
      .length(&T::manufacturer, 0, 200)
      .length(&T::model, 0, 200)
      .length(&T::firmware_version_pattern, 0, 200)
      .length(&T::image_url, 0, 2000)
      .range(&T::heartbeat_stale_seconds, 1, 86'400)
      .check("slug",
             [](const T& t) { return t.slug ? fault_of_key(*t.slug, false) : std::string(); });
}

struct CreateTemplateMetric {
  std::string metric_key, display_name, data_type;
  std::optional<std::string> unit;
  std::optional<double> min_value, max_value;
  std::int64_t precision_digits = 2;
  bool is_required = false;
  std::optional<std::string> description;
  std::optional<boost::json::value> enum_values;
  std::int32_t sort_order = 0;
};
BOOST_DESCRIBE_STRUCT(CreateTemplateMetric, (),
                      (metric_key, display_name, data_type, unit, min_value, max_value,
                       precision_digits, is_required, description, enum_values, sort_order))
inline std::vector<std::string_view> optional_members(json::As<CreateTemplateMetric>) {
  return {"precision_digits", "is_required", "sort_order"};
}
inline auto constraints(json::As<CreateTemplateMetric>) {
  using T = CreateTemplateMetric;
  return json::rules<T>()
      .length(&T::metric_key, 1, 100)
      .length(&T::display_name, 1, 200)
      .one_of(&T::data_type, metric_types())
      .length(&T::unit, 0, 50)
      .range(&T::precision_digits, 0, 10)
      .length(&T::description, 0, 4000)
      .describe(&T::enum_values, "The words of an enum, a list of texts")
      .check("metric_key", [](const T& t) { return fault_of_key(t.metric_key, true); })
      .check("min_value", [](const T& t) { return fault_of_bounds(t.min_value, t.max_value); })
      .check("enum_values", [](const T& t) { return fault_of_words(t.enum_values); });
}

struct ChangeTemplateMetric {
  std::optional<std::string> display_name, data_type;
  json::Patch<std::string> unit;
  json::Patch<double> min_value, max_value;
  std::optional<std::int64_t> precision_digits;
  std::optional<bool> is_required;
  json::Patch<std::string> description;
  json::Patch<boost::json::value> enum_values;
  std::optional<std::int32_t> sort_order;
};
BOOST_DESCRIBE_STRUCT(ChangeTemplateMetric, (),
                      (display_name, data_type, unit, min_value, max_value, precision_digits,
                       is_required, description, enum_values, sort_order))
inline auto constraints(json::As<ChangeTemplateMetric>) {
  using T = ChangeTemplateMetric;
  return json::rules<T>()
      .length(&T::display_name, 1, 200)
      .one_of(&T::data_type, metric_types())
      .length(&T::unit, 0, 50)
      .range(&T::precision_digits, 0, 10)
      .length(&T::description, 0, 4000)
      .check("min_value",
             [](const T& t) { return fault_of_bounds(t.min_value.value, t.max_value.value); })
      .check("enum_values", [](const T& t) { return fault_of_words(t.enum_values.value); });
}

struct CreateTemplateCommand {
  std::string command_key, display_name;
  std::optional<std::string> description;
  std::optional<boost::json::object> parameters_schema, response_schema;
  std::int32_t sort_order = 0;
};
BOOST_DESCRIBE_STRUCT(CreateTemplateCommand, (),
                      (command_key, display_name, description, parameters_schema, response_schema,
                       sort_order))
inline std::vector<std::string_view> optional_members(json::As<CreateTemplateCommand>) {
  return {"sort_order"};
}
inline auto constraints(json::As<CreateTemplateCommand>) {
  using T = CreateTemplateCommand;
  return json::rules<T>()
      .length(&T::command_key, 1, 100)
      .length(&T::display_name, 1, 200)
      .length(&T::description, 0, 4000)
      .describe(&T::parameters_schema, "JSON Schema of the parameters, an object")
      .check("command_key", [](const T& t) { return fault_of_key(t.command_key, true); })
      .check("parameters_schema", [](const T& t) { return fault_of_schema(t.parameters_schema); })
      .check("response_schema", [](const T& t) { return fault_of_schema(t.response_schema); });
}

struct ChangeTemplateCommand {
  std::optional<std::string> display_name;
  json::Patch<std::string> description;
  json::Patch<boost::json::object> parameters_schema, response_schema;
  std::optional<std::int32_t> sort_order;
};
BOOST_DESCRIBE_STRUCT(ChangeTemplateCommand, (),
                      (display_name, description, parameters_schema, response_schema, sort_order))
inline auto constraints(json::As<ChangeTemplateCommand>) {
  using T = ChangeTemplateCommand;
  return json::rules<T>()
      .length(&T::display_name, 1, 200)
      .length(&T::description, 0, 4000)
      .check("parameters_schema",
             [](const T& t) { return fault_of_schema(t.parameters_schema.value); })
      .check("response_schema",
             [](const T& t) { return fault_of_schema(t.response_schema.value); });
}

struct CreateTemplateSlot {
  std::string slot_key, display_name, slot_type, interface_type;
  std::optional<std::int32_t> max_devices = 1;
  std::optional<std::vector<std::int64_t>> compatible_templates;
  bool is_required = false;
  std::optional<std::string> description;
  std::int32_t sort_order = 0;
};
BOOST_DESCRIBE_STRUCT(CreateTemplateSlot, (),
                      (slot_key, display_name, slot_type, interface_type, max_devices,
                       compatible_templates, is_required, description, sort_order))
inline std::vector<std::string_view> optional_members(json::As<CreateTemplateSlot>) {
  return {"is_required", "sort_order"};
}
inline auto constraints(json::As<CreateTemplateSlot>) {
  using T = CreateTemplateSlot;
  return json::rules<T>()
      .length(&T::slot_key, 1, 100)
      .length(&T::display_name, 1, 200)
      .one_of(&T::slot_type, slot_types())
      .one_of(&T::interface_type, slot_interfaces())
      .range(&T::max_devices, 0, 1'000'000)
      .describe(&T::max_devices, "null: any number of modules")
      .items(&T::compatible_templates, 0, 1'000)
      .describe(&T::compatible_templates, "Ids of expansion modules; null: any")
      .length(&T::description, 0, 4000)
      .check("slot_key", [](const T& t) { return fault_of_key(t.slot_key, false); });
}

struct ChangeTemplateSlot {
  std::optional<std::string> display_name, slot_type, interface_type;
  json::Patch<std::int32_t> max_devices;
  json::Patch<std::vector<std::int64_t>> compatible_templates;
  std::optional<bool> is_required;
  json::Patch<std::string> description;
  std::optional<std::int32_t> sort_order;
};
BOOST_DESCRIBE_STRUCT(ChangeTemplateSlot, (),
                      (display_name, slot_type, interface_type, max_devices, compatible_templates,
                       is_required, description, sort_order))
inline auto constraints(json::As<ChangeTemplateSlot>) {
  using T = ChangeTemplateSlot;
  return json::rules<T>()
      .length(&T::display_name, 1, 200)
      .one_of(&T::slot_type, slot_types())
      .one_of(&T::interface_type, slot_interfaces())
      .range(&T::max_devices, 0, 1'000'000)
      .items(&T::compatible_templates, 0, 1'000)
      .length(&T::description, 0, 4000);
}

/// A slot in a document: modules by their slugs, since ids mean nothing elsewhere.
struct DocumentSlot {
  std::string slot_key, display_name, slot_type, interface_type;
  std::optional<std::int32_t> max_devices = 1;
  std::optional<std::vector<std::string>> compatible_slugs;
  bool is_required = false;
  std::optional<std::string> description;
  std::int32_t sort_order = 0;
};
BOOST_DESCRIBE_STRUCT(DocumentSlot, (),
                      (slot_key, display_name, slot_type, interface_type, max_devices,
                       compatible_slugs, is_required, description, sort_order))
inline std::vector<std::string_view> optional_members(json::As<DocumentSlot>) {
  return {"is_required", "sort_order"};
}
inline auto constraints(json::As<DocumentSlot>) {
  using T = DocumentSlot;
  return json::rules<T>()
      .length(&T::slot_key, 1, 100)
      .length(&T::display_name, 1, 200)
      .one_of(&T::slot_type, slot_types())
      .one_of(&T::interface_type, slot_interfaces())
      .range(&T::max_devices, 0, 1'000'000)
      .items(&T::compatible_slugs, 0, 1'000)
      .length(&T::description, 0, 4000)
      .check("slot_key", [](const T& t) { return fault_of_key(t.slot_key, false); });
}

/// The name of the first key that `list` has twice, or empty.
template <class T>
std::string twice(const std::vector<T>& list, std::string T::*key) {
  for (std::size_t i = 0; i < list.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (list[i].*key == list[j].*key) return "has the key " + list[i].*key + " twice";
  return {};
}

/// A template whole, as it is exported and imported.
struct TemplateDocument {
  std::string format;
  CreateTemplate device_template;
  std::vector<CreateTemplateMetric> metrics;
  std::vector<CreateTemplateCommand> commands;
  std::vector<DocumentSlot> slots;
};
BOOST_DESCRIBE_STRUCT(TemplateDocument, (), (format, device_template, metrics, commands, slots))
inline std::vector<std::string_view> optional_members(json::As<TemplateDocument>) {
  return {"metrics", "commands", "slots"};
}
inline auto constraints(json::As<TemplateDocument>) {
  using T = TemplateDocument;
  return json::rules<T>()
      .one_of(&T::format, {"pulse-template/1"})
      .items(&T::metrics, 0, limits::template_parts)
      .items(&T::commands, 0, limits::template_parts)
      .items(&T::slots, 0, limits::template_parts)
      .check("metrics",
             [](const T& t) { return twice(t.metrics, &CreateTemplateMetric::metric_key); })
      .check("commands",
             [](const T& t) { return twice(t.commands, &CreateTemplateCommand::command_key); })
      .check("slots", [](const T& t) { return twice(t.slots, &DocumentSlot::slot_key); });
}

}  // namespace pulse::fleet
