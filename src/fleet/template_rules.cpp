#include "fleet/template_rules.hpp"

#include <algorithm>
#include <cmath>

#include "fleet/templates.hpp"

namespace pulse::fleet {

namespace {

bool is_whole(const boost::json::value& v) {
  return v.is_number() && std::trunc(v.to_number<double>()) == v.to_number<double>();
}

bool has_type(std::string_view type, const boost::json::value& v) {
  if (type == "float") return v.is_number();
  if (type == "integer") return is_whole(v);
  if (type == "boolean") return v.is_bool();
  if (type == "string" || type == "enum") return v.is_string();
  return true;
}

std::string name_of_type(std::string_view type) {
  if (type == "float") return "a number";
  if (type == "integer") return "a whole number";
  return type == "boolean" ? "true or false" : "a text";
}

}  // namespace

std::string_view name_of(MetricProblem problem) {
  switch (problem) {
    case MetricProblem::type:
      return "type";
    case MetricProblem::word:
      return "word";
    case MetricProblem::range:
      return "range";
    case MetricProblem::missing:
      return "missing";
    case MetricProblem::none:
      break;
  }
  return "";
}

const MetricRule* TemplateRules::find(std::string_view key) const {
  const auto at = std::lower_bound(
      metrics.begin(), metrics.end(), key,
      [](const MetricRule& m, std::string_view k) { return std::string_view(m.metric_key) < k; });
  return at != metrics.end() && at->metric_key == key ? &*at : nullptr;
}

MetricRule rule_of(const TemplateMetric& m) {
  MetricRule rule;
  rule.metric_key = m.metric_key;
  rule.data_type = m.data_type;
  rule.unit = m.unit.value_or("");
  rule.min_value = m.min_value;
  rule.max_value = m.max_value;
  rule.is_required = m.is_required;
  if (m.data_type != "enum") return rule;
  const auto words = boost::json::parse(m.enum_values.text);
  if (!words.is_array()) return rule;
  for (const auto& word : words.as_array())
    if (word.is_string()) rule.words.emplace_back(word.as_string());
  return rule;
}

TemplateRules rules_of(const std::vector<TemplateMetric>& metrics) {
  TemplateRules out;
  for (const auto& m : metrics) {
    out.metrics.push_back(rule_of(m));
    if (m.is_required) ++out.required;
  }
  std::sort(out.metrics.begin(), out.metrics.end(),
            [](const MetricRule& a, const MetricRule& b) { return a.metric_key < b.metric_key; });
  return out;
}

MetricProblem problem_of(const MetricRule& rule, const boost::json::value& v) {
  if (!has_type(rule.data_type, v)) return MetricProblem::type;
  if (!rule.words.empty()) {
    const auto& said = v.get_string();
    const bool known = std::any_of(rule.words.begin(), rule.words.end(), [&](const auto& word) {
      return std::string_view(said.data(), said.size()) == word;
    });
    return known ? MetricProblem::none : MetricProblem::word;
  }
  if (!v.is_number()) return MetricProblem::none;
  const auto number = v.to_number<double>();
  const bool outside =
      (rule.min_value && number < *rule.min_value) || (rule.max_value && number > *rule.max_value);
  return outside ? MetricProblem::range : MetricProblem::none;
}

std::string words_of(const MetricRule& rule, MetricProblem problem,
                     const boost::json::value* value) {
  if (problem == MetricProblem::missing) return "is required and missing";
  if (problem == MetricProblem::type) return "must be " + name_of_type(rule.data_type);
  if (problem == MetricProblem::word) {
    std::string all;
    for (const auto& word : rule.words) all += (all.empty() ? "" : ", ") + word;
    return "must be one of " + all;
  }
  if (problem != MetricProblem::range) return {};
  const auto unit = rule.unit.empty() ? "" : " " + rule.unit;
  if (rule.min_value && value->to_number<double>() < *rule.min_value)
    return "is below the least value, " + json::to_text(*rule.min_value) + unit;
  return "is above the greatest value, " + json::to_text(*rule.max_value) + unit;
}

void announce_template(nats::Client& nats, std::int64_t template_id) {
  nats.publish(invalidate_template_subject,
               "{\"template_id\":" + std::to_string(template_id) + "}");
}

}  // namespace pulse::fleet
