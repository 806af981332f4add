// Does a message fit its template? For who writes a template or a device's program.
#include <cmath>

#include "fleet/mounts.hpp"
#include "fleet/templates.hpp"

namespace pulse::fleet {

namespace {

using tenancy::TenantCaller;

struct ExampleMessage {
  boost::json::object metrics;
};
BOOST_DESCRIBE_STRUCT(ExampleMessage, (), (metrics))

/// `level` error: the value says something else than its metric means. warning: it is taken, and
/// somebody should look at it.
struct MessageProblem {
  std::string metric, level, message;
};
BOOST_DESCRIBE_STRUCT(MessageProblem, (), (metric, level, message))
struct MessageVerdict {
  bool valid = true;  ///< no problem is an error
  std::vector<MessageProblem> problems;
};
BOOST_DESCRIBE_STRUCT(MessageVerdict, (), (valid, problems))

bool is_whole(const boost::json::value& v) {
  return v.is_number() && std::trunc(v.to_number<double>()) == v.to_number<double>();
}

std::string fault_of_type(const TemplateMetric& m, const boost::json::value& v) {
  if (m.data_type == "float" && !v.is_number()) return "must be a number";
  if (m.data_type == "integer" && !is_whole(v)) return "must be a whole number";
  if (m.data_type == "boolean" && !v.is_bool()) return "must be true or false";
  if ((m.data_type == "string" || m.data_type == "enum") && !v.is_string()) return "must be a text";
  if (m.data_type != "enum") return {};
  const auto words = boost::json::parse(m.enum_values.text);
  if (!words.is_array()) return {};
  std::string all;
  for (const auto& word : words.as_array()) {
    if (word == v) return {};
    all += (all.empty() ? "" : ", ") + std::string(word.as_string());
  }
  return "must be one of " + all;
}

std::string fault_of_range(const TemplateMetric& m, const boost::json::value& v) {
  if (!v.is_number()) return {};
  const auto number = v.to_number<double>();
  const auto unit = m.unit ? " " + *m.unit : "";
  if (m.min_value && number < *m.min_value)
    return "is below the least value, " + json::to_text(*m.min_value) + unit;
  if (m.max_value && number > *m.max_value)
    return "is above the greatest value, " + json::to_text(*m.max_value) + unit;
  return {};
}

Task<MessageVerdict> validate_message(FleetDeps, TenantCaller caller,
                                      http::Path<"template_id", std::int32_t> id,
                                      http::Body<ExampleMessage> body) {
  const auto about = co_await template_detail(caller.db, id.value);
  MessageVerdict out;
  const auto add = [&](const std::string& metric, const char* level, std::string message) {
    if (message.empty()) return;
    out.valid = out.valid && std::string_view(level) != "error";
    out.problems.push_back({metric, level, std::move(message)});
  };
  for (const auto& m : about.metrics) {
    const auto* value = body->metrics.if_contains(m.metric_key);
    if (!value) {
      if (m.is_required) add(m.metric_key, "warning", "is required and missing");
      continue;
    }
    auto fault = fault_of_type(m, *value);
    if (fault.empty())
      add(m.metric_key, "warning", fault_of_range(m, *value));
    else
      add(m.metric_key, "error", std::move(fault));
  }
  for (const auto& [key, value] : body->metrics) {
    const std::string name(key);
    bool known = false;
    for (const auto& m : about.metrics) known = known || m.metric_key == name;
    if (!known)
      add(name, "warning", "is no metric of the template: it becomes an unmodeled sensor");
  }
  co_return out;
}

}  // namespace

void mount_template_check(http::Router& api, const FleetDeps& d) {
  api.post("/api/v1/customer/templates/{template_id}/validate", http::bound(d, validate_message))
      .customers()
      .tag("Templates")
      .summary("Does a message fit the template?")
      .description("Types, ranges, words and required metrics. Nothing is stored.")
      .fails(404, "Template not found")
      .example(boost::json::object{{"metrics", boost::json::object{{"temperature", 21.5}}}});
}

}  // namespace pulse::fleet
