#include "telemetry/template_watch.hpp"

#include <algorithm>

#include "platform/json/write.hpp"

namespace pulse::telemetry {

using fleet::MetricProblem;

namespace {

constexpr std::int64_t write_every_ms = 60'000;
constexpr std::size_t shown_bytes = 60;  // of a value that is at fault

// A device whose template changed meanwhile is left out: what it broke holds no longer.
// That something is missing is told where nothing else was wrong within a day: devices may send a
// metric a message.
constexpr const char* keep_faults = R"sql(
  INSERT INTO device_template_faults AS f (tenant_id, device_id, template_id, metric_key, problem,
    message, first_at, last_at, count)
  SELECT b.tenant_id, b.device_id, b.template_id, b.metric_key, b.problem, b.message,
         to_timestamp(b.last_ms / 1000.0), to_timestamp(b.last_ms / 1000.0), b.count
  FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[],
              $7::bigint[], $8::bigint[])
    AS b (tenant_id, device_id, template_id, metric_key, problem, message, last_ms, count)
  JOIN device_registry r ON r.tenant_id = b.tenant_id AND r.device_id = b.device_id
    AND r.template_id = b.template_id
  ORDER BY b.tenant_id, b.device_id
  ON CONFLICT (tenant_id, device_id) DO UPDATE SET
    template_id = excluded.template_id,
    (metric_key, problem, message, last_at) = (
      SELECT s.metric_key, s.problem, s.message, s.last_at
      FROM (VALUES (true, f.metric_key, f.problem, f.message, f.last_at),
                   (false, excluded.metric_key, excluded.problem, excluded.message,
                    excluded.last_at)) AS s (stays, metric_key, problem, message, last_at)
      WHERE s.stays = (excluded.problem = 'missing' AND f.problem <> 'missing'
        AND f.template_id = excluded.template_id
        AND f.last_at > excluded.last_at - interval '1 day')),
    first_at = CASE WHEN f.template_id = excluded.template_id THEN f.first_at
                    ELSE excluded.first_at END,
    count = excluded.count + CASE WHEN f.template_id = excluded.template_id THEN f.count ELSE 0 END
)sql";

bool contains(const std::vector<Reading>& readings, std::string_view key) {
  return std::any_of(readings.begin(), readings.end(),
                     [&](const Reading& r) { return r.key == key; });
}

}  // namespace

void TemplateWatch::note(Seen& seen, const fleet::MetricRule& rule, MetricProblem problem,
                         const boost::json::value* value) {
  ++seen.count;
  ++counts_[static_cast<std::size_t>(problem)];
  if (problem == MetricProblem::missing && seen.rule && seen.problem != MetricProblem::missing)
    return;
  seen.fault_ms = seen.seen_ms;
  seen.rule = &rule;
  seen.problem = problem;
  seen.value = value;
}

void TemplateWatch::look_at(const fleet::DeviceFacts& device, std::string_view msg_type,
                            std::int64_t received_ms, const std::vector<Reading>& readings) {
  if (!device.rules || device.rules->metrics.empty()) return;
  const auto& rules = *device.rules;
  Seen* seen = nullptr;
  const auto begin = [&]() -> Seen& {
    if (!seen) seen = &devices_[&device];
    seen->seen_ms = std::max(seen->seen_ms, received_ms);
    return *seen;
  };
  // What earlier batches counted is written with a later message, whether that one is good or not.
  if (device.faults.count > 0) begin();
  std::size_t required = 0;
  for (const auto& r : readings) {
    const auto* rule = rules.find(r.key);
    if (!rule) continue;
    if (rule->is_required) ++required;
    const auto problem = fleet::problem_of(*rule, *r.value);
    if (problem != MetricProblem::none) note(begin(), *rule, problem, r.value);
  }
  // A heartbeat or a position alone is no reading that lacks something.
  if (msg_type != "telemetry" || readings.empty() || required == rules.required) return;
  // The first one stands for all: a message lacks something, or not.
  for (const auto& rule : rules.metrics)
    if (rule.is_required && !contains(readings, rule.metric_key)) {
      note(begin(), rule, MetricProblem::missing, nullptr);
      return;
    }
}

std::vector<TemplateWatch::Row> TemplateWatch::rows() const {
  std::vector<Row> out;
  for (const auto& [device, seen] : devices_) {
    Row row{device, device->faults, seen.seen_ms, false};
    row.due = seen.seen_ms - row.faults.written_ms >= write_every_ms;
    if (seen.rule) {
      // One of an earlier batch that is in no table yet.
      const bool stays = seen.problem == MetricProblem::missing && device->faults.count > 0 &&
                         device->faults.problem != fleet::name_of(MetricProblem::missing);
      row.faults.count += seen.count;
      if (stays) {
        out.push_back(std::move(row));
        continue;
      }
      row.faults.last_ms = seen.fault_ms;
      row.faults.metric_key = seen.rule->metric_key;
      row.faults.problem = std::string(fleet::name_of(seen.problem));
      row.faults.message = fleet::words_of(*seen.rule, seen.problem, seen.value);
      if (seen.value)
        row.faults.message += "; sent: " + fit_for_text(json::to_text(*seen.value), shown_bytes);
    }
    out.push_back(std::move(row));
  }
  std::sort(out.begin(), out.end(), [](const Row& a, const Row& b) {
    return std::tie(a.device->tenant_id, a.device->device_id) <
           std::tie(b.device->tenant_id, b.device->device_id);
  });
  return out;
}

std::optional<std::pair<std::string, pg::Params>> TemplateWatch::statement() const {
  if (devices_.empty()) return std::nullopt;
  std::vector<std::string> tenants, devices, metrics, problems, messages;
  std::vector<std::int64_t> templates, last, counts;
  for (const auto& row : rows()) {
    if (!row.due) continue;
    tenants.push_back(row.device->tenant_id);
    devices.push_back(row.device->device_id);
    templates.push_back(row.device->template_id);
    metrics.push_back(row.faults.metric_key);
    problems.push_back(row.faults.problem);
    messages.push_back(row.faults.message);
    last.push_back(row.faults.last_ms);
    counts.push_back(row.faults.count);
  }
  if (tenants.empty()) return std::nullopt;
  return std::pair<std::string, pg::Params>(
      keep_faults,
      pg::Params::of(tenants, devices, templates, metrics, problems, messages, last, counts));
}

}  // namespace pulse::telemetry
