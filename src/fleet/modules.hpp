#pragma once
// Modules: what is plugged into a device's slots. Each brings the sensors that its template
// requires.
#include <map>
#include <optional>
#include <string>

#include "fleet/devices.hpp"
#include "fleet/template_bodies.hpp"

namespace pulse::fleet {

/// What is wrong with a map {name as the device sends it: name as it is stored}, or empty.
std::string fault_of_key_map(const std::map<std::string, std::string>& map);

struct CreateModule {
  std::string slot_key;
  std::optional<std::string> bus_address;
  std::optional<std::int32_t> module_template_id;
  std::string label;
  std::optional<std::string> serial_number;
  std::map<std::string, std::string> metric_key_map;
};
BOOST_DESCRIBE_STRUCT(CreateModule, (),
                      (slot_key, bus_address, module_template_id, label, serial_number,
                       metric_key_map))
inline std::vector<std::string_view> optional_members(json::As<CreateModule>) {
  return {"metric_key_map"};
}
inline auto constraints(json::As<CreateModule>) {
  using T = CreateModule;
  return json::rules<T>()
      .length(&T::slot_key, 1, 100)
      .length(&T::bus_address, 1, 100)
      .length(&T::label, 1, 200)
      .length(&T::serial_number, 0, 100)
      .describe(&T::metric_key_map, "Name of a metric as the device sends it: as it is stored",
                boost::json::object{{"t1", "tank_temperature"}})
      .check("metric_key_map", [](const T& m) { return fault_of_key_map(m.metric_key_map); });
}

struct ChangeModule {
  std::optional<std::string> label;
  json::Patch<std::string> serial_number;
  std::optional<std::map<std::string, std::string>> metric_key_map;
  std::optional<std::string> status;
};
BOOST_DESCRIBE_STRUCT(ChangeModule, (), (label, serial_number, metric_key_map, status))
inline auto constraints(json::As<ChangeModule>) {
  using T = ChangeModule;
  return json::rules<T>()
      .length(&T::label, 1, 200)
      .length(&T::serial_number, 0, 100)
      .one_of(&T::status, {"active", "inactive", "removed"})
      .check("metric_key_map", [](const T& m) {
        return m.metric_key_map ? fault_of_key_map(*m.metric_key_map) : std::string();
      });
}

}  // namespace pulse::fleet
