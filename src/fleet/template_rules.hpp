#pragma once
// What a template says of its metrics' values, as a check of messages needs it.
#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/nats/client.hpp"

namespace pulse::fleet {

struct TemplateMetric;

/// How a value breaks the rule of its metric.
enum class MetricProblem { none, type, word, range, missing };
/// As tables and metrics name it.
std::string_view name_of(MetricProblem problem);

struct MetricRule {
  std::string metric_key, data_type;
  std::string unit;  ///< may be empty
  std::optional<double> min_value, max_value;
  bool is_required = false;
  std::vector<std::string> words;  ///< of an enum; empty: any
};

/// The rules of one template.
struct TemplateRules {
  std::vector<MetricRule> metrics;  ///< by key
  std::size_t required = 0;         ///< how many must be in a message
  /// Null: no metric of the template.
  const MetricRule* find(std::string_view key) const;
};

MetricRule rule_of(const TemplateMetric& metric);
TemplateRules rules_of(const std::vector<TemplateMetric>& metrics);
/// Never `missing`. Makes nothing: it runs for every value that is stored.
MetricProblem problem_of(const MetricRule& rule, const boost::json::value& value);
/// The problem in words: "must be a number", "is required and missing".
std::string words_of(const MetricRule& rule, MetricProblem problem,
                     const boost::json::value* value);

/// Subject of the core NATS message {"template_id"} that says: this template's metrics changed.
inline constexpr const char* invalidate_template_subject = "pulse.invalidate.template";
void announce_template(nats::Client& nats, std::int64_t template_id);

}  // namespace pulse::fleet
