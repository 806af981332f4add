// Does a message fit its template? For who writes a template or a device's program.
#include "fleet/mounts.hpp"
#include "fleet/template_rules.hpp"
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
    const auto rule = rule_of(m);
    const auto problem = problem_of(rule, *value);
    add(m.metric_key, problem == MetricProblem::range ? "warning" : "error",
        words_of(rule, problem, value));
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
